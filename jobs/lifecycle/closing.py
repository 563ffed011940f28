"""What comes after a job's end: its result files."""

from sqlalchemy import select, update

from jobs.clock import now
from jobs.database import Database
from jobs.queries import JOB_COLUMNS
from jobs.records import Job
from jobs.states import ENDED
from jobs.tables import jobs


def closable(db: Database, limit: int) -> list[Job]:
    """Jobs that ended and whose result files are not written yet, oldest end first."""
    statement = (
        select(*JOB_COLUMNS)
        .where(
            jobs.c.state.in_(ENDED),
            jobs.c.results_at.is_(None),
            jobs.c.finished_at.is_not(None),
            jobs.c.deleted_at.is_(None),
        )
        .order_by(jobs.c.finished_at)
        .limit(limit)
    )
    with db.read() as connection:
        return [Job.of(row) for row in connection.execute(statement)]


def closed(db: Database, job_id: str, version: int) -> bool:
    """Record that the result files of the job, as of `version`, lie in the store.

    Returns:
        False if the job has changed since (it was retried, or deleted).
    """
    statement = (
        update(jobs)
        .where(
            jobs.c.id == job_id,
            jobs.c.version == version,
            jobs.c.state.in_(ENDED),
            jobs.c.deleted_at.is_(None),
        )
        .values(results_at=now(), updated_at=now(), version=jobs.c.version + 1)
        .returning(jobs.c.id)
    )
    with db.write() as connection:
        return connection.execute(statement).one_or_none() is not None
