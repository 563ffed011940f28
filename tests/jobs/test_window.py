"""Dispatching: within the window, fairly, and no hint is lost for good."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from jobs import lifecycle, queries
from jobs.database import Database
from jobs.states import Stage
from jobs.values import Later
from tests.jobs.acts import captioning, fetched, fetching, job_of, submit

AHEAD = 1000


def test_the_window_holds_over_all_jobs(db: Database) -> None:
    for _ in range(3):
        submit(db, 20)

    first = lifecycle.dispatch(db, Stage.FETCH, 4, AHEAD)
    second = lifecycle.dispatch(db, Stage.FETCH, 4, AHEAD)

    assert (len(first), second) == (4, [])


def test_a_begun_batch_keeps_its_place_in_the_window(db: Database) -> None:
    submit(db, 20)
    held = fetching(db, window=2)

    assert lifecycle.dispatch(db, Stage.FETCH, 2, AHEAD) == []

    fetched(db, held[0])
    assert len(lifecycle.dispatch(db, Stage.FETCH, 2, AHEAD)) == 1


def test_two_dispatchers_at_once_do_not_exceed_the_window(db: Database) -> None:
    submit(db, 100)

    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(lifecycle.dispatch, db, Stage.FETCH, 5, AHEAD) for _ in range(8)]
        hints = [hint for call in calls for hint in call.result()]

    assert len(hints) == len(set(hints)) == 5
    assert queries.stage_figures(db)[Stage.FETCH].dispatched == 5


def test_one_image_of_a_new_owner_does_not_wait_behind_a_large_job(db: Database) -> None:
    submit(db, 100, key_id="key_of_many")
    lifecycle.dispatch(db, Stage.FETCH, 4, AHEAD)
    small = submit(db, 1, key_id="key_of_few")

    lifecycle.dispatch(db, Stage.FETCH, 5, AHEAD)

    held = lifecycle.begin_next(db, Stage.FETCH, "worker", 5, 15, 900)
    assert held[-1].job_id == small.id


def test_one_image_does_not_wait_for_the_first_batches_of_large_jobs(db: Database) -> None:
    for _ in range(5):
        submit(db, 100)
    small = submit(db, 1)

    lifecycle.dispatch(db, Stage.FETCH, 1, AHEAD)

    assert [held.job_id for held in fetching(db, window=1)] == [small.id]


def test_the_jobs_of_an_owner_take_turns_from_round_to_round(db: Database) -> None:
    jobs = [submit(db, 20) for _ in range(3)]

    served = [fetching(db, window=window)[0].job_id for window in range(1, 7)]

    assert Counter(served) == {job.id: 2 for job in jobs}
    assert served[:3] == served[3:]


def test_fetching_of_a_job_pauses_while_its_pictures_wait_to_be_captioned(db: Database) -> None:
    submit(db, 20)
    for held in fetching(db, window=3):
        fetched(db, held)

    assert lifecycle.dispatch(db, Stage.FETCH, 10, fetch_ahead=3) == []

    captioning(db, window=1)
    assert len(lifecycle.dispatch(db, Stage.FETCH, 10, fetch_ahead=3)) == 7


def test_a_batch_is_not_dispatched_before_its_time(db: Database) -> None:
    job = submit(db, 1)
    (held,) = fetching(db)
    later = [Later(0, "http_429", "a sentence", delay=60.0)]

    fetched(db, held, later=later)

    assert lifecycle.dispatch(db, Stage.FETCH, 10, AHEAD) == []
    assert job_of(db, job).done == 0


def test_hints_that_nobody_followed_are_given_again(db: Database) -> None:
    submit(db, 4)
    hints = lifecycle.dispatch(db, Stage.FETCH, 10, AHEAD)

    assert lifecycle.waiting_hints(db, Stage.FETCH) == hints
    assert lifecycle.lost_hints(db, Stage.FETCH, older_than=60.0) == []
    assert lifecycle.lost_hints(db, Stage.FETCH, older_than=-1.0) == hints


def test_a_followed_hint_is_not_lost(db: Database) -> None:
    submit(db, 2)
    fetching(db)

    assert lifecycle.waiting_hints(db, Stage.FETCH) == []
    assert lifecycle.lost_hints(db, Stage.FETCH, older_than=-1.0) == []


def test_a_hint_that_later_ones_overtook_is_lost_however_long_the_queue_is(db: Database) -> None:
    # Given a hint that its worker took along when it died, and others that were sent later
    submit(db, 2)
    (lost,) = lifecycle.dispatch(db, Stage.FETCH, 1, AHEAD)
    submit(db, 4)
    time.sleep(0.02)
    later, waiting = lifecycle.dispatch(db, Stage.FETCH, 3, AHEAD)

    # When none of them was begun, any may still be in the queue
    assert lifecycle.lost_hints(db, Stage.FETCH, older_than=0.01, overtaken=True) == []

    # Then the first is known to be lost once one of them was
    assert lifecycle.begin(db, later, "worker", 60, 600) is not None
    assert lifecycle.lost_hints(db, Stage.FETCH, older_than=0.01, overtaken=True) == [lost]
    assert waiting in lifecycle.waiting_hints(db, Stage.FETCH)


def test_it_is_seen_for_how_long_a_batch_was_handed_out_and_begun_by_nobody(db: Database) -> None:
    # Given two batches, one of which a worker takes
    submit(db, 4)
    lifecycle.dispatch(db, Stage.FETCH, 2, AHEAD)
    lifecycle.begin_next(db, Stage.FETCH, "worker", 1, 15, 900)
    with db.write() as connection:
        connection.exec_driver_sql("UPDATE batches SET dispatched_at = dispatched_at - 400")

    # Then the other one shows, until it is taken too
    assert queries.stage_figures(db)[Stage.FETCH].oldest_dispatched > 399
    lifecycle.begin_next(db, Stage.FETCH, "worker", 1, 15, 900)
    assert queries.stage_figures(db)[Stage.FETCH].oldest_dispatched == 0
