"""Failed images, once more."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, Select, func, insert, literal, select, update

from jobs import queries
from jobs.clock import now
from jobs.database import Database
from jobs.errors import JobCanceled, JobMissing
from jobs.lifecycle.endings import lock_job
from jobs.lifecycle.limits import check_waiting
from jobs.records import Job
from jobs.states import BatchState, ImageState, JobState, Stage
from jobs.tables import batches, images, jobs


def retry_failed(
    db: Database,
    job_id: str,
    codes: Collection[str] | None = None,
    batch_images: int = 64,
) -> Job:
    """Queue the job's failed images again, in new batches, with all their tries.

    An ended job runs again (without the deadline that it may have missed). With
    nothing to retry it stays as it is.

    Args:
        codes: only images that failed with one of these; None for all.

    Raises:
        JobMissing: if there is none.
        JobCanceled: if its owner had stopped it.
        TooManyWaiting: if its key may not have so many more images waiting.
    """
    with db.write() as connection:
        job = lock_job(connection, job_id)
        if job is None or job.state == JobState.RECEIVING:
            raise JobMissing()
        if job.state == JobState.CANCELED:
            raise JobCanceled()
        _batch_up(connection, job, codes, batch_images)
        again = _queue_images(connection, job, codes)
        if again:
            check_waiting(connection, job.key_id, again)
            _run_again(connection, job, again)
    return queries.existing_job(db, job_id)


def _failed(job: Row[Any], codes: Collection[str] | None) -> tuple[Any, ...]:
    conditions = (
        images.c.job_id == job.id,
        images.c.state == ImageState.FAILED,
        images.c.code.is_not(None),
    )
    return conditions if codes is None else (*conditions, images.c.code.in_(codes))


def _batch_up(
    connection: Connection, job: Row[Any], codes: Collection[str] | None, batch_images: int
) -> None:
    """Put the failed images, duplicates aside, into new batches of the job, in order."""
    numbered = number_originals(_failed(job, codes), batch_images)
    base = select(func.coalesce(func.max(batches.c.number) + 1, 0)).where(
        batches.c.job_id == job.id
    )
    first = connection.execute(base).scalar_one()
    assign_batches(connection, job.id, numbered, first)


def number_originals(conditions: tuple[Any, ...], batch_images: int) -> Select[Any]:
    """(position, which batch from 0) of the images that meet the conditions, duplicates aside."""
    place = func.row_number().over(order_by=images.c.position) - 1
    return select(
        images.c.position, (place - place % batch_images).op("/")(batch_images).label("part")
    ).where(*conditions, images.c.duplicate_of.is_(None))


def assign_batches(connection: Connection, job_id: str, numbered: Select[Any], first: int) -> None:
    """Create the batches that `numbered` speaks of, from number `first`, and fill them."""
    parts = numbered.subquery("parts")
    created = select(
        literal(job_id),
        parts.c.part + first,
        literal(Stage.FETCH.value),
        literal(BatchState.QUEUED.value),
        now(),
    ).group_by(parts.c.part)
    names = ["job_id", "number", "stage", "state", "queued_at"]
    connection.execute(insert(batches).from_select(names, created))
    connection.execute(
        update(images)
        .where(
            images.c.job_id == job_id,
            images.c.position == parts.c.position,
            batches.c.job_id == job_id,
            batches.c.number == parts.c.part + first,
        )
        .values(batch_id=batches.c.id)
    )


def _queue_images(connection: Connection, job: Row[Any], codes: Collection[str] | None) -> int:
    statement = (
        update(images)
        .where(*_failed(job, codes))
        .values(state=ImageState.QUEUED, failures=0, code=None, message=None, finished_at=None)
    )
    return connection.execute(statement).rowcount


def _run_again(connection: Connection, job: Row[Any], again: int) -> None:
    connection.execute(
        update(jobs)
        .where(jobs.c.id == job.id)
        .values(
            state=JobState.QUEUED if job.started_at is None else JobState.RUNNING,
            failed=jobs.c.failed - again,
            finished_at=None,
            keep_until=None,
            deadline=None,
            results_at=None,
            cleared_at=None,
            error=None,
            updated_at=now(),
            version=jobs.c.version + 1,
        )
    )
