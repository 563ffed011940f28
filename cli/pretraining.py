"""`captions pretrain`: the work is in `captioning.training.pretrain`."""

import os
import sys
from argparse import Namespace

# Before Keras imports TensorFlow: its notes on start-up are not what was asked for.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from captioning.training.pretrain.loop import pretrain as pretrain_encoder
from captioning.training.pretrain.material import Progress
from captioning.training.pretrain.run_folder import ENCODER


def pretrain(arguments: Namespace) -> int:
    """Killed and called again, it goes on to the same end."""
    pretrain_encoder(arguments.config, arguments.output, _report, _tell)
    print(file=sys.stderr)
    print(arguments.output / ENCODER)
    return 0


def _tell(text: str) -> None:
    print(text, file=sys.stderr)


def _report(progress: Progress) -> None:
    line = f"\r{progress.what} {progress.done:,} of {progress.total:,}: {progress.value:.4f}"
    pace = f"{progress.rate:.0f} crops/s, {progress.seconds_left / 60:.0f} min left  "
    print(f"{line}, {pace}", end="", file=sys.stderr, flush=True)
