"""A server of pictures on 127.0.0.1, good ones and bad in ten ways."""

import io
import itertools
import random
import socket
import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from PIL import Image

COLOURS = {
    "red": (230, 20, 20),
    "green": (20, 230, 20),
    "blue": (20, 20, 230),
    "yellow": (230, 230, 20),
    "white": (250, 250, 250),
}

_series = itertools.count()


@cache
def jpeg(name: str, width: int = 320, height: int = 240) -> bytes:
    """A picture mostly of one colour, different for every name: `red-7`, `blue-13`, …"""
    colour = COLOURS[name.partition("-")[0]]
    image = Image.new("RGB", (width, height), colour)
    spots = random.Random(name)
    for _ in range(20):
        corner = spots.randrange(width - 8), spots.randrange(height - 8)
        image.paste(
            tuple(spots.randrange(256) for _ in range(3)), (*corner, corner[0] + 8, corner[1] + 8)
        )
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    return file.getvalue()


def huge_png(width: int = 60_000, height: int = 60_000) -> bytes:
    """The header of a picture of 3.6 thousand million pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", b"") + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        kind, _, name = self.path.strip("/").partition("/")
        getattr(self, f"_{kind}")(name)

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def _good(self, name: str) -> None:
        self._answer(200, jpeg(name.removesuffix(".jpg")))

    def _gated(self, name: str) -> None:
        """Answers once the gate is open, so that a test can act in the middle."""
        self.server.gate.wait()  # type: ignore[attr-defined]
        self._good(name)

    def _gone(self, _: str) -> None:
        self._answer(404, b"nothing here")

    def _html(self, _: str) -> None:
        self._answer(200, b"<!doctype html><title>not a picture</title>" * 20)

    def _cut(self, name: str) -> None:
        whole = jpeg(f"red-{name}")
        self._answer(200, whole[: len(whole) // 2])

    def _huge(self, _: str) -> None:
        self._answer(200, huge_png())

    def _large(self, _: str) -> None:
        self._answer(200, b"\xff\xd8\xff\xe0" + bytes(3 * 1024 * 1024))

    def _empty(self, _: str) -> None:
        self._answer(200, b"")

    def _loop(self, name: str) -> None:
        self._answer(302, b"", Location=f"/loop/{int(name) + 1}")

    def _inside(self, _: str) -> None:
        self._answer(302, b"", Location="http://169.254.169.254/latest/meta-data/")

    def _slow(self, _: str) -> None:
        """Says nothing until the client has gone."""
        self.close_connection = True
        self.connection.recv(1)

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.gate = threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that are killed hang up; that is what the tests are about."""


@dataclass(frozen=True)
class Pictures:
    """A server whose answer the first element of a path chooses; `gate` holds back /gated/."""

    url: str
    gate: threading.Event

    def good(self, count: int, kind: str = "good") -> list[str]:
        """URLs of pictures whose colours take turns, none of them ever seen before."""
        series, colours = next(_series), list(COLOURS)
        return [
            f"{self.url}/{kind}/{colours[number % len(colours)]}-{series}-{number}.jpg"
            for number in range(count)
        ]


@contextmanager
def picture_server() -> Iterator[Pictures]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield Pictures(f"http://127.0.0.1:{server.server_address[1]}", server.gate)
    finally:
        server.gate.set()
        server.shutdown()
        thread.join()
        server.server_close()


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
