"""Commands that look into a checkpoint: metrics, attention over a picture, its network drawn."""

from argparse import Namespace
from pathlib import Path

from captioning.explain import explain as explain_picture
from captioning.training.diagram import plot_checkpoint
from captioning.training.evaluate import evaluate as evaluate_checkpoint
from captioning.training.evaluate import metrics_table
from cli.checkpoint import local_settings
from cli.errors import OutputError
from cli.steps import Steps


def evaluate(arguments: Namespace) -> int:
    """Metrics with 95 % intervals; --output also gets scores, sheets and the reliability plot."""
    with Steps() as steps:
        evaluation = evaluate_checkpoint(
            arguments.checkpoint,
            arguments.dataset,
            split=arguments.split,
            beam_width=arguments.beam_width,
            output=arguments.output,
            advance=lambda done, total: steps.rewrite(f"{done:,} of {total:,}"),
        )
    print(evaluation.report)
    for line in metrics_table(evaluation.metrics):
        print(line)
    print(f"distinct sentences {evaluation.distinct:,} of {evaluation.pictures:,}")
    print(f"calibration error  {evaluation.calibration_error:.3f}")
    return 0


def explain(arguments: Namespace) -> int:
    """Attention of each word as a PNG; the sentences of the beam are printed."""
    _require_png(arguments.output)
    checkpoint = arguments.checkpoint or local_settings().checkpoint
    explanation = explain_picture(arguments.picture, checkpoint, arguments.output)
    for sentence in explanation.sentences:
        print(f"{sentence.log_probability:8.3f}  {sentence.text}")
    return 0


def plot(arguments: Namespace) -> int:
    """The network as Keras draws it, one box a layer."""
    _require_png(arguments.output)
    plot_checkpoint(arguments.checkpoint, arguments.output)
    return 0


def _require_png(output: Path) -> None:
    if output.suffix.lower() != ".png":
        raise OutputError(output, "the drawing is a PNG; let its name end in .png")
