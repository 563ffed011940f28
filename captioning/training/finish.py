"""The last touch to a checkpoint: its confidence, its metrics with intervals, its plots.

best weights → caption dev once more → calibration, metrics → checkpoint and plots
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from captioning.beam import Searcher
from captioning.checkpoint import (
    METRICS,
    CheckpointConfig,
    round_off,
    save_checkpoint,
)
from captioning.training.calibration import fit, held_out, human_threshold, reliability
from captioning.training.diagram import plot_network
from captioning.training.examples import Examples
from captioning.training.metrics import score
from captioning.training.plots import plot_curves, plot_reliability
from captioning.training.run_log import read_rows
from captioning.vocabulary import PAD, Vocabulary, sentence_of

DEV_BATCH = 50
LONGEST_ON_DEV = 20


@dataclass(frozen=True)
class Said:
    """The best sentence of each picture: words, and log-probability per word (N,)."""

    words: list[list[str]]
    log_probability: NDArray[np.float64]

    @property
    def distinct(self) -> int:
        """How many different sentences: few mean that the decoder plays safe."""
        return len({sentence_of(words) for words in self.words})


def caption_all(searcher: Searcher, examples: Examples, vocabulary: Vocabulary) -> Said:
    """Caption the first view of every picture."""
    words: list[list[str]] = []
    chances: list[float] = []
    for start in range(0, len(examples), DEV_BATCH):
        grid = np.asarray(examples.views[0][start : start + DEV_BATCH])
        found = searcher(grid, LONGEST_ON_DEV)
        best = found.words[:, 0]
        words += [vocabulary.decode(numbers) for numbers in best]
        chances += list(found.log_probabilities[:, 0] / np.maximum(1, (best != PAD).sum(axis=1)))
    return Said(words, np.array(chances, np.float64))


def rounded_scores(said: Said, examples: Examples) -> dict[str, float]:
    """The metrics of a pass, without intervals."""
    scores = score(said.words, examples.captions).intervals(resamples=2)
    metrics = {name: round(interval.value, 4) for name, interval in scores.items()}
    return {**metrics, "distinct": said.distinct}


def finish(
    folder: Path,
    config: CheckpointConfig,
    vocabulary: Vocabulary,
    decoder: Any,
    dev: Examples,
    run: Path,
    *,
    encoder_file: Path | None = None,
    rounded: bool = False,
) -> None:
    """Write the checkpoint with calibration and metrics into `folder`; a copy of metrics.json,
    reliability.png and model_plot.png into `run`. decoder: the best weights, which become those
    that the file holds; encoder_file, rounded: as in `save_checkpoint`."""
    round_off(decoder, rounded=rounded)
    said = caption_all(Searcher(decoder, config.search), dev, vocabulary)
    scores = score(said.words, dev.captions)
    good = scores.cider_d >= human_threshold(dev.captions)
    trusted = reliability(held_out(said.log_probability, good), good)
    metrics = {
        "split": "dev",
        "pictures": len(dev),
        "beam_width": config.search.beam_width,
        "distinct": said.distinct,
        "good": round(float(good.mean()), 4),
        "calibration_error": round(trusted.error, 4),
        **{name: interval.to_dict() for name, interval in scores.intervals().items()},
    }
    calibrated = CheckpointConfig(
        **{**vars(config), "calibration": fit(said.log_probability, good)}
    )
    save_checkpoint(
        folder,
        calibrated,
        vocabulary,
        decoder,
        metrics,
        encoder_file=encoder_file,
        rounded=rounded,
    )
    shutil.copyfile(folder / METRICS, run / METRICS)
    plot_reliability(trusted, run / "reliability.png")
    plot_network(config, run / "model_plot.png")


def draw_curves(run: Path) -> None:
    """curves.png from the run's log."""
    plot_curves(read_rows(run), run / "curves.png")
