"""The sizes of a decoder."""

from dataclasses import asdict, dataclass, fields
from typing import Any

KINDS = ("attend", "merge")


@dataclass(frozen=True)
class DecoderConfig:
    """kind: attend or merge; vocabulary: words; channels: of the grid; values: what is kept
    of each cell; heads: of the attention; dropout: shares between 0 and 1, in training only.
    """

    kind: str
    vocabulary: int
    channels: int
    word_vector: int = 320
    memory: int = 512
    values: int = 384
    heads: int = 4
    dropout_seen: float = 0.3
    dropout_heard: float = 0.3
    dropout_said: float = 0.5

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind is one of {KINDS}, not {self.kind!r}")
        if not self.heads or self.values % self.heads:
            raise ValueError(f"{self.values} values do not divide over {self.heads} heads")

    @classmethod
    def from_dict(cls, settings: dict[str, Any]) -> "DecoderConfig":
        """Raises ValueError where a setting is missing, unknown or wrong."""
        unknown = settings.keys() - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"no such setting of a decoder: {', '.join(sorted(unknown))}")
        try:
            return cls(**settings)
        except TypeError as error:
            raise ValueError(str(error)) from error

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)
