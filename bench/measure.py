"""One measurement, and how it is printed: a JSON object on a line of its own."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Measurement:
    """A figure beside what it should at least (or, where less is better, at most) be.

    goal: None where the figure only informs. unit: "×" for ratios of two sides that were
    taken in turn in one run. detail: whatever helps to judge the figure.
    """

    name: str
    figure: float
    goal: float | None
    unit: str
    higher_is_better: bool = True
    detail: dict[str, Any] = field(default_factory=dict)

    def to_line(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)
