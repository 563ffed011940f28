"""What the benches of the whole stack share: pictures over HTTP, CPU time, and a job to its end."""

import contextlib
import io
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image

from cli.answers import Job
from cli.client import Client
from cli.stack import Stack
from jobs.settings import Settings, load_settings

SIZE = (500, 375)
DRAWN = 32
TICKS = os.sysconf("SC_CLK_TCK")

SERVER = """
import asyncio, contextlib, pickle, sys
bodies = pickle.load(sys.stdin.buffer)
async def serve(reader, writer):
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while request := await reader.readuntil(b"\\r\\n\\r\\n"):
            number = int(request.split(b" ", 2)[1].strip(b"/").removesuffix(b".jpg"))
            body = bodies[number % len(bodies)]
            comment = b"\\xff\\xfe\\x00\\x0a%08d" % number
            body = body[:2] + comment + body[2:]
            writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body) + body)
    writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.sleep(3600)
asyncio.run(main())
"""
"""Every number is another file: one of the pictures with the number as a JPEG comment."""


def photograph(number: int) -> bytes:
    """A 500×375 JPEG with the detail of a photograph: about 90 kB."""
    width, height = SIZE
    noise = Image.effect_noise((width // 4, height // 4), 60 + number).resize(SIZE)
    bands = [noise, noise.rotate(90).resize(SIZE), noise.rotate(180)]
    buffer = io.BytesIO()
    Image.merge("RGB", bands).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


@contextlib.contextmanager
def picture_server() -> Iterator[str]:
    """The URL of a server in a process of its own, whose CPU time is nobody's."""
    import pickle

    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        pickle.dump([photograph(number) for number in range(DRAWN)], server.stdin)
        server.stdin.close()
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.kill()


def urls_of(server: str, count: int) -> list[str]:
    return [f"{server}/{number}.jpg" for number in range(count)]


@contextlib.contextmanager
def bench_settings(**chosen: Any) -> Iterator[Settings]:
    """Settings of an embedded stack in a folder that is removed afterwards."""
    with TemporaryDirectory(prefix="captions-bench-") as home:
        yield load_settings(home=Path(home), api_port=0, fetch_allow="127.0.0.1/32", **chosen)


def run_job(stack: Stack, urls: Sequence[str]) -> tuple[Job, float]:
    """A job to its end: as the client saw it, and the seconds from POST to the last image."""
    with Client(stack.url) as client:
        start = time.monotonic()
        job = client.wait(client.submit(urls).id)
        return job, time.monotonic() - start


def cpu_seconds(pids: Iterable[int | None]) -> float:
    """CPU time of these processes, of their children, and of those that already ended."""
    children: dict[int, list[int]] = {}
    times: dict[int, float] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            pid, parent = int(path.parent.name), int(fields[1])
            children.setdefault(parent, []).append(pid)
            times[pid] = sum(map(int, fields[11:15])) / TICKS
    return sum(_with_children(pid, children, times) for pid in pids if pid)


def _with_children(pid: int, children: dict[int, list[int]], times: dict[int, float]) -> float:
    below = sum(_with_children(child, children, times) for child in children.get(pid, []))
    return times.get(pid, 0.0) + below
