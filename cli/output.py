"""The file that `captions run` writes: CSV or JSON Lines."""

import csv
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

from cli.files import form_of
from jobs.results import neutral

COLUMNS = ("source", "caption", "confidence", "code", "message")


@dataclass(frozen=True, slots=True)
class Row:
    """What became of a picture: a caption with its confidence (0 to 1), or a code and why."""

    source: str
    caption: str | None
    confidence: float | None
    code: str | None
    message: str | None


def write_csv(rows: Iterable[Row], file: TextIO) -> None:
    """RFC 4180; cells that a spreadsheet would calculate get a leading apostrophe."""
    table = csv.writer(file, lineterminator="\r\n")
    table.writerow(COLUMNS)
    for row in rows:
        confidence = "" if row.confidence is None else f"{row.confidence:.3f}"
        cells = (row.source, row.caption, confidence, row.code, row.message)
        table.writerow([neutral(cell) for cell in cells])


def write_jsonl(rows: Iterable[Row], file: TextIO) -> None:
    """A JSON object with the same names on each line."""
    for row in rows:
        file.write(json.dumps(asdict(row), ensure_ascii=False) + "\n")


Writer = Callable[[Iterable[Row], TextIO], None]
WRITERS: dict[str, Writer] = {"csv": write_csv, "jsonl": write_jsonl}


def writer_for(output: Path) -> Writer:
    """By the file's suffix. Raises OutputError for one that is not known, or a folder."""
    return WRITERS[form_of(output)]
