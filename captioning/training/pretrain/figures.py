"""How good a student is on dev: how far from the teacher, and how well it finds words."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from captioning.training.pretrain.distiller import MAPS, loss_parts
from captioning.training.pretrain.losses import softened
from captioning.training.pretrain.targets import Table

_BATCH = 50
_TAUGHT = (*MAPS, "pooled", "classes")


@dataclass(frozen=True)
class Figures:
    """distance: error of the pooled vector as a share of its variance, 0 is the teacher, 1 is
    knowing nothing; average_precision: mean over the words, 1 is best; parts: of the loss, each
    for itself, on pictures that nothing was done to."""

    distance: float
    average_precision: float
    parts: dict[str, float]


def measure(distiller: Any, dev: Table, words: NDArray[Any]) -> Figures:
    """dev: crops and targets of its whole pictures; words: (N, W)."""
    pooled, chances, parts = [], [], []
    for start in range(0, len(words), _BATCH):
        batch = slice(start, start + _BATCH)
        said = _said(distiller, dev["crops"][batch])
        pooled.append(said["pooled"])
        chances.append(said["words"])
        parts.append(_parts(said, {name: dev[name][batch] for name in _TAUGHT}, words[batch]))
    target = dev["pooled"].astype(np.float32)
    error = np.square(np.concatenate(pooled) - target).mean() / (target.var(0).mean() + 1e-9)
    precision = mean_average_precision(np.concatenate(chances), words)
    sizes = [len(each) for each in pooled]
    mean = {
        name: round(float(np.average([each[name] for each in parts], weights=sizes)), 4)
        for name in parts[0]
    }
    return Figures(round(float(error), 4), round(precision, 4), mean)


def _said(distiller: Any, crops: NDArray[Any]) -> dict[str, NDArray[Any]]:
    missing = _BATCH - len(crops)
    full = np.pad(crops, ((0, missing), (0, 0), (0, 0), (0, 0)))
    said = distiller.predict_on_batch({"crops": full})
    return {name: ops.convert_to_numpy(value)[: len(crops)] for name, value in said.items()}


def _parts(said: Table, taught: Table, words: NDArray[Any]) -> dict[str, float]:
    targets = {name: value.astype(np.float32) for name, value in taught.items()}
    targets |= {"words": words.astype(np.float32)}
    # PyTorch's tensors and NumPy's arrays do not mix.
    compared, aims = ({n: ops.convert_to_tensor(v) for n, v in t.items()} for t in (said, targets))
    aims["classes"] = softened(aims["classes"])
    return {name: float(part) for name, part in loss_parts(compared, aims).items()}


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
