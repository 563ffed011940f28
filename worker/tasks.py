"""The two Celery tasks. What a hint says is asked of SQL again before anything is done.

Celery acknowledges before a task runs; a batch whose worker dies comes back by its lease.
"""

import os
from collections.abc import Callable
from typing import Protocol

from jobs import lifecycle
from jobs.logs import Log
from jobs.metrics import LAST_PROGRESS
from jobs.queue import task_name
from jobs.states import Stage
from jobs.values import Held, Hint
from worker.errors import DeviceBroken
from worker.process import Post
from worker.watchdog import EXIT_STUCK

log = Log("tasks")


class Fetching(Protocol):
    def run(self, held: Held, still: Callable[[], bool]) -> None:
        """Fetch one batch; `still` turns False when the work is no longer wanted."""


class Draining(Protocol):
    def drain(self) -> None:
        """Caption every batch that is dispatched."""


def add_fetch_task(post: Post, stage: Fetching) -> None:
    settings = post.settings

    @post.app.task(name=task_name(Stage.FETCH), shared=False)
    def fetch(batch_id: int, attempt: int) -> None:
        with post.activity.task():
            hint = Hint(batch_id, Stage.FETCH, attempt)
            held = lifecycle.begin(
                post.db,
                hint,
                post.name,
                settings.lease_seconds,
                settings.lease_deadline_seconds,
                secret=settings.secret,
            )
            if held is not None:
                with post.heartbeat.holding(held) as still:
                    stage.run(held, still)
                LAST_PROGRESS.labels(Stage.FETCH).set_to_current_time()


def add_caption_task(post: Post, stage: Draining, leave: Callable[[int], None] = os._exit) -> None:
    @post.app.task(name=task_name(Stage.CAPTION), shared=False)
    def caption(batch_id: int, attempt: int) -> None:  # noqa: ARG001  the hint is a doorbell
        with post.activity.task():
            try:
                stage.drain()
            except DeviceBroken as error:
                # What it held is released by now; only a new process gets a working device.
                log.error("device_broken", error=str(error))
                leave(EXIT_STUCK)
