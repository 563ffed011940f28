"""A server of raw bytes, which can misbehave in every way that HTTP knows, and some more."""

import asyncio
import io
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

Answer = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]


def jpeg(colour: str = "red", size: tuple[int, int] = (60, 40)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "JPEG")
    return buffer.getvalue()


def answer(
    body: bytes = b"", status: int = 200, length: int | None = None, **headers: str
) -> bytes:
    """A whole answer; `length` is what Content-Length says, truly or not."""
    lines = [
        f"HTTP/1.1 {status} Whatever",
        f"Content-Length: {len(body) if length is None else length}",
    ]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def redirect(to: str, status: int = 302) -> bytes:
    return answer(status=status, Location=to)


@dataclass
class Server:
    """port: where it listens. seen: the head of every request, in order; bodies: what followed."""

    answers: Mapping[str, Answer]
    port: int = 0
    scheme: str = "http"
    seen: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    _connections: set[Any] = field(default_factory=set)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side leaves or the test is over."""
        self._connections.add(task := asyncio.current_task())
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while True:
                    head = await reader.readuntil(b"\r\n\r\n")
                    self.bodies.append(await reader.readexactly(_length(head)))
                    await self._answer(head, writer)
        finally:
            self._connections.discard(task)
            writer.transport.abort()

    async def close(self) -> None:
        connections = list(self._connections)
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections)

    async def _answer(self, request: bytes, writer: asyncio.StreamWriter) -> None:
        head = request.decode("latin-1")
        self.seen.append(head)
        found = self.answers.get(head.split()[1], answer(status=404))
        if isinstance(found, bytes):
            writer.write(found)
        else:
            await found(writer)
        await writer.drain()


def _length(head: bytes) -> int:
    found = re.search(rb"\r\ncontent-length: (\d+)", head, re.IGNORECASE)
    return int(found[1]) if found else 0


@asynccontextmanager
async def serving(
    answers: Mapping[str, Answer], tls: ssl.SSLContext | None = None
) -> AsyncIterator[Server]:
    server = Server(answers, scheme="https" if tls else "http")
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        await server.close()
        await asyncio.sleep(0)
