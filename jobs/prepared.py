"""The prepared batch: an uncompressed tar of `<position>.jpg` (WebDataset's convention).

`tarfile` makes and reads the headers; hopping from member to member is done here,
over bytes in memory, because its file objects cost more than the copies.
"""

import tarfile
from collections.abc import Iterator, Sequence

from jobs.errors import PreparedBroken

BLOCK = tarfile.BLOCKSIZE
END = bytes(2 * BLOCK)
SUFFIX = ".jpg"


def pack(members: Sequence[tuple[int, bytes]]) -> bytes:
    """One tar of (position, JPEG) pairs."""
    parts: list[bytes] = []
    for position, picture in members:
        parts += (_header(position, len(picture)), picture, bytes(-len(picture) % BLOCK))
    return b"".join((*parts, END))


def unpack(data: bytes) -> list[tuple[int, bytes]]:
    """The (position, JPEG) pairs of a tar that `pack` made.

    Raises:
        PreparedBroken: if it is cut off or holds anything else.
    """
    return [(position, data[start : start + size]) for position, start, size in _members(data)]


def index(data: bytes) -> dict[int, tuple[int, int]]:
    """Where each picture lies: position to (offset, length).

    Raises:
        PreparedBroken: as `unpack`.
    """
    return {position: (start, size) for position, start, size in _members(data)}


def _header(position: int, size: int) -> bytes:
    member = tarfile.TarInfo(f"{position}{SUFFIX}")
    member.size = size
    return member.tobuf(tarfile.USTAR_FORMAT)


def _members(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(position, start, size) of each picture."""
    at = 0
    while data[at : at + len(END)] != END:
        position, size = _read_header(data[at : at + BLOCK])
        start = at + BLOCK
        at = start + size + -size % BLOCK
        if at > len(data):
            raise PreparedBroken("The prepared batch is cut off.")
        yield position, start, size


def _read_header(header: bytes) -> tuple[int, int]:
    try:
        member = tarfile.TarInfo.frombuf(header, "utf-8", "strict")
        return int(member.name.removesuffix(SUFFIX)), member.size
    except (tarfile.HeaderError, ValueError) as error:
        raise PreparedBroken(f"The prepared batch cannot be read ({error}).") from error
