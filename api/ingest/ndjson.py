"""Newline-delimited JSON: an object on each line, with the fields of an image."""

from collections.abc import Iterable, Iterator

import orjson

from api.ingest.lines import LONGEST_LINE
from api.ingest.rows import BadLine, Row

FIELDS = frozenset({"url", "key", "metadata"})


def read(lines: Iterable[bytes]) -> Iterator[Row | BadLine]:
    """Rows in order; empty lines are passed over."""
    for number, line in enumerate(lines, 1):
        if len(line) > LONGEST_LINE:
            yield BadLine(number, "line", f"is longer than {LONGEST_LINE:,} bytes")
        elif line.strip():
            yield _row(number, line)


def _row(number: int, line: bytes) -> Row | BadLine:
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return BadLine(number, "line", f"is not JSON: {error.msg} (column {error.colno})")
    if not isinstance(document, dict):
        return BadLine(number, "line", "must be an object")
    unknown = None if document.keys() <= FIELDS else min(document.keys() - FIELDS)
    return Row(number, document.get("url"), document.get("key"), document.get("metadata"), unknown)
