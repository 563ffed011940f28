"""Commands that make checkpoints: the work is in `captioning.training`."""

import os
import sys
from argparse import Namespace

# Before TensorFlow is imported: its notes on start-up are not what was asked for.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from captioning.training.train import Progress
from captioning.training.train import train as train_decoder


def train(arguments: Namespace) -> int:
    """Killed and called again, it goes on to the same end."""
    train_decoder(arguments.config, arguments.output, _report)
    print(f"\n{arguments.output / 'best'}")
    return 0


def _report(progress: Progress) -> None:
    print(
        f"\r{progress.stage} pass {progress.number + 1}, step {progress.step} of "
        f"{progress.steps}: {progress.value:.4f}, {progress.seconds_left / 60:.0f} min left  ",
        end="",
        file=sys.stderr,
    )
