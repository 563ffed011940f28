"""How good a student is on dev: how far from the teacher, and how well it finds words."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from captioning.training.pretrain.targets import Table

_BATCH = 50


@dataclass(frozen=True)
class Figures:
    """distance: error of the pooled vector as a share of its variance, 0 is the teacher, 1 is
    knowing nothing; average_precision: mean over the words, 1 is best."""

    distance: float
    average_precision: float


def measure(distiller: Any, dev: Table, words: NDArray[Any]) -> Figures:
    """dev: crops and targets of its whole pictures; words: (N, W)."""
    pooled, chances = _said(distiller, dev["crops"])
    target = dev["pooled"].astype(np.float32)
    error = float(np.square(pooled - target).mean() / (target.var(0).mean() + 1e-9))
    return Figures(round(error, 4), round(mean_average_precision(chances, words), 4))


def _said(distiller: Any, crops: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    pooled, words = [], []
    for start in range(0, len(crops), _BATCH):
        batch = crops[start : start + _BATCH]
        missing = _BATCH - len(batch)
        full = np.pad(batch, ((0, missing), (0, 0), (0, 0), (0, 0)))
        said = distiller.predict_on_batch({"crops": full})
        pooled.append(ops.convert_to_numpy(said["pooled"])[: len(batch)])
        words.append(ops.convert_to_numpy(said["words"])[: len(batch)])
    return np.concatenate(pooled), np.concatenate(words)


def mean_average_precision(scores: NDArray[Any], present: NDArray[Any]) -> float:
    """Mean over words that occur: pictures sorted by score, mean precision at each that has it.

    scores, present: (N, W). 0 where no word occurs, or a score is not a number.
    """
    if not np.isfinite(scores).all():
        return 0.0
    order = np.argsort(-scores, axis=0, kind="stable")
    hits = np.take_along_axis(present > 0.5, order, axis=0)  # (N, W)
    precision = np.cumsum(hits, axis=0) / np.arange(1, len(hits) + 1)[:, np.newaxis]
    number = hits.sum(axis=0)
    if not number.any():
        return 0.0
    return float(((precision * hits).sum(axis=0)[number > 0] / number[number > 0]).mean())
