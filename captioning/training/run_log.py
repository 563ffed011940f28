"""The log of a run: one line of JSON for each pass, and no pass twice.

A pass is logged before the state that it leads to is saved. A run that was killed in between
goes on from the state before, so that the pass comes again: its line is cut off first.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

LOG = "log.jsonl"

Row = dict[str, Any]


def append_row(run: Path, row: Row) -> None:
    """Add a line to the run's log."""
    with (run / LOG).open("a", encoding="utf-8") as log:
        log.write(json.dumps(row) + "\n")


def read_rows(run: Path) -> list[Row]:
    """The whole lines of the log in order; none where there is no log yet."""
    return [json.loads(line) for line in _whole_lines(run)]


def cut_log(run: Path, comes_again: Callable[[Row], bool]) -> None:
    """Forget the passes that are to come again, and half a line that a kill has left."""
    kept = [line for line in _whole_lines(run) if not comes_again(json.loads(line))]
    if (run / LOG).exists():
        part = run / f"{LOG}.partial"
        part.write_text("".join(kept), encoding="utf-8")
        part.replace(run / LOG)


def _whole_lines(run: Path) -> list[str]:
    if not (run / LOG).exists():
        return []
    lines = (run / LOG).read_text(encoding="utf-8").splitlines(keepends=True)
    return [line for line in lines if line.endswith("\n")]
