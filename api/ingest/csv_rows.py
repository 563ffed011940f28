"""CSV by RFC 4180: a header row with `url`, perhaps `key`; other columns are metadata."""

import csv
from collections.abc import Iterable, Iterator

from api.ingest.lines import LONGEST_LINE
from api.ingest.rows import BadLine, Row, Unreadable


def read(lines: Iterable[bytes]) -> Iterator[Row | BadLine]:
    """Rows in order. Raises Unreadable where the header cannot be used."""
    source = _Lines(lines)
    records = _records(source)
    header = next(records, None)
    if header is None:
        raise Unreadable("the file is empty: it needs a header row with a column url", 1)
    if isinstance(header, BadLine):
        raise Unreadable(f"the header {header.message}", header.line)
    columns = _Columns(header[1])
    for record in records:
        yield record if isinstance(record, BadLine) else columns.row(*record)


class _Columns:
    """Which cell is what."""

    def __init__(self, header: list[str]) -> None:
        names = [name.strip() for name in header]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise Unreadable(f"the header names the column {doubled[0]!r} twice", 1)
        if "url" not in names:
            raise Unreadable("the header names no column url", 1)
        if "" in names:
            raise Unreadable(f"the header gives column {names.index('') + 1} no name", 1)
        self._names = names
        self._url = names.index("url")
        self._key = names.index("key") if "key" in names else None
        self._others = [(at, name) for at, name in enumerate(names) if name not in ("url", "key")]

    def row(self, line: int, cells: list[str]) -> Row | BadLine:
        if len(cells) != len(self._names):
            message = f"has {len(cells)} cells; the header has {len(self._names)}"
            return BadLine(line, "line", message)
        key = cells[self._key] or None if self._key is not None else None
        metadata = {name: cells[at] for at, name in self._others} or None
        return Row(line, cells[self._url], key, metadata)


class _Lines:
    """Feeds the parser, and knows where the record at hand began and how long it is."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = iter(lines)
        self.line = 0
        self.begun_at = 1
        self._size = 0

    def begin_record(self) -> None:
        self.begun_at = self.line + 1
        self._size = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.line += 1
        self._size += len(line)
        if self._size > LONGEST_LINE:
            raise csv.Error(f"is longer than {LONGEST_LINE:,} bytes")
        if b"\0" in line:
            raise csv.Error("holds a NUL character")
        try:
            return line.decode() + "\n"
        except UnicodeDecodeError as error:
            raise csv.Error(f"is not UTF-8 (byte {error.start + 1})") from error


def _records(source: _Lines) -> Iterator[tuple[int, list[str]] | BadLine]:
    """(line on which it begins, cells) of each record; the parser goes on after a bad one."""
    reader = csv.reader(source, strict=True)
    while True:
        source.begin_record()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield BadLine(source.begun_at, "line", str(error))
        else:
            if cells:
                yield source.begun_at, cells
