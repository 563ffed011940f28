"""What readers of any format hand on: a row with its line, or why there is none."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """line: where it begins in the body, from 1."""

    line: int
    url: object
    key: object = None
    metadata: object = None
    unknown: str | None = None


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that cannot be read, with the reason as the end of a sentence."""

    line: int
    field: str
    message: str


class Unreadable(Exception):
    """The stream as a whole cannot be read any further."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


Metadata = Mapping[str, Any]
