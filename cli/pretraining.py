"""`captions pretrain`: the work is in `captioning.training.pretrain`."""

from argparse import Namespace

from captioning.training.pretrain.loop import pretrain as pretrain_encoder
from captioning.training.pretrain.material import Progress
from captioning.training.pretrain.run_folder import ENCODER
from cli.steps import Steps


def pretrain(arguments: Namespace) -> int:
    """Killed and called again, it goes on to the same end."""
    steps = Steps()

    def report(progress: Progress) -> None:
        line = f"{progress.what} {progress.done:,} of {progress.total:,}"
        loss = "" if progress.loss is None else f": {progress.loss:.4f}"
        rate = "" if progress.rate is None else f", {progress.rate:.0f} crops/s"
        steps.rewrite(f"{line}{loss}{rate}", progress.seconds_left)

    with steps:
        pretrain_encoder(arguments.config, arguments.output, report, steps.tell)
    print(arguments.output / ENCODER)
    return 0
