"""Commands that make checkpoints: the work is in `captioning.training`."""

from argparse import Namespace
from collections.abc import Iterator
from contextlib import closing, contextmanager

from captioning.encoder.encoder import pretrained
from captioning.errors import DatasetError
from captioning.training.config import TrainingConfig
from captioning.training.features import EncodeProgress, encode_dataset
from captioning.training.quantize import quantize as quantize_encoder
from captioning.training.samples import write_samples
from captioning.training.stages import Progress, Report
from captioning.training.train import train as train_decoder
from cli.steps import Steps

SOME_FAILED = 3


def encode(arguments: Namespace) -> int:
    """Exit code 3 where a picture could not be read; the refused ones are listed."""
    steps = Steps()

    def report(progress: EncodeProgress) -> None:
        done = f"{progress.view}: {progress.done:,} of {progress.total:,}"
        steps.rewrite(done, progress.seconds_left)

    encoder = pretrained(
        arguments.encoder,
        weights=arguments.weights,
        input_size=arguments.input_size,
        scaling=arguments.scaling,
    )
    with steps:
        refused = encode_dataset(
            arguments.dataset, arguments.output, encoder, report, arguments.views
        )
    for picture in refused:
        print(f"{picture.name}: {picture.reason}")
    return SOME_FAILED if refused else 0


def train(arguments: Namespace) -> int:
    """Killed and called again, it goes on to the same end."""
    steps = Steps()
    with steps, _reporting(arguments, steps) as report:
        train_decoder(arguments.config, arguments.output, report, steps.tell)
    config = TrainingConfig.load(arguments.config)
    try:
        steps.tell(f"samples: {write_samples(config, arguments.output)}")
    except DatasetError as error:
        steps.tell(f"no sample sheet: {error}")
    print(arguments.output / "best" / config.name)
    return 0


def fine_tune(arguments: Namespace) -> int:
    """Killed and called again, it goes on to the same end."""
    from captioning.training.finetune import fine_tune as tune

    with Steps() as steps:
        best = tune(arguments.config, arguments.output, _to(steps), steps.tell)
    print(best)
    return 0


def quantize(arguments: Namespace) -> int:
    """The file that was written is printed."""
    print(quantize_encoder(arguments.checkpoint, arguments.dataset))
    return 0


@contextmanager
def _reporting(arguments: Namespace, steps: Steps) -> Iterator[Report]:
    """To the terminal, and where it is wished for TensorBoard."""
    to_terminal = _to(steps)
    if not arguments.tensorboard:
        yield to_terminal
        return
    from captioning.training.board import Board

    with closing(Board(arguments.output)) as board:

        def report(progress: Progress) -> None:
            to_terminal(progress)
            board.step(progress)

        yield report


def _to(steps: Steps) -> Report:
    def report(progress: Progress) -> None:
        step = f"{progress.stage} pass {progress.number + 1}, step {progress.step}"
        steps.rewrite(f"{step} of {progress.steps}: {progress.value:.4f}", progress.seconds_left)

    return report
