"""Leases are renewed while somebody works, and the work learns when they are lost."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import select, update

from jobs import lifecycle
from jobs.database import Database
from jobs.errors import DatabaseUnavailable
from jobs.states import BatchState
from jobs.tables import batches
from jobs.values import Held
from tests.jobs.acts import fetching, submit
from worker.heartbeat import Heartbeat
from worker.stopping import Stop

LEASE_SECONDS = 0.3
PATIENCE_SECONDS = 30.0


@pytest.fixture
def db(sqlite_url: str) -> Iterator[Database]:
    opened = Database(sqlite_url)
    yield opened
    opened.close()


@pytest.fixture
def held(db: Database) -> Held:
    submit(db, 2)
    (begun,) = fetching(db, lease=LEASE_SECONDS)
    return begun


def wait_for(question: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not question():
        assert time.monotonic() < until
        time.sleep(0.01)


def lease_until(db: Database, held: Held) -> float:
    with db.read() as connection:
        chosen = select(batches.c.lease_until).where(batches.c.id == held.batch_id)
        return connection.execute(chosen).scalar_one()


def test_a_lease_is_renewed_for_as_long_as_it_is_held(db: Database, held: Held) -> None:
    first = lease_until(db, held)

    with Heartbeat(db, LEASE_SECONDS, Stop()) as heartbeat, heartbeat.holding(held):
        wait_for(lambda: lease_until(db, held) > first + LEASE_SECONDS)

    assert heartbeat.leases() == []


def test_the_time_that_a_batch_was_held_is_measured_once(db: Database, held: Held) -> None:
    counted = "captions_stage_seconds_count", {"stage": held.stage.value}
    before = REGISTRY.get_sample_value(*counted) or 0.0

    with Heartbeat(db, LEASE_SECONDS, Stop()) as heartbeat, heartbeat.holding(held):
        heartbeat.let_go(held)

    assert REGISTRY.get_sample_value(*counted) == before + 1


def test_work_on_a_batch_that_is_somebody_elses_learns_it(db: Database, held: Held) -> None:
    # Given a lease that is kept
    with Heartbeat(db, LEASE_SECONDS, Stop()) as heartbeat:
        still = heartbeat.hold(held)

        # When the batch is begun by another
        with db.write() as connection:
            connection.execute(update(batches).values(attempt=held.attempt + 1))

        # Then
        wait_for(lambda: not still())


def test_work_stops_by_itself_when_nobody_can_be_asked(
    db: Database, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "renew", failing(DatabaseUnavailable()))

    with Heartbeat(db, LEASE_SECONDS, Stop()) as heartbeat:
        still = heartbeat.hold(held)
        wait_for(lambda: not still())
        assert still.lost()


def test_a_stop_is_the_end_of_all_work(db: Database, held: Held) -> None:
    stop = Stop()
    with Heartbeat(db, 60, stop) as heartbeat, heartbeat.holding(held) as still:
        assert still()

        stop.set()

        assert not still()
        assert not still.lost()


@pytest.mark.parametrize("error", [DatabaseUnavailable(), ValueError("a fault of ours")])
def test_no_error_ends_the_beat(
    db: Database, held: Held, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    # Given a process that cannot say that it is alive, once
    calls: list[int] = []

    def pulse() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise error

    # When more batches are begun later
    with Heartbeat(db, LEASE_SECONDS, Stop(), pulse) as heartbeat:
        wait_for(lambda: len(calls) > 1)
        before = lease_until(db, held)

        # Then their leases are renewed all the same
        with heartbeat.holding(held):
            wait_for(lambda: lease_until(db, held) > before)
    with db.read() as connection:
        states = connection.execute(select(batches.c.state)).scalars().all()
    assert states == [BatchState.RUNNING]


def failing(error: Exception) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail
