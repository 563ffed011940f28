"""Bytes → numbered lines, none longer than 64 KiB, whatever stands in them."""

from collections.abc import Iterable, Iterator

LONGEST_LINE = 64 * 1024
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def split(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Lines without their LF; of a line that is too long, its first 64 KiB and one byte more.

    The rest of such a line is passed over, so that the lines after it keep their numbers.
    A byte order mark at the very beginning is dropped.
    """
    rest = b""
    begun = passing_over = False
    for chunk in chunks:
        data = rest + chunk
        if not begun and len(data) >= len(BYTE_ORDER_MARK):
            begun, data = True, data.removeprefix(BYTE_ORDER_MARK)
        *whole, rest = data.split(b"\n")
        if passing_over and whole:
            passing_over, whole = False, whole[1:]
        yield from whole if not passing_over else ()
        if passing_over:
            rest = b""
        elif len(rest) > LONGEST_LINE:
            yield rest[: LONGEST_LINE + 1]
            passing_over, rest = True, b""
    if rest:
        yield rest if begun else rest.removeprefix(BYTE_ORDER_MARK)
