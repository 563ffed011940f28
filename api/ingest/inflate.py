"""Gzip from strangers (RFC 1952): bounded in output, in ratio and in members."""

import zlib
from collections.abc import Iterator
from typing import BinaryIO

from api.ingest.rows import Unreadable

GZIP = 16 + zlib.MAX_WBITS
CHUNK = 64 * 1024
LARGEST_RATIO = 200
"""Lists of URLs shrink ten- or twentyfold; gzip itself ends at about a thousand."""
RATIO_COUNTS_FROM = 1024 * 1024
MOST_MEMBERS = 10_000


def plain(file: BinaryIO) -> Iterator[bytes]:
    """A file that is what it is, in chunks."""
    while chunk := file.read(CHUNK):
        yield chunk


def gunzip(file: BinaryIO, limit: int) -> Iterator[bytes]:
    """The content of a gzip file in chunks of at most 64 KiB, at most `limit` bytes of it.

    Raises Unreadable where the file is damaged, cut off, followed by something, or a bomb.
    """
    budget = _Budget(limit)
    member = zlib.decompressobj(GZIP)
    members = 1
    for packed in plain(file):
        budget.taken += len(packed)
        while packed:
            if member.eof:
                members += 1
                if members > MOST_MEMBERS:
                    raise Unreadable(f"the gzip file has more than {MOST_MEMBERS:,} members")
                member = zlib.decompressobj(GZIP)
            if chunk := _inflate(member, packed):
                yield budget.spend(chunk)
            packed = member.unused_data if member.eof else member.unconsumed_tail
    if not member.eof:
        raise Unreadable("the gzip file is cut off")


def _inflate(member: "zlib._Decompress", packed: bytes) -> bytes:
    try:
        return member.decompress(packed, CHUNK)
    except zlib.error as error:
        raise Unreadable("the body is not gzip, or is damaged, or goes on after its end") from error


class _Budget:
    """Counts what comes out against what went in."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.taken = 0
        self._given = 0

    def spend(self, chunk: bytes) -> bytes:
        self._given += len(chunk)
        if self._given > self._limit:
            raise Unreadable(f"the gzip file unpacks to more than {self._limit:,} bytes")
        if self._given > max(RATIO_COUNTS_FROM, LARGEST_RATIO * self.taken):
            raise Unreadable(f"the gzip file unpacks to more than {LARGEST_RATIO} times its size")
        return chunk
