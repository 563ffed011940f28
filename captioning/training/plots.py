"""Pictures of a training: curves and reliability."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot

from captioning.training.calibration import Reliability


def plot_curves(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """rows: the lines of a run's log, one per pass."""
    figure, axes = pyplot.subplots(1, 3, figsize=(13, 4), layout="constrained")
    passes = range(1, len(rows) + 1)
    for name in ("BLEU-4", "CIDEr-D", "ROUGE-L"):
        axes[0].plot(passes, [row[name] for row in rows], marker="o", label=name)
    axes[1].plot(passes, [row["loss"] for row in rows], marker="o", color="tab:red")
    axes[2].plot(passes, [row["distinct"] for row in rows], marker="o", color="tab:green")
    titles = ("dev, beam 3", "loss, then mean score of samples", "distinct sentences on dev")
    for axis, title in zip(axes, titles, strict=True):
        axis.set(title=title, xlabel="pass")
        axis.grid(alpha=0.3)
    axes[0].legend()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def plot_pretraining(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """rows: the lines of a pretraining's log, one per pass."""
    figure, axes = pyplot.subplots(1, 4, figsize=(17, 4), layout="constrained")
    steps = [row["step"] for row in rows]
    axes[0].plot(steps, [row["loss"] for row in rows], marker="o", color="tab:red")
    for name in rows[-1]["parts"]:
        # A run that was begun before the parts were measured has lines without them.
        parts = [row.get("parts", {}).get(name, math.nan) for row in rows]
        axes[1].plot(steps, parts, marker="o", label=name)
    axes[2].plot(steps, [row["distance"] for row in rows], marker="o")
    axes[3].plot(steps, [row["average_precision"] for row in rows], marker="o", color="tab:green")
    titles = (
        "loss",
        "parts of the loss on dev",
        "distance to the teacher",
        "word precision on dev",
    )
    for axis, title in zip(axes, titles, strict=True):
        axis.set(title=title, xlabel="step")
        axis.grid(alpha=0.3)
    axes[1].set_yscale("log")
    axes[1].legend()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def plot_reliability(reliability: Reliability, path: Path) -> None:
    """How often captions of a confidence are good; the diagonal would be perfect."""
    figure, axis = pyplot.subplots(figsize=(5, 5), layout="constrained")
    axis.plot([0, 1], [0, 1], color="grey", linestyle=":")
    axis.scatter(reliability.confidence, reliability.good, s=reliability.number)
    axis.set(
        title=f"expected calibration error {reliability.error:.3f}",
        xlabel="confidence",
        ylabel="share of good captions",
        xlim=(0, 1),
        ylim=(0, 1),
    )
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
