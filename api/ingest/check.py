"""Rows → images; what is wrong is counted, and the first faults are kept to be shown."""

from collections.abc import Callable, Iterable, Iterator

from api.errors import Fault
from api.fields import key_fault, metadata_fault
from api.ingest.rows import BadLine, Row
from api.ingest.seen import Seen
from api.schemas import MAX_KEY_CHARACTERS
from api.urls import UrlRule
from jobs.values import NewImage

Report = Callable[[BadLine], None]


def images(rows: Iterable[Row | BadLine], rule: UrlRule, report: Report) -> Iterator[NewImage]:
    """Images in order; every row that is none is reported instead."""
    seen = Seen()
    for row in rows:
        fault = row if isinstance(row, BadLine) else _fault(row, rule, seen)
        if fault is None:
            yield NewImage(row.url, row.key, row.metadata)  # type: ignore[union-attr,arg-type]
        else:
            report(fault)


def as_fault(bad: BadLine) -> Fault:
    return Fault(bad.field, bad.message, line=bad.line)


def _fault(row: Row, rule: UrlRule, seen: Seen) -> BadLine | None:
    if row.unknown is not None:
        return BadLine(row.line, row.unknown[:MAX_KEY_CHARACTERS], "is not a known field")
    if message := _url_fault(row.url, rule):
        return BadLine(row.line, "url", message)
    if row.metadata is not None and (message := _metadata_fault(row.metadata)):
        return BadLine(row.line, "metadata", message)
    if row.key is not None and (message := _key_fault(row.key, seen)):
        return BadLine(row.line, "key", message)
    return None


def _url_fault(url: object, rule: UrlRule) -> str | None:
    if url is None:
        return "is needed"
    if not isinstance(url, str):
        return "must be text"
    return rule.fault(url) if url else "must not be empty"


def _metadata_fault(metadata: object) -> str | None:
    if not isinstance(metadata, dict):
        return "must be an object"
    return metadata_fault(metadata)


def _key_fault(key: object, seen: Seen) -> str | None:
    if not isinstance(key, str):
        return "must be text"
    if not key:
        return "must not be empty"
    if len(key) > MAX_KEY_CHARACTERS:
        return f"has more than {MAX_KEY_CHARACTERS} characters"
    if message := key_fault(key):
        return message
    return None if seen.add(key) else "occurs on an earlier line too"
