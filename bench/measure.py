"""One measurement, how it is printed (a JSON object on a line of its own), and fair ratios."""

import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Measurement:
    """A figure beside what it should at least (or, where less is better, at most) be.

    figure: None where something that it needs is missing; detail says what. goal: None where
    the figure only informs. unit: "×" for ratios of two sides that were taken in turn in one
    run. detail: whatever helps to judge the figure.
    """

    name: str
    figure: float | None
    goal: float | None
    unit: str
    higher_is_better: bool = True
    detail: dict[str, Any] = field(default_factory=dict)

    def to_line(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)


def in_turn(sides: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds that each side took in each round: one after the other, so that what disturbs
    the machine disturbs all of them. A first round, which is not counted, warms them up."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name, side in sides.items():
            start = time.perf_counter()
            side()
            if number:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def ratio(ones: Sequence[float], others: Sequence[float]) -> float:
    """Median over the rounds of one ÷ other."""
    pairs = zip(ones, others, strict=True)
    return round(statistics.median(one / other for one, other in pairs), 3)


def rate(count: int, seconds: Sequence[float]) -> float:
    """How many of `count` things a second, in the median round."""
    return round(count / statistics.median(seconds), 1)
