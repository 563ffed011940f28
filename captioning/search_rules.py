"""How a search for sentences is to go; needs no network to be read."""

from dataclasses import asdict, dataclass
from typing import Any

LONGEST = 32  # words that a search has room for


@dataclass(frozen=True)
class SearchRules:
    """beam_width: 1 is greedy. length_power: 0 compares sums of log-probabilities, 1 means
    per word. blocked_ngram: no run of so many words occurs twice in a sentence; 0 allows
    all. with_attention: also say where each word looked."""

    beam_width: int = 3
    length_power: float = 1.0
    blocked_ngram: int = 0
    with_attention: bool = False

    def __post_init__(self) -> None:
        if self.beam_width < 1 or self.length_power < 0:
            raise ValueError("a beam is at least 1 wide, a length power at least 0")
        if self.blocked_ngram != 0 and not 2 <= self.blocked_ngram < LONGEST:
            raise ValueError(f"a blocked n-gram has 2 to {LONGEST - 1} words, or 0 for none")

    @classmethod
    def from_dict(cls, settings: dict[str, Any]) -> "SearchRules":
        """Raises ValueError where the settings are no such rules."""
        try:
            return cls(**settings)
        except TypeError as error:
            raise ValueError(f"not rules of a search: {error}") from error

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)
