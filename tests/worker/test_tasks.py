"""What a hint leads to: nothing, a batch, or the end of a process without a working device."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs import lifecycle
from jobs.database import Database
from jobs.queue import make_app, task_name
from jobs.settings import Settings
from jobs.states import Stage
from jobs.store import open_store
from jobs.values import Held, Hint
from tests.jobs.acts import submit
from worker.errors import DeviceBroken
from worker.heartbeat import Heartbeat
from worker.process import Post
from worker.stopping import Stop
from worker.tasks import add_caption_task, add_fetch_task
from worker.watchdog import EXIT_STUCK, Activity


@pytest.fixture
def post(tmp_path: Path, sqlite_url: str) -> Iterator[Post]:
    settings = Settings(home=tmp_path)
    db, stop = Database(sqlite_url), Stop()
    store = open_store(settings.store_url, settings)
    with Heartbeat(db, settings.lease_seconds, stop) as heartbeat:
        yield Post(
            "worker@tests", Stage.FETCH, settings, db, store, make_app(settings), stop, heartbeat,
            Activity(), lambda: None,
        )  # fmt: skip
    db.close()


class Noting:
    """A fetch stage that notes what it is given, and whether its lease is kept meanwhile."""

    def __init__(self, post: Post) -> None:
        self.batches: list[int] = []
        self._post = post

    def run(self, held: Held, still: Callable[[], bool]) -> None:
        assert still()
        assert [lease.held for lease in self._post.heartbeat.leases()] == [held]
        self.batches.append(held.batch_id)


def hint_of(post: Post) -> Hint:
    submit(post.db, 1)
    (hint,) = lifecycle.dispatch(post.db, Stage.FETCH, 1, 100)
    return hint


def call(post: Post, stage: Stage, *arguments: Any) -> None:
    post.app.tasks[task_name(stage)](*arguments)


def test_a_hint_leads_to_its_batch_once(post: Post) -> None:
    stage = Noting(post)
    add_fetch_task(post, stage)
    hint = hint_of(post)

    call(post, Stage.FETCH, hint.batch_id, hint.attempt)
    call(post, Stage.FETCH, hint.batch_id, hint.attempt)

    assert stage.batches == [hint.batch_id]
    assert post.heartbeat.leases() == []
    assert (post.activity.begun, post.activity.running) == (2, 0)


def test_a_hint_of_what_is_no_more_leads_to_nothing(post: Post) -> None:
    stage = Noting(post)
    add_fetch_task(post, stage)

    call(post, Stage.FETCH, 4711, 0)

    assert stage.batches == []


def test_a_broken_device_ends_the_process_so_that_another_starts(post: Post) -> None:
    class Broken:
        def drain(self) -> None:
            raise DeviceBroken

    left: list[int] = []
    add_caption_task(post, Broken(), left.append)

    call(post, Stage.CAPTION, 1, 0)

    assert left == [EXIT_STUCK]
    assert post.activity.running == 0
