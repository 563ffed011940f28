"""A process that works is left alone; one that only seems to is ended."""

from threading import Event

import pytest

from jobs.database import Database
from jobs.errors import QueueUnavailable
from jobs.states import Stage
from tests.jobs.acts import fetching, submit
from worker import watchdog
from worker.heartbeat import Heartbeat
from worker.stopping import Stop
from worker.watchdog import EXIT_STUCK, Activity, Patience, Watchdog


def test_an_idle_process_without_hints_is_left_alone() -> None:
    patience = Patience(looks=2)

    assert not any(patience.is_over(0, Activity()) for _ in range(5))


def test_hints_that_an_idle_process_ignores_for_long_end_it() -> None:
    patience = Patience(looks=3)

    assert [patience.is_over(1, Activity()) for _ in range(3)] == [False, False, True]


def test_a_process_that_works_for_long_is_left_alone_while_hints_wait() -> None:
    # Given one long task
    patience, activity = Patience(looks=2), Activity()
    with activity.task():
        # Then waiting hints say nothing against it
        assert not any(patience.is_over(9, activity) for _ in range(5))


def test_a_process_that_begins_tasks_between_looks_is_left_alone() -> None:
    patience, activity = Patience(looks=2), Activity()

    for _ in range(5):
        with activity.task():
            pass
        assert not patience.is_over(9, activity)


def test_a_batch_whose_lease_is_long_lost_ends_the_process_that_hangs_on_it(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a thread that hangs on a batch
    db, left = Database(sqlite_url), list[int]()
    heartbeat = Heartbeat(db, lease_seconds=-1.0, stop=Stop())
    submit(db, 1)
    (held,) = fetching(db)
    heartbeat.hold(held)
    dog = Watchdog(Stage.FETCH, lambda: 0, Activity(), heartbeat, left.append)

    # When its lease was lost a moment ago, and when it was lost long ago
    dog.look()
    assert left == []
    monkeypatch.setattr(watchdog, "HUNG_SECONDS", 0.5)
    dog.look()

    # Then
    assert left == [EXIT_STUCK]
    db.close()


def test_a_redis_that_does_not_answer_is_no_reason_to_leave(sqlite_url: str) -> None:
    left = list[int]()

    def unavailable() -> int:
        raise QueueUnavailable

    heartbeat = Heartbeat(Database(sqlite_url), 15, Stop())
    dog = Watchdog(Stage.FETCH, unavailable, Activity(), heartbeat, left.append)

    for _ in range(20):
        dog.look()
    assert left == []


def test_a_look_that_fails_is_not_the_last_one(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "LOOK_SECONDS", 0.01)
    looked_again, looks = Event(), list[int]()

    def hints() -> int:
        looks.append(1)
        if len(looks) == 1:
            raise ValueError("a fault of ours")
        looked_again.set()
        return 0

    heartbeat = Heartbeat(Database(sqlite_url), 15, Stop())
    Watchdog(Stage.FETCH, hints, Activity(), heartbeat, lambda _: None).start()

    assert looked_again.wait(30)
