"""The fetch stage: begins where a batch has URLs, ends where it has a prepared batch."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from jobs import lifecycle, prepared
from jobs.codes import CODES
from jobs.database import Database
from jobs.errors import DatabaseUnavailable, StoreError
from jobs.logs import Log, context
from jobs.metrics import FETCHED_BYTES, FETCHES
from jobs.settings import Settings
from jobs.store import Store, prepared_key
from jobs.values import Failed, Held, HeldImage, Later, Ready
from worker.decoder.pool import DecoderPool
from worker.decoder.process import Limits
from worker.errors import DecoderBroken, ImageRefused
from worker.fetch.dialer import Dialer
from worker.fetch.sources import Sources
from worker.heartbeat import names

PULSE_SECONDS = 0.25
"""How often a batch in hand asks whether it is still wanted."""
TROUBLE_SECONDS = 5.0
"""How long a batch waits when the store or the decoder was out of order."""
BLOCKING_THREADS = 32
"""For name look-ups and files, which block."""

log = Log("fetch")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one image: a picture, or why there is none."""

    image: HeldImage
    ready: Ready | None = None
    jpeg: bytes = b""
    refused: ImageRefused | None = None


class FetchStage:
    """Fetches batches side by side over one loop, one session and one pool of decoders.

    A context manager; `run` may be called from many threads.
    """

    def __init__(
        self, settings: Settings, db: Database, store: Store, dialer: Dialer | None = None
    ) -> None:
        self._settings = settings
        self._db = db
        self._store = store
        self._dialer = dialer or Dialer(settings.fetch_allow)
        self._loop = asyncio.new_event_loop()
        self._loop.set_default_executor(ThreadPoolExecutor(BLOCKING_THREADS, "fetch-blocking"))
        # The decoders' lives hang on the thread that starts them: this one, which ends last.
        self._thread = threading.Thread(target=self._loop.run_forever, name="fetch-loop")

    def __enter__(self) -> Self:
        self._thread.start()
        self._decoders, self._sources = self._call(self._open())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, held: Held, still: Callable[[], bool]) -> None:
        """Fetch one batch, and hand it on or give it back.

        still: turns False when the work is no longer wanted.
        """
        with context(**names(held)):
            try:
                outcomes = self._have_all(held, still)
                if outcomes is None:
                    self._give_back(held, "no longer wanted")
                else:
                    self._hand_on(held, outcomes)
            except DatabaseUnavailable as error:
                log.warning("database_unavailable", error=error)  # the lease will run out
            except (StoreError, DecoderBroken) as error:
                self._give_back(held, str(error), delay=TROUBLE_SECONDS)

    def _have_all(self, held: Held, still: Callable[[], bool]) -> list[Outcome] | None:
        """Every image's outcome, in order; None once the batch is no longer wanted."""
        work = asyncio.run_coroutine_threadsafe(self._fetch_all(held), self._loop)
        while not wait([work], PULSE_SECONDS).done:
            if not still():
                work.cancel()
        return None if work.cancelled() else work.result()

    async def _fetch_all(self, held: Held) -> list[Outcome]:
        if held.headers_lost:
            return [Outcome(image, refused=ImageRefused("headers_lost")) for image in held.images]
        headers = held.headers or {}
        tasks = [asyncio.ensure_future(self._fetch(image, headers)) for image in held.images]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _fetch(self, image: HeldImage, headers: Mapping[str, str]) -> Outcome:
        try:
            async with self._sources.find(image.url).open(image.url, headers) as fetched:
                decoded = await self._decoders.decode(fetched.data)
        except ImageRefused as error:
            return Outcome(image, refused=error)
        except (StoreError, DecoderBroken):
            raise
        except Exception:  # whatever it is, it must not cost the batch
            log.exception("image_broken", position=image.position)
            return Outcome(image, refused=ImageRefused("internal_error"))
        size = len(fetched.data)
        ready = Ready(image.position, fetched.sha256, decoded.width, decoded.height, size)
        return Outcome(image, ready, decoded.jpeg)

    def _hand_on(self, held: Held, outcomes: Sequence[Outcome]) -> None:
        """Store the prepared batch, then record it: what the record names is always there."""
        key = self._put(held, outcomes)
        ready, failed, later = sort(outcomes)
        ours = lifecycle.prepared(
            self._db,
            held,
            key,
            ready,
            failed,
            later,
            reuse_seconds=self._settings.reuse_seconds,
            max_failures=self._settings.max_failures,
            retry_seconds=self._settings.retry_seconds,
        )
        if key and not ours:
            self._store.delete([key])
        _count(outcomes)
        log.info(
            "batch_fetched" if ours else "batch_not_ours",
            ready=len(ready),
            failed=len(failed),
            later=len(later),
        )

    def _put(self, held: Held, outcomes: Sequence[Outcome]) -> str | None:
        members = [(outcome.image.position, outcome.jpeg) for outcome in outcomes if outcome.ready]
        if not members:
            return None
        key = prepared_key(held.job_id, held.number, held.attempt)
        self._store.put(key, prepared.pack(members))
        return key

    def _give_back(self, held: Held, why: str, delay: float = 0.0) -> None:
        lifecycle.release(
            self._db,
            held,
            spent=False,
            delay=delay,
            error=why,
            max_recoveries=self._settings.max_recoveries,
        )
        log.warning("batch_released", reason=why)

    def _call(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _open(self) -> tuple[DecoderPool, Sources]:
        settings = self._settings
        decoders = DecoderPool(Limits.of(settings), settings.decoder_processes)
        return decoders, Sources(settings, self._store, self._dialer)

    async def _close(self) -> None:
        running = asyncio.all_tasks() - {asyncio.current_task()}
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self._sources.close()
        await self._decoders.close()
        await self._loop.shutdown_default_executor()


def sort(outcomes: Sequence[Outcome]) -> tuple[list[Ready], list[Failed], list[Later]]:
    """Pictures, images that end here, and images worth another try."""
    ready = [outcome.ready for outcome in outcomes if outcome.ready]
    failed, later = [], []
    for outcome in outcomes:
        if error := outcome.refused:
            position = outcome.image.position
            if CODES[error.code].transient:
                later.append(Later(position, error.code, error.message, error.delay))
            else:
                failed.append(Failed(position, error.code, error.message))
    return ready, failed, later


def _count(outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        FETCHES.labels(outcome.refused.code if outcome.refused else "ok").inc()
        FETCHED_BYTES.inc(outcome.ready.size if outcome.ready else 0)
