"""The file that `captions run` writes: CSV or JSON Lines, complete or not at all."""

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, TextIO

from cli.errors import OutputError

COLUMNS = ("source", "caption", "confidence", "code", "message")
# A cell that begins so is a formula to a spreadsheet.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


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
        texts = [_plain(text) for text in (row.source, row.caption, row.code, row.message)]
        table.writerow([texts[0], texts[1], confidence, *texts[2:]])


def write_jsonl(rows: Iterable[Row], file: TextIO) -> None:
    """A JSON object with the same names on each line."""
    for row in rows:
        file.write(json.dumps(asdict(row), ensure_ascii=False) + "\n")


Writer = Callable[[Iterable[Row], TextIO], None]
WRITERS: dict[str, Writer] = {".csv": write_csv, ".jsonl": write_jsonl}


def writer_for(output: Path) -> Writer:
    """By the file's suffix. Raises OutputError for one that is not known, or a folder."""
    if output.is_dir():
        raise OutputError(output, "is a folder; name a file in it, such as captions.csv")
    if output.suffix.lower() not in WRITERS:
        raise OutputError(output, f"its name must end in {' or '.join(WRITERS)}")
    return WRITERS[output.suffix.lower()]


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """A text file that takes the place of `path` once it is complete, also after a crash.

    Names of files that are not UTF-8 are written as the bytes that they are.
    """
    with replacing_bytes(path) as raw:
        file = io.TextIOWrapper(raw, encoding="utf-8", errors="surrogateescape", newline="")
        yield file
        file.flush()
        file.detach()


@contextmanager
def replacing_bytes(path: Path) -> Iterator[BinaryIO]:
    """The same for bytes. Raises OutputError where the file cannot be written."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise OutputError(path, f"cannot be written: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)


def _plain(text: str | None) -> str:
    if text is None:
        return ""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
