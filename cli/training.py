"""Commands that make checkpoints: the work is in `captioning.training`."""

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

# Before TensorFlow is imported: its notes on start-up are not what was asked for.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from captioning.encoder.encoder import pretrained
from captioning.errors import DatasetError
from captioning.training.config import TrainingConfig
from captioning.training.features import EncodeProgress, encode_dataset
from captioning.training.quantize import quantize as quantize_encoder
from captioning.training.samples import write_samples
from captioning.training.stages import Progress
from captioning.training.train import train as train_decoder

SOME_FAILED = 3


def encode(arguments: Namespace) -> int:
    """Exit code 3 where a picture could not be read; the refused ones are listed."""
    encoder = pretrained(
        arguments.encoder,
        weights=arguments.weights,
        input_size=arguments.input_size,
        scaling=arguments.scaling,
    )
    refused = encode_dataset(
        arguments.dataset, arguments.output, encoder, _report_pictures, arguments.views
    )
    print(file=sys.stderr)
    for picture in refused:
        print(f"{picture.name}: {picture.reason}")
    return SOME_FAILED if refused else 0


def train(arguments: Namespace) -> int:
    """Killed and called again, it goes on to the same end."""
    with _reporting(arguments) as report:
        train_decoder(arguments.config, arguments.output, report, _tell)
    config = TrainingConfig.load(arguments.config)
    try:
        print(f"\nsamples: {write_samples(config, arguments.output)}", file=sys.stderr)
    except DatasetError as error:
        print(f"\nno sample sheet: {error}", file=sys.stderr)
    print(arguments.output / "best" / config.name)
    return 0


def quantize(arguments: Namespace) -> int:
    """The file that was written is printed."""
    print(quantize_encoder(arguments.checkpoint, arguments.dataset))
    return 0


@contextmanager
def _reporting(arguments: Namespace) -> Iterator[Callable[[Progress], None]]:
    """To the terminal, and where it is wished for TensorBoard."""
    if not arguments.tensorboard:
        yield _report_steps
        return
    from captioning.training.board import Board

    with closing(Board(arguments.output)) as board:

        def report(progress: Progress) -> None:
            _report_steps(progress)
            board.step(progress)

        yield report


def fine_tune(arguments: Namespace) -> int:
    """Killed and called again, it goes on to the same end."""
    from captioning.training.finetune import fine_tune as tune

    print(f"\n{tune(arguments.config, arguments.output, _report_steps, _tell)}")
    return 0


def _tell(text: str) -> None:
    print(text, file=sys.stderr)


def _report_pictures(progress: EncodeProgress) -> None:
    _rewrite(f"{progress.view}: {progress.done:,} of {progress.total:,}", progress.seconds_left)


def _report_steps(progress: Progress) -> None:
    step = f"{progress.stage} pass {progress.number + 1}, step {progress.step}"
    _rewrite(f"{step} of {progress.steps}: {progress.value:.4f}", progress.seconds_left)


def _rewrite(line: str, seconds_left: float) -> None:
    print(f"\r{line}, {seconds_left / 60:.0f} min left  ", end="", file=sys.stderr, flush=True)
