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
from jobs.errors import ObjectMissing, PreparedBroken, StoreError
from jobs.logs import Log
from jobs.metrics import IMAGES, LAST_PROGRESS
from jobs.states import Stage
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
                upcoming = self._ahead.submit(self._open)
                self._caption(load)
        finally:
            self._give_back(upcoming)

    def _open(self) -> list[Opened]:
        """Begin and read as many dispatched batches as fill the device."""
        load: list[Opened] = []
        pictures = 0
        while pictures < self._size and (lease := self._begin()):
            if opened := self._read(lease):
                load.append(opened)
                pictures += len(opened.held.images)
        return load

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

    def _read(self, lease: Lease) -> Opened | None:
        try:
            return self._reader.read(lease)
        except (ObjectMissing, PreparedBroken) as error:
            log.warning("prepared_missing", **names(lease.held), error=str(error))
            lifecycle.refetch(self._db, lease.held, self._post.settings.max_recoveries)
        except StoreError as error:
            log.warning("store_failed", **names(lease.held), error=str(error))
            lifecycle.release(
                self._db, lease.held, spent=False, delay=STORE_DELAY_SECONDS, error=str(error)
            )
        self._heartbeat.let_go(lease.held)
        return None

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
                    _count(result)
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
                )
                log.info("batch_released", **names(result.held), spent=spent)

    def _give_back(self, upcoming: Future[list[Opened]]) -> None:
        """Release what was read ahead when `drain` ends early; leases do it if this fails."""
        for opened in upcoming.result():
            try:
                lifecycle.release(self._db, opened.held, spent=False)
            finally:
                self._heartbeat.let_go(opened.held)


def _count(result: Result) -> None:
    LAST_PROGRESS.labels(Stage.CAPTION).set_to_current_time()
    IMAGES.labels("succeeded", "").inc(len(result.captioned))
    for failed in result.failed:
        IMAGES.labels("failed", failed.code).inc()
