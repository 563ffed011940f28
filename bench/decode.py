"""What decoding in a sandbox costs, and what a picture costs from URL to prepared batch.

In CPU time, not in seconds, and in units of what Pillow alone needs to decode and shrink the
same 500×375 JPEG in the same run, the two sides in turn.
"""

import asyncio
import contextlib
import io
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from ipaddress import ip_network

from PIL import Image

from bench.measure import Measurement
from jobs.settings import Settings
from worker.decoder.picture import target_size
from worker.decoder.pool import DecoderPool
from worker.decoder.process import Limits
from worker.fetch.dialer import Dialer
from worker.fetch.download import Downloader
from worker.fetch.places import Places

SIZE = (500, 375)
PICTURES = 128
ROUNDS = 5
BATCH = 64
DECODE_GOAL = 2.0
FETCH_GOAL = 3.0

SERVER = """
import asyncio, contextlib, sys
body = sys.stdin.buffer.read()
answer = b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body) + body
async def serve(reader, writer):
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while await reader.readuntil(b"\\r\\n\\r\\n"):
            writer.write(answer)
    writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.sleep(3600)
asyncio.run(main())
"""
"""Its CPU time is no part of the figures, so it is a process of its own."""


def decode() -> Iterator[Measurement]:
    """`decode.sandboxed` and `decode.fetched`, both ÷ bare Pillow."""
    yield from asyncio.run(_measure(photograph()))


def photograph() -> bytes:
    """A JPEG with the detail of a photograph: about 90 kB."""
    noise = Image.effect_noise((SIZE[0] // 4, SIZE[1] // 4), 90).resize(SIZE)
    bands = [noise, noise.rotate(90).resize(SIZE), noise.rotate(180)]
    buffer = io.BytesIO()
    Image.merge("RGB", bands).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


async def _measure(jpeg: bytes) -> list[Measurement]:
    bare, sandboxed, fetched = [], [], []
    async with _opened(jpeg) as (pool, downloader, url):

        async def fetch() -> None:
            async with downloader.open(url, {}) as found:
                await pool.decode(found.data)

        async def fetch_batch() -> None:
            await asyncio.gather(*(fetch() for _ in range(BATCH)))

        await _cost(pool, lambda: pool.decode(jpeg), 8)
        for _ in range(ROUNDS):
            bare.append(_bare(jpeg))
            sandboxed.append(await _cost(pool, lambda: pool.decode(jpeg), PICTURES))
            fetched.append(await _cost(pool, fetch_batch, PICTURES // BATCH) / BATCH)
    detail = {
        "bare_ms": round(statistics.median(bare) * 1e3, 3),
        "sandboxed_ms": round(statistics.median(sandboxed) * 1e3, 3),
        "fetched_ms": round(statistics.median(fetched) * 1e3, 3),
        "jpeg_bytes": len(jpeg),
    }
    return [
        _ratio("decode.sandboxed", sandboxed, bare, DECODE_GOAL, detail),
        _ratio("decode.fetched", fetched, bare, FETCH_GOAL, detail),
    ]


def _ratio(
    name: str, ours: list[float], bare: list[float], goal: float, detail: dict[str, float]
) -> Measurement:
    figure = statistics.median(one / other for one, other in zip(ours, bare, strict=True))
    return Measurement(name, round(figure, 3), goal, "×", higher_is_better=False, detail=detail)


def _bare(jpeg: bytes) -> float:
    """CPU seconds that Pillow needs for one picture: decode, and shrink as it does by default."""
    start = time.process_time()
    for _ in range(PICTURES):
        Image.open(io.BytesIO(jpeg)).resize(target_size(*SIZE))
    return (time.process_time() - start) / PICTURES


async def _cost(pool: DecoderPool, work: Callable[[], Awaitable[object]], times: int) -> float:
    """CPU seconds of one call: ours and those of the decoder processes."""
    start = time.process_time() + _children(pool)
    for _ in range(times):
        await work()
    return (time.process_time() + _children(pool) - start) / times


def _children(pool: DecoderPool) -> float:
    return sum(child.cpu_seconds for child in pool.idle)


@contextlib.asynccontextmanager
async def _opened(jpeg: bytes) -> AsyncIterator[tuple[DecoderPool, Downloader, str]]:
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(jpeg)
    server.stdin.close()
    port = int(server.stdout.readline())
    pool = DecoderPool(Limits(), processes=1)
    dialer = Dialer([ip_network("127.0.0.0/8")])
    downloader = Downloader(Settings(), dialer, Places(32, 32))
    try:
        yield pool, downloader, f"http://127.0.0.1:{port}/"
    finally:
        await downloader.close()
        await pool.close()
        server.kill()
        server.wait()
        server.stdout.close()
