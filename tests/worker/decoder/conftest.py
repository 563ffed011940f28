"""One pool of real decoder processes for every test that only decodes."""

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest

from worker.decoder.pool import DecoderPool
from worker.decoder.process import Decoded, Limits

MAX_PIXELS = 20_000_000


@pytest.fixture(scope="session")
def decode() -> Iterator[Callable[[bytes], Decoded]]:
    """Bytes of a file → the decoded picture, or ImageRefused."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    pool = DecoderPool(Limits(max_pixels=MAX_PIXELS, picture_seconds=60), processes=1)
    yield lambda data: asyncio.run_coroutine_threadsafe(pool.decode(data), loop).result()
    asyncio.run_coroutine_threadsafe(pool.close(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
