"""Hints go into a real Redis, and again once they are known to be lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs import lifecycle
from jobs.database import Database
from jobs.errors import QueueUnavailable
from jobs.queue import make_app, purge, queue_lengths
from jobs.settings import Settings
from jobs.states import Stage
from jobs.store import open_store
from tests.jobs.acts import submit
from worker.dispatch.context import Context
from worker.dispatch.hints import dispatch, resend


def context_of(home: Path, sqlite_url: str, redis_url: str) -> Context:
    # A hint counts as lost at once, so that nothing here has to wait.
    settings = Settings(home=home, redis_url=redis_url, fetch_window=3, hint_seconds=0.001)
    db = Database(sqlite_url)
    return Context(settings, db, open_store(settings.store_url, settings), make_app(settings))


@pytest.fixture
def at(tmp_path: Path, sqlite_url: str, redis_url: str) -> Iterator[Context]:
    context = context_of(tmp_path, sqlite_url, redis_url)
    purge(context.settings)
    yield context
    purge(context.settings)
    context.db.close()


def waiting(at: Context) -> int:
    return queue_lengths(at.settings)[Stage.FETCH]


def test_as_many_hints_are_sent_as_the_window_holds(at: Context) -> None:
    submit(at.db, 10)

    assert (dispatch(at), dispatch(at)) == (3, 0)
    assert waiting(at) == 3


def test_a_queue_that_was_lost_is_filled_again(at: Context) -> None:
    # Given hints that wait, which are not sent twice
    submit(at.db, 10)
    dispatch(at)
    assert resend(at) == 0

    # When Redis forgets them
    purge(at.settings)

    # Then
    assert resend(at) == 3
    assert waiting(at) == 3


def test_a_hint_that_died_with_its_worker_is_sent_again_although_others_wait(at: Context) -> None:
    # Given a hint that a worker took, and later ones of which one is worked on
    submit(at.db, 2)
    dispatch(at)
    (lost,) = lifecycle.waiting_hints(at.db, Stage.FETCH)
    submit(at.db, 4)
    dispatch(at)
    later = lifecycle.waiting_hints(at.db, Stage.FETCH)[1]
    assert lifecycle.begin(at.db, later, "worker", 60, 600) is not None
    before = waiting(at)

    # Then it is found out by the order of the queue, and only it
    assert resend(at) == 1
    assert waiting(at) == before + 1
    assert lost in lifecycle.waiting_hints(at.db, Stage.FETCH)


def test_without_redis_the_record_stays_right_and_the_hint_is_sent_later(
    tmp_path: Path, sqlite_url: str, at: Context
) -> None:
    # Given a Redis that is not there
    away = context_of(tmp_path, sqlite_url, f"unix://{tmp_path}/none.sock")
    submit(away.db, 2)

    # When a hint cannot be sent
    with pytest.raises(QueueUnavailable):
        dispatch(away)
    away.db.close()

    # Then it goes out once Redis is there
    assert resend(at) == 1
    assert waiting(at) == 1
