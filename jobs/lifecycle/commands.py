"""What ends a job from outside: its owner, its deadline."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Row, select, update

from jobs import queries
from jobs.clock import now
from jobs.database import Database
from jobs.errors import JobMissing, JobNotEnded
from jobs.lifecycle.endings import Ended, end_where, lock_job, move_job
from jobs.records import Job
from jobs.states import ACTIVE, ENDED, BatchState, ImageState, JobState
from jobs.tables import batches, images, jobs

UNFINISHED = (BatchState.QUEUED, BatchState.DISPATCHED, BatchState.RUNNING)
#: Images that one statement ends; a job may have millions, and a statement has a time limit.
AT_ONCE = 50_000


def cancel(db: Database, job_id: str) -> Job:
    """End a job now: what is unfinished is canceled. A job that had ended stays as it is.

    Raises:
        JobMissing: if there is none.
    """
    with db.write() as connection:
        job = lock_job(connection, job_id)
        if job is None:
            raise JobMissing()
        if job.state in ACTIVE:
            _stop(connection, job, JobState.CANCELED, _cancel_images)
    return queries.existing_job(db, job_id)


def expire(db: Database) -> int:
    """End the jobs whose deadline passed: unfinished images fail with `expired`."""
    with db.read() as connection:
        late = connection.scalars(
            select(jobs.c.id).where(jobs.c.deadline < now(), jobs.c.state.in_(ACTIVE))
        ).all()
    return sum(_expire_one(db, job_id) for job_id in late)


def delete(db: Database, job_id: str) -> None:
    """Hide a job that has ended; `jobs.lifetime` removes what it left behind.

    Raises:
        JobMissing: if there is none.
        JobNotEnded: if work on it may still be going on.
    """
    statement = (
        update(jobs)
        .where(jobs.c.id == job_id, jobs.c.deleted_at.is_(None), jobs.c.state.in_(ENDED))
        .values(deleted_at=now(), version=jobs.c.version + 1)
        .returning(jobs.c.id)
    )
    with db.write() as connection:
        if lock_job(connection, job_id) is None:
            raise JobMissing()
        if connection.execute(statement).one_or_none() is None:
            raise JobNotEnded()


def _expire_one(db: Database, job_id: str) -> bool:
    with db.write() as connection:
        job = lock_job(connection, job_id)
        late = job is not None and job.state in ACTIVE and job.deadline is not None
        # Read again, now that the row is ours: a retry takes the deadline away.
        if job is None or not late or job.deadline > connection.execute(select(now())).scalar_one():
            return False
        _stop(connection, job, JobState.EXPIRED, _expire_images)
    return True


Ending = Callable[[Connection, Any], Ended]


def _stop(connection: Connection, job: Row[Any], state: JobState, end: Ending) -> None:
    """End the job's batches and unfinished images, then the job."""
    unfinished = (
        select(batches.c.id)
        .where(batches.c.job_id == job.id, batches.c.state.in_(UNFINISHED))
        .order_by(batches.c.id)
        .with_for_update()
        .cte("unfinished")
    )
    connection.execute(
        update(batches)
        .where(batches.c.id.in_(select(unfinished.c.id)))
        .values(state=BatchState.CANCELED, worker=None, lease_until=None, lease_deadline=None)
    )
    ended = Ended()
    for start in range(0, job.total, AT_ONCE):
        some = images.c.position.between(start, start + AT_ONCE - 1)
        ended += end(connection, (images.c.job_id == job.id) & some)
    move_job(connection, job, ended, state)


def _cancel_images(connection: Connection, condition: Any) -> Ended:
    statement = (
        update(images)
        .where(condition, images.c.state == ImageState.QUEUED)
        .values(state=ImageState.CANCELED, finished_at=now())
    )
    return Ended(canceled=connection.execute(statement).rowcount)


def _expire_images(connection: Connection, condition: Any) -> Ended:
    return end_where(connection, condition, "expired")
