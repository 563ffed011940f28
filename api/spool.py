"""A body of any length, as it comes, in a temporary file."""

import hashlib
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request

from api import bodies
from api.context import Context

WRITTEN_AT_ONCE = 1024 * 1024


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
    with tempfile.NamedTemporaryFile(prefix="captions-", suffix=".body") as file:
        digest = hashlib.sha256()
        size, head = 0, b""

        def write(data: bytes) -> None:
            file.write(data)
            digest.update(data)

        async for block in _blocks(bodies.chunks(request, limit)):
            await context.bulk.run(write, block)
            size += len(block)
            head = head or block[:64]
        file.flush()
        yield Spooled(Path(file.name), size, digest.hexdigest(), head)


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
