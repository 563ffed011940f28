"""Requests that are sent twice."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from jobs import idempotency, lifetime, queries
from jobs.database import Database
from jobs.errors import Invalid, RequestInProgress, RequestReused
from jobs.values import Once
from tests.jobs.acts import submit

ONCE = Once("key", "hash", 3600.0)


def test_the_same_request_makes_one_job(db: Database) -> None:
    assert idempotency.begin(db, "", "key", 60.0) is None
    job = submit(db, 1, once=ONCE)

    known = idempotency.begin(db, "", "key", 60.0)

    assert known is not None
    assert known.check("hash") == job.id


def test_another_request_with_the_same_key_is_refused(db: Database) -> None:
    idempotency.begin(db, "", "key", 60.0)
    submit(db, 1, once=ONCE)

    known = idempotency.begin(db, "", "key", 60.0)

    assert known is not None
    with pytest.raises(RequestReused):
        known.check("another hash")


def test_while_the_first_is_received_the_second_is_told_to_wait(db: Database) -> None:
    idempotency.begin(db, "", "key", 60.0)

    with pytest.raises(RequestInProgress):
        idempotency.begin(db, "", "key", 60.0)


def test_of_requests_at_once_one_is_the_first(db: Database) -> None:
    def enter(_: int) -> str:
        try:
            return str(idempotency.begin(db, "", "key", 60.0))
        except RequestInProgress:
            return "in progress"

    with ThreadPoolExecutor(6) as pool:
        answers = sorted(pool.map(enter, range(6)))

    assert answers == ["None"] + ["in progress"] * 5


def test_owners_do_not_share_keys(db: Database) -> None:
    idempotency.begin(db, "key_1", "key", 60.0)

    assert idempotency.begin(db, "key_2", "key", 60.0) is None


def test_a_request_that_came_to_nothing_may_be_sent_again(db: Database) -> None:
    idempotency.begin(db, "", "key", 60.0)
    with pytest.raises(Invalid):
        submit(db, [], once=ONCE)
    idempotency.abandon(db, "", "key")

    assert idempotency.begin(db, "", "key", 60.0) is None


def test_a_finished_request_is_not_abandoned(db: Database) -> None:
    idempotency.begin(db, "", "key", 60.0)
    job = submit(db, 1, once=ONCE)

    idempotency.abandon(db, "", "key")

    known = idempotency.begin(db, "", "key", 60.0)
    assert known is not None
    assert known.job_id == job.id


def test_a_request_whose_process_died_does_not_block_for_long(db: Database) -> None:
    idempotency.begin(db, "", "key", -1.0)

    assert idempotency.begin(db, "", "key", 60.0) is None


def test_a_key_may_be_used_anew_when_its_time_is_over(db: Database) -> None:
    idempotency.begin(db, "", "key", 60.0)
    submit(db, 1, once=Once("key", "hash", -1.0))

    assert lifetime.forget_requests(db) == 1
    assert idempotency.begin(db, "", "key", 60.0) is None
    assert len(queries.jobs(db)) == 1


def test_a_request_that_was_given_up_makes_no_job_any_more(db: Database) -> None:
    # Given a request that was abandoned while its job was still being loaded
    idempotency.begin(db, "", "key", 60.0)
    idempotency.abandon(db, "", "key")

    # When the loading ends after all
    with pytest.raises(RequestInProgress):
        submit(db, 1, once=ONCE)

    # Then the client may send it again, and has one job
    assert queries.jobs(db) == []
    assert idempotency.begin(db, "", "key", 60.0) is None


def test_of_two_requests_of_which_the_first_took_too_long_one_makes_a_job(db: Database) -> None:
    idempotency.begin(db, "", "key", receive_seconds=-1.0)
    idempotency.begin(db, "", "key", 60.0)

    submit(db, 1, once=ONCE)

    with pytest.raises(RequestInProgress):
        submit(db, 1, once=ONCE)
    assert len(queries.jobs(db)) == 1
