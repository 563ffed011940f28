"""What ends a job from outside, takes it up again, or makes it go away."""

from collections.abc import Callable

import pytest

from jobs import lifecycle, queries
from jobs.database import Database
from jobs.errors import JobCanceled, JobMissing, JobNotEnded
from jobs.records import Job
from jobs.states import JobState, Stage
from jobs.values import Held
from tests.jobs.acts import (
    captioned,
    captioning,
    check_counters,
    fetched,
    fetching,
    images_of,
    job_of,
    states_of,
    submit,
    work,
)

LONG_AGO = 1.0


def queued(db: Database) -> list[Held]:
    return []


def dispatched(db: Database) -> list[Held]:
    lifecycle.dispatch(db, Stage.FETCH, 10, 10)
    return []


def fetching_one(db: Database) -> list[Held]:
    return fetching(db, window=1)


def waiting_for_captions(db: Database) -> list[Held]:
    for held in fetching(db):
        fetched(db, held)
    return []


def captioning_one(db: Database) -> list[Held]:
    waiting_for_captions(db)
    return captioning(db, window=1)


def half_done(db: Database) -> list[Held]:
    waiting_for_captions(db)
    for held in captioning(db, window=1):
        captioned(db, held)
    return []


SITUATIONS = [queued, dispatched, fetching_one, waiting_for_captions, captioning_one, half_done]


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_canceled_job_ends_at_once_whatever_was_going_on(
    db: Database, situation: Callable[[Database], list[Held]]
) -> None:
    job = submit(db, 4)
    held = situation(db)
    done = job_of(db, job).done

    canceled = lifecycle.cancel(db, job.id)

    assert (canceled.state, canceled.canceled) == (JobState.CANCELED, 4 - done)
    check_counters(db, job)
    assert not any(fetched(db, batch) or captioned(db, batch) for batch in held)
    assert fetching(db) + captioning(db) == []
    assert job_of(db, job) == canceled


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_job_past_its_deadline_keeps_what_it_has(
    db: Database, situation: Callable[[Database], list[Held]]
) -> None:
    job = submit(db, 4)
    held = situation(db)
    done = job_of(db, job).done
    with db.write() as connection:
        connection.exec_driver_sql(f"UPDATE jobs SET deadline = {LONG_AGO}")

    assert lifecycle.expire(db) == 1

    expired = job_of(db, job)
    assert (expired.state, expired.failed, expired.succeeded) == ("expired", 4 - done, done)
    assert {image.code for image in images_of(db, job)} <= {"expired", None}
    check_counters(db, job)
    assert not any(fetched(db, batch) or captioned(db, batch) for batch in held)
    assert lifecycle.expire(db) == 0


def test_a_job_before_its_deadline_goes_on(db: Database) -> None:
    job = submit(db, 2, deadline=1e12)

    assert lifecycle.expire(db) == 0
    assert job_of(db, job).state == JobState.QUEUED


def test_a_job_that_has_ended_is_not_canceled(db: Database) -> None:
    job = submit(db, 2)
    work(db)
    ended = job_of(db, job)

    assert lifecycle.cancel(db, job.id) == ended


def some_failed(db: Database, key_id: str | None = None) -> Job:
    """An ended job: 404, timeout, a caption, timeout on a repeated URL."""
    urls = ["http://p/gone", "http://p/slow", "http://p/good", "http://p/slow"]
    job = submit(db, urls, key_id=key_id)
    first, second = fetching(db)
    fetched(db, first, failed={0: "http_404", 1: "timeout"})
    fetched(db, second)
    for held in captioning(db):
        captioned(db, held)
    return job


def test_failed_images_are_tried_once_more(db: Database) -> None:
    job = some_failed(db)

    again = lifecycle.retry_failed(db, job.id)

    assert (again.state, again.failed, again.finished_at) == ("running", 0, None)
    assert states_of(db, job) == ["queued", "queued", "succeeded", "queued"]
    work(db)
    assert job_of(db, job).succeeded == 4
    check_counters(db, job)


def test_only_images_of_the_named_codes_are_tried_once_more(db: Database) -> None:
    job = some_failed(db)

    lifecycle.retry_failed(db, job.id, codes=["timeout", "http_429"])

    assert states_of(db, job) == ["failed", "queued", "succeeded", "queued"]
    work(db)
    ended = job_of(db, job)
    assert (ended.state, ended.succeeded, ended.failed) == ("succeeded", 3, 1)
    check_counters(db, job)


def test_with_nothing_to_try_again_nothing_changes(db: Database) -> None:
    job = some_failed(db)
    ended = job_of(db, job)

    assert lifecycle.retry_failed(db, job.id, codes=["http_410"]) == ended


def test_images_are_tried_again_while_the_job_still_runs(db: Database) -> None:
    job = submit(db, 4)
    held, _ = fetching(db)
    fetched(db, held, failed={0: "timeout", 1: "timeout"})

    lifecycle.retry_failed(db, job.id, batch_images=1)

    assert states_of(db, job) == ["queued"] * 4
    assert [len(batch.images) for batch in fetching(db)] == [1, 1]
    check_counters(db, job)


def test_an_expired_job_that_is_tried_again_does_not_expire_again(db: Database) -> None:
    job = submit(db, 2, deadline=LONG_AGO)
    lifecycle.expire(db)

    lifecycle.retry_failed(db, job.id)

    assert lifecycle.expire(db) == 0
    work(db)
    assert job_of(db, job).state == JobState.SUCCEEDED
    check_counters(db, job)


def test_a_canceled_job_is_not_tried_again(db: Database) -> None:
    job = some_failed(db)
    other = submit(db, 2)
    lifecycle.cancel(db, other.id)

    with pytest.raises(JobCanceled):
        lifecycle.retry_failed(db, other.id)
    assert job_of(db, job).ended


def test_a_deleted_job_is_gone_for_everybody(db: Database) -> None:
    job = submit(db, 2)
    work(db)

    lifecycle.delete(db, job.id)

    assert queries.job(db, job.id) is None
    assert queries.jobs(db) == []
    assert queries.versions(db, [job.id]) == {}
    assert lifecycle.closable(db, 10) == []
    with pytest.raises(JobMissing):
        lifecycle.delete(db, job.id)


def test_a_job_is_not_deleted_while_it_runs(db: Database) -> None:
    job = submit(db, 2)

    with pytest.raises(JobNotEnded):
        lifecycle.delete(db, job.id)
    assert job_of(db, job).state == JobState.QUEUED


def test_an_ended_job_waits_for_its_result_files(db: Database) -> None:
    job = submit(db, 2)
    assert lifecycle.closable(db, 10) == []
    work(db)
    (closable,) = lifecycle.closable(db, 10)

    assert lifecycle.closed(db, job.id, closable.version)

    assert lifecycle.closable(db, 10) == []
    assert job_of(db, job).results_at is not None


def test_result_files_of_a_job_that_was_taken_up_again_do_not_count(db: Database) -> None:
    job = some_failed(db)
    (closable,) = lifecycle.closable(db, 10)
    lifecycle.retry_failed(db, job.id)

    assert not lifecycle.closed(db, job.id, closable.version)

    work(db)
    assert [ended.id for ended in lifecycle.closable(db, 10)] == [job.id]


def test_a_job_is_kept_for_so_long_after_its_end(db: Database) -> None:
    job = submit(db, 2, keep_seconds=100.0)
    assert job.keep_until is None
    work(db)

    ended = job_of(db, job)
    assert ended.keep_until is not None
    assert ended.finished_at is not None
    assert ended.keep_until == pytest.approx(ended.finished_at + 100.0, abs=1.0)
