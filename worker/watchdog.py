"""Ends a process that has stopped working without dying, so that it is started anew.

Two ways are known. A consumer that lost its Redis connection can come back alive and take
nothing, in silence (celery #8030, #8091, #10205). And a device, or a thread, can hang on a
batch whose lease it has long lost.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from jobs.errors import QueueUnavailable
from jobs.logs import Log
from jobs.metrics import IDLE_SECONDS
from jobs.states import Stage
from worker.heartbeat import Heartbeat

EXIT_STUCK = 75
LOOK_SECONDS = 2.0
DEAF_LOOKS = 8
HUNG_SECONDS = 60.0

log = Log("watchdog")


class Activity:
    """How many tasks run, and how many ever began."""

    def __init__(self) -> None:
        self.running = 0
        self.begun = 0
        self._lock = threading.Lock()

    @contextmanager
    def task(self) -> Iterator[None]:
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    def _count(self, change: int) -> None:
        with self._lock:
            self.running += change
            self.begun += max(change, 0)


class Patience:
    """Counts the looks in a row at which hints waited and an idle process took none."""

    def __init__(self, looks: int = DEAF_LOOKS) -> None:
        self._looks = looks
        self._ignored = 0
        self._begun = 0
        self.seconds = 0.0

    def is_over(self, hints: int, activity: Activity) -> bool:
        ignored = hints > 0 and activity.running == 0 and activity.begun == self._begun
        self._ignored = self._ignored + 1 if ignored else 0
        self.seconds = self._ignored * LOOK_SECONDS
        self._begun = activity.begun
        return self._ignored >= self._looks


class Watchdog:
    """Looks every two seconds, from a thread that ends with the process.

    hints: how many wait in this process's queue (may raise QueueUnavailable).
    """

    def __init__(
        self,
        stage: Stage,
        hints: Callable[[], int],
        activity: Activity,
        heartbeat: Heartbeat,
        leave: Callable[[int], None] = os._exit,
    ) -> None:
        self._idle = IDLE_SECONDS.labels(stage)
        self._hints = hints
        self._activity = activity
        self._heartbeat = heartbeat
        self._leave = leave
        self._patience = Patience()

    def start(self) -> None:
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def look(self) -> None:
        """Leave if this process is deaf or hung."""
        if self._deaf():
            log.error("deaf", begun=self._activity.begun)
            self._leave(EXIT_STUCK)
        for lease in self._heartbeat.leases():
            if lease.overdue() > HUNG_SECONDS:
                log.error("hung", job=lease.held.job_id, batch=lease.held.batch_id)
                self._leave(EXIT_STUCK)

    def _deaf(self) -> bool:
        try:
            over = self._patience.is_over(self._hints(), self._activity)
        except QueueUnavailable:
            return False
        self._idle.set(self._patience.seconds)
        return over

    def _watch(self) -> None:
        pause = threading.Event()
        while not pause.wait(LOOK_SECONDS):
            try:
                self.look()
            except Exception:  # a watchdog that died would be missed by nobody
                log.exception("look_failed")
