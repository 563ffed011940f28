"""Fitting the confidence: how often is a caption with such a log-probability a good one?

A caption counts as good when it agrees with the references at least as well as a person's
caption does one time in two: when its CIDEr-D reaches the median that single references
reach against the others of their picture. The curve is the isotonic regression of that on
the log-probability per word (Zadrozny and Elkan 2002), thinned to a few points.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from captioning.confidence import Calibration
from captioning.training.metrics import ConsensusScorer, Words

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Reliability:
    """Per bin of confidence: mean confidence, share of good captions, number of captions.

    error: the expected calibration error, |confidence - share| weighted by number.
    """

    confidence: Floats
    good: Floats
    number: NDArray[np.int64]
    error: float


def human_threshold(references: Sequence[Sequence[Words]]) -> float:
    """Median CIDEr-D of each picture's first reference against the others of the picture.

    Where no picture has a second reference nobody can be compared with anybody: good is then
    half of what the reference itself would score.
    """
    several = [group for group in references if len(group) > 1]
    if not several:
        alone = ConsensusScorer(references)
        return float(np.median([alone.score(i, g[0]) for i, g in enumerate(references)]) / 2)
    scorer = ConsensusScorer([group[1:] for group in several])
    return float(np.median([scorer.score(i, group[0]) for i, group in enumerate(several)]))


def fit(
    log_probability_per_word: Floats, good: NDArray[np.bool_], *, bins: int = 20
) -> Calibration:
    """Isotonic regression over `bins` groups of equally many captions."""
    order = np.argsort(log_probability_per_word, kind="stable")
    groups = [group for group in np.array_split(order, bins) if len(group)]
    at = [float(log_probability_per_word[group].mean()) for group in groups]
    share = _never_falling(
        np.array([good[group].mean() for group in groups]),
        np.array([len(group) for group in groups], np.float64),
    )
    rising = [i for i in range(len(at)) if i == 0 or at[i] > at[i - 1]]
    return Calibration(
        tuple(round(at[i], 5) for i in rising), tuple(round(float(share[i]), 4) for i in rising)
    )


def _never_falling(values: Floats, weights: Floats) -> Floats:
    """Pool adjacent violators (Ayer et al. 1955)."""
    pools: list[list[float]] = []  # mean, weight, members
    for value, weight in zip(values, weights, strict=True):
        pools.append([float(value), float(weight), 1])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            mean, weight_, members = pools.pop()
            before = pools[-1]
            total = before[1] + weight_
            before[0] = (before[0] * before[1] + mean * weight_) / total
            before[1], before[2] = total, before[2] + members
    return np.repeat([pool[0] for pool in pools], [int(pool[2]) for pool in pools])


def held_out(
    log_probability_per_word: Floats, good: NDArray[np.bool_], *, folds: int = 5
) -> Floats:
    """The confidence of each caption under a curve that was fitted without it."""
    fold = np.random.default_rng(0).permutation(len(good)) % folds
    confidence = np.zeros(len(good))
    for part in range(folds):
        curve = fit(log_probability_per_word[fold != part], good[fold != part])
        inside = fold == part
        confidence[inside] = [curve(value) for value in log_probability_per_word[inside]]
    return confidence


def reliability(confidence: Floats, good: NDArray[np.bool_], *, bins: int = 10) -> Reliability:
    """Compare confidence and truth in equal bins of confidence."""
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    used = np.unique(place)
    mean = np.array([confidence[place == i].mean() for i in used])
    share = np.array([good[place == i].mean() for i in used])
    number = np.array([(place == i).sum() for i in used])
    error = float((np.abs(mean - share) * number).sum() / number.sum())
    return Reliability(mean, share, number, error)
