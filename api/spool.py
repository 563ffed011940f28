"""A body of any length, as it comes, in a temporary file."""

import errno
import hashlib
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request

from api import bodies
from api.bodies import Pace
from api.context import Context
from api.errors import OutOfSpace

WRITTEN_AT_ONCE = 1024 * 1024
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class Spooled:
    """sha256: of the body as it came; head: its first bytes, to see what it is."""

    path: Path
    size: int
    sha256: str
    head: bytes


@asynccontextmanager
async def spooled(request: Request, context: Context, limit: int) -> AsyncIterator[Spooled]:
    """The body in a file that is gone afterwards, whatever happens."""
    pace = Pace(longest_seconds=context.settings.receive_seconds)
    with tempfile.NamedTemporaryFile(prefix="captions-", suffix=".body") as file:
        digest = hashlib.sha256()
        size, head = 0, b""

        def write(data: bytes) -> None:
            with _room():
                file.write(data)
            digest.update(data)

        async for block in _blocks(bodies.chunks(request, limit, pace)):
            await context.bulk.run(write, block)
            size += len(block)
            head = head or block[:64]
        with _room():
            file.flush()
        yield Spooled(Path(file.name), size, digest.hexdigest(), head)


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise OutOfSpace("This server has no room left for the body. Nothing was kept.") from error


async def _blocks(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Fewer and larger pieces: each costs a turn of a thread."""
    waiting: list[bytes] = []
    size = 0
    async for chunk in chunks:
        waiting.append(chunk)
        size += len(chunk)
        if size >= WRITTEN_AT_ONCE:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)
