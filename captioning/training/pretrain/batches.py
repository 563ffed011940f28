"""What the student sees in which step; all of it follows from the seed and the step."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from captioning.training.pretrain.config import LearningConfig, RoundConfig
from captioning.training.pretrain.targets import Table

_FADED = 0.6  # share of the training after which the two lower maps count nothing

Batch = tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]  # x, y of a Keras model


class Plan:
    """Steps of all rounds, one after the other. pictures: N, seen once in each pass."""

    def __init__(self, rounds: Sequence[RoundConfig], pictures: int) -> None:
        self.passes = [each for each in rounds for _ in range(each.passes)]
        self._steps = [pictures // each.batch for each in self.passes]
        self._ends = np.cumsum(self._steps)

    @property
    def steps(self) -> int:
        return int(self._ends[-1])

    def pass_of(self, step: int) -> tuple[int, int]:
        """Pass and step in it."""
        number = int(np.searchsorted(self._ends, step, side="right"))
        return number, step - int(self._ends[number] - self._steps[number])

    def steps_in(self, number: int) -> int:
        return self._steps[number]

    def pixels(self, number: int | None = None, place: int = 0) -> int:
        """How many are seen up to a place in a pass, or in all: time goes by these."""
        steps = self._steps if number is None else [*self._steps[:number], place]
        passes = zip(steps, self.passes, strict=False)
        return sum(count * each.batch * each.size**2 for count, each in passes)


def batch_of(
    views: Sequence[Table],
    words: NDArray[Any],
    learning: LearningConfig,
    *,
    size: int,
    key: tuple[int, int, int],
    progress: float,
) -> Batch:
    """size: crops; key: seed, pass, step in it; progress: of the training, 0 to 1."""
    seed, number, step = key
    passing = np.random.default_rng((seed, number))
    order = passing.permutation(len(words))
    view = passing.integers(len(views), size=len(words))
    chosen = order[step * size : (step + 1) * size]
    rows = {name: np.stack([views[view[p]][name][p] for p in chosen]) for name in views[0]}
    x = {"crops": rows.pop("crops"), **_choices(learning, size, np.random.default_rng(key))}
    x["early"] = np.full(size, max(0.0, 1.0 - progress / _FADED), np.float32)
    return x, {**rows, "words": words[chosen]}


def _choices(
    learning: LearningConfig, size: int, random: np.random.Generator
) -> dict[str, NDArray[Any]]:
    """How each crop is changed."""
    colours = 1.0 + random.uniform(-learning.colour, learning.colour, (size, 3))
    share = np.ones(size)
    if learning.mixup:
        drawn = random.beta(learning.mixup, learning.mixup, size)
        share = np.maximum(drawn, 1.0 - drawn)  # each keeps most of itself
    return {
        "mirrored": random.integers(2, size=size).astype(np.float32),
        "colours": colours.astype(np.float32),
        "share": share.astype(np.float32),
    }


def ahead(batches: Iterator[Batch]) -> Iterator[Batch]:
    """The next batch is read while the network learns from this one."""
    with ThreadPoolExecutor(1) as reader:
        waiting = reader.submit(next, batches, None)
        while (batch := waiting.result()) is not None:
            waiting = reader.submit(next, batches, None)
            yield batch
