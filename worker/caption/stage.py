"""The caption stage: begins what is dispatched, and gives every image its sentence.

While the device computes one load of batches, a thread begins and reads the next. Only the
thread that calls `drain` ever touches the network.
"""

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from captioning.captioner import Captioner
from jobs import lifecycle
from jobs.errors import DatabaseUnavailable, ObjectMissing, PreparedBroken, StoreError
from jobs.logs import Log
from jobs.metrics import LAST_PROGRESS
from jobs.states import Stage
from jobs.values import SUSPECT, Held
from worker.caption.batcher import DeviceBatch, join
from worker.caption.careful import caption_each
from worker.caption.reader import Opened, Reader
from worker.caption.result import Result
from worker.errors import DeviceBroken
from worker.heartbeat import Lease, names
from worker.process import Post

READING_THREADS = 2
STORE_DELAY_SECONDS = 5.0

log = Log("caption")


class CaptionStage:
    """Captions batches with one captioner, on one device."""

    def __init__(self, post: Post, captioner: Captioner) -> None:
        self._post = post
        self._db = post.db
        self._heartbeat = post.heartbeat
        self._captioner = captioner
        self._size = post.settings.device_batch
        self._reader = Reader(post.store, captioner.prepare, READING_THREADS)
        self._waiting: Lease | None = None
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")

    def __enter__(self) -> "CaptionStage":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ahead.shutdown()
        self._reader.close()

    def drain(self) -> None:
        """Caption what is dispatched until nothing is, or a clean stop is wanted.

        Raises DeviceBroken when the network failed on every picture of a load.
        """
        upcoming = self._ahead.submit(self._open)
        try:
            while load := upcoming.result():
                if suspect := _is_suspect(load[0].held):
                    self._caption(load)  # before another is in hand that it could take along
                upcoming = self._ahead.submit(self._open)
                if not suspect:
                    self._caption(load)
        finally:
            self._end_reading(upcoming)

    def _open(self) -> list[Opened]:
        """Begin and read as many dispatched batches as fill the device."""
        load: list[Opened] = []
        try:
            while _pictures(load) < self._size and (lease := self._next()):
                suspect = _is_suspect(lease.held)
                if suspect and load:
                    self._waiting = lease
                    break
                load += self._read(lease)
                if suspect and load:
                    break
        except BaseException:
            # Nobody else knows of these: their leases would be renewed for nothing.
            self._give_back([opened.held for opened in load])
            raise
        return load

    def _next(self) -> Lease | None:
        """The suspect batch that waits until it can be taken alone, else one that is begun now."""
        waiting, self._waiting = self._waiting, None
        return waiting or self._begin()

    def _begin(self) -> Lease | None:
        if self._post.stop.is_set():
            return None
        settings = self._post.settings
        begun = lifecycle.begin_next(
            self._db,
            Stage.CAPTION,
            self._post.name,
            1,
            settings.lease_seconds,
            settings.lease_deadline_seconds,
        )
        return self._heartbeat.hold(begun[0]) if begun else None

    def _read(self, lease: Lease) -> list[Opened]:
        """The batch with its pictures, or nothing once it was turned down."""
        try:
            return [self._reader.read(lease)]
        except Exception as error:  # noqa: BLE001  whatever it is, the batch must not wait for it
            try:
                self._turn_down(lease.held, error)
            finally:
                self._heartbeat.let_go(lease.held)
        return []

    def _turn_down(self, held: Held, error: Exception) -> None:
        """Send a batch that cannot be read to where that can be put right."""
        settings = self._post.settings
        match error:
            case ObjectMissing() | PreparedBroken():
                log.warning("prepared_missing", **names(held), error=str(error))
                lifecycle.refetch(self._db, held, settings.max_recoveries)
            case StoreError():
                log.warning("store_failed", **names(held), error=str(error))
                lifecycle.release(
                    self._db, held, spent=False, delay=STORE_DELAY_SECONDS, error=str(error)
                )
            case _:
                log.error("batch_broken", **names(held), error=repr(error))
                lifecycle.release(
                    self._db,
                    held,
                    spent=True,
                    delay=STORE_DELAY_SECONDS,
                    error=repr(error),
                    max_failures=settings.max_failures,
                )

    def _caption(self, load: Sequence[Opened]) -> None:
        results = [Result(opened) for opened in load]
        try:
            self._finish(results)
            for device_batch in join([opened.share for opened in load], self._size):
                if any(results[place.batch].wanted() for place in device_batch.places):
                    self._run(device_batch, results)
                    self._finish(results)
            self._release(results)
        except DeviceBroken as error:
            self._release(results, spent=True, error=str(error))
            raise
        finally:
            for opened in load:
                self._heartbeat.let_go(opened.held)

    def _run(self, device_batch: DeviceBatch, results: Sequence[Result]) -> None:
        captions = caption_each(self._captioner, device_batch)
        for place, caption in zip(device_batch.places, captions, strict=True):
            results[place.batch].add(place.position, caption)

    def _finish(self, results: Sequence[Result]) -> None:
        for result in results:
            if result.complete() and not result.settled:
                result.settled = True
                begun = time.perf_counter()
                ours = lifecycle.finish(
                    self._db,
                    result.held,
                    result.captioned,
                    result.failed,
                    checkpoint=self._captioner.name,
                    checkpoint_sha256=self._captioner.sha256,
                )
                if ours:
                    LAST_PROGRESS.labels(Stage.CAPTION).set_to_current_time()
                log.info(
                    "batch_captioned" if ours else "batch_not_ours",
                    **names(result.held),
                    finish_ms=round((time.perf_counter() - begun) * 1e3, 1),
                )

    def _release(
        self, results: Sequence[Result], *, spent: bool = False, error: str | None = None
    ) -> None:
        for result in results:
            if not result.settled:
                result.settled = True
                lifecycle.release(
                    self._db,
                    result.held,
                    spent=spent,
                    error=error,
                    max_failures=self._post.settings.max_failures,
                    max_recoveries=self._post.settings.max_recoveries,
                )
                log.info("batch_released", **names(result.held), spent=spent)

    def _end_reading(self, upcoming: Future[list[Opened]]) -> None:
        """Give back what was read ahead when `drain` ends early."""
        # Why reading failed is known by now: either `drain` ends with it, or with something worse.
        if upcoming.exception() is None:
            self._give_back([opened.held for opened in upcoming.result()])
        if waiting := self._waiting:
            self._waiting = None
            self._give_back([waiting.held])

    def _give_back(self, batches: Sequence[Held]) -> None:
        """Release batches that nobody will caption; leases do it where this fails."""
        for held in batches:
            try:
                lifecycle.release(self._db, held, spent=False)
            except DatabaseUnavailable as error:
                log.warning("release_failed", **names(held), error=str(error))
            finally:
                self._heartbeat.let_go(held)


def _is_suspect(held: Held) -> bool:
    return held.recoveries >= SUSPECT


def _pictures(load: Sequence[Opened]) -> int:
    return sum(len(opened.held.images) for opened in load)
