"""From log-probability to a confidence that means something.

A checkpoint carries a curve, fitted on pictures that its training did not see: mean
log-probability per word → how often a caption like that was good. Between its points the
curve is straight, beyond them it is flat.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Calibration:
    """Points of the curve: log-probability per word, rising, and confidence, never falling."""

    log_probability: tuple[float, ...]
    confidence: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.log_probability or len(self.log_probability) != len(self.confidence):
            raise ValueError("a calibration needs as many confidences as log-probabilities")
        if any(a >= b for a, b in pairwise(self.log_probability)):
            raise ValueError("the log-probabilities of a calibration must rise")
        if any(a > b for a, b in pairwise(self.confidence)):
            raise ValueError("the confidences of a calibration must not fall")
        if self.confidence[0] < 0 or self.confidence[-1] > 1:
            raise ValueError("the confidences of a calibration lie between 0 and 1")

    @classmethod
    def uncalibrated(cls) -> "Calibration":
        """Half, whatever the caption: for a checkpoint that nobody has calibrated yet."""
        return cls((0.0,), (0.5,))

    @classmethod
    def from_dict(cls, points: dict[str, Sequence[float]]) -> "Calibration":
        """Raises ValueError where the points are no such curve."""
        try:
            return cls(
                tuple(map(float, points["log_probability"])),
                tuple(map(float, points["confidence"])),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a calibration: {error}") from error

    def to_dict(self) -> dict[str, Any]:
        return {
            "log_probability": list(self.log_probability),
            "confidence": list(self.confidence),
        }

    def __call__(self, log_probability_per_word: float) -> float:
        return float(np.interp(log_probability_per_word, self.log_probability, self.confidence))
