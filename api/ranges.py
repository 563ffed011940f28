"""`Range` (RFC 9110, section 14): one range of bytes, or the whole file."""

import re
from dataclasses import dataclass

from starlette.datastructures import Headers

ONE_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


@dataclass(frozen=True, slots=True)
class Span:
    """length 0: the range lies outside the file."""

    start: int
    length: int


def asked_for(headers: Headers, size: int, etag: str) -> Span | None:
    """The range that is asked for; None for the whole file.

    So it is too where the form of the header is not known, several ranges are asked for, or
    `If-Range` names another version of the file.
    """
    found = ONE_RANGE.fullmatch(headers.get("range", "").replace(" ", ""))
    if found is None or headers.get("if-range", etag) != etag:
        return None
    first, last = found.groups()
    if not first and not last:
        return None
    if not first:
        length = min(int(last), size)
        return Span(size - length, length)
    start = int(first)
    end = min(int(last), size - 1) if last else size - 1
    if last and int(last) < start:
        return None
    return Span(start, max(0, end - start + 1))
