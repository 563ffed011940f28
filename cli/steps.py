"""What a command that takes many steps says of them on standard error."""

import sys
from typing import Self

_BRIEF = 90.0  # seconds; below it, minutes say nothing
_LONG = 90.0  # minutes


class Steps:
    """A line that is rewritten at each step, and others that stay.

    As a context it ends the line, also where an error is to be told next.
    """

    def __init__(self) -> None:
        self._within_line = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def rewrite(self, line: str, seconds_left: float | None = None) -> None:
        """In place of the line before. seconds_left: None while nobody can tell."""
        left = "" if seconds_left is None else f", {_in_words(seconds_left)} left"
        print(f"\r{line}{left}    ", end="", file=sys.stderr, flush=True)
        self._within_line = True

    def tell(self, text: str) -> None:
        """A line that stays."""
        self.end()
        print(text, file=sys.stderr)

    def end(self) -> None:
        """What follows begins on a line of its own."""
        if self._within_line:
            print(file=sys.stderr)
        self._within_line = False


def _in_words(seconds: float) -> str:
    minutes = seconds / 60
    if seconds < _BRIEF:
        return f"{seconds:.0f} s"
    return f"{minutes:.0f} min" if minutes < _LONG else f"{minutes / 60:.1f} h"
