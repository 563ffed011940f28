"""The log of a run: one line of JSON for each pass, and no pass twice.

A pass is logged before the state that it leads to is saved. A run that was killed in between
goes on from the state before, so that the pass comes again: its line is cut off first.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from captioning.errors import TrainingError

LOG = "log.jsonl"

Row = dict[str, Any]


def append_row(run: Path, row: Row) -> None:
    """Add a line to the run's log."""
    with (run / LOG).open("a", encoding="utf-8") as log:
        log.write(json.dumps(row) + "\n")


def read_rows(run: Path) -> list[Row]:
    """The whole lines of the log in order; none where there is no log yet."""
    return [_row(run, place, line) for place, line in enumerate(_whole_lines(run), start=1)]


def cut_log(run: Path, comes_again: Callable[[Row], bool]) -> None:
    """Forget the passes that are to come again, and half a line that a kill has left."""
    lines = enumerate(_whole_lines(run), start=1)
    kept = [line for place, line in lines if not comes_again(_row(run, place, line))]
    if (run / LOG).exists():
        part = run / f"{LOG}.partial"
        part.write_text("".join(kept), encoding="utf-8")
        part.replace(run / LOG)


def _row(run: Path, place: int, line: str) -> Row:
    try:
        row: Row = json.loads(line)
    except ValueError as error:
        reason = f"is not JSON ({error}); take the line away"
        raise TrainingError(f"{run / LOG}, line {place}: {reason}") from error
    return row


def _whole_lines(run: Path) -> list[str]:
    if not (run / LOG).exists():
        return []
    lines = (run / LOG).read_text(encoding="utf-8").splitlines(keepends=True)
    return [line for line in lines if line.endswith("\n")]
