"""Reads. Nothing here changes a state or takes a lock."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Column, Select, func, select

from jobs.clock import now
from jobs.database import Database
from jobs.errors import JobMissing
from jobs.records import Image, Job
from jobs.states import ACTIVE, BatchState, ImageState, JobState, Stage
from jobs.tables import batches
from jobs.tables import images as image_table
from jobs.tables import jobs as job_table

HIDDEN = ("headers_encrypted", "cleared_at", "deleted_at", "trace")
JOB_COLUMNS = tuple(column for column in job_table.columns if column.name not in HIDDEN)
IMAGE_COLUMNS = tuple(column for column in image_table.columns if column.name != "batch_id")
PAGE = 1000


@dataclass(frozen=True, slots=True)
class StageFigures:
    """Batches of one stage by state.

    oldest_queued, oldest_dispatched: seconds for which the oldest has waited to be handed out,
    or to be begun; 0 if none does.
    """

    queued: int
    dispatched: int
    running: int
    oldest_queued: float
    oldest_dispatched: float


@dataclass(frozen=True, slots=True)
class Progress:
    """Images done, images per second, and the seconds left (None while unknown)."""

    done: int
    rate: float | None
    eta_seconds: float | None


def job(db: Database, job_id: str, key_id: str | None = None) -> Job | None:
    """The job, if `key_id` (None: anybody) owns it."""
    with db.read() as connection:
        row = connection.execute(_visible(key_id).where(job_table.c.id == job_id)).one_or_none()
    return None if row is None else Job.of(row)


def existing_job(db: Database, job_id: str) -> Job:
    """The job.

    Raises:
        JobMissing: if there is none.
    """
    found = job(db, job_id)
    if found is None:
        raise JobMissing()
    return found


def trace_of(db: Database, job_id: str) -> str | None:
    """The trace to which the job's work belongs (`jobs.traces`)."""
    with db.read() as connection:
        statement = select(job_table.c.trace).where(job_table.c.id == job_id)
        return connection.execute(statement).scalar_one_or_none()


def jobs(
    db: Database,
    key_id: str | None = None,
    after: str | None = None,
    limit: int = 100,
    state: JobState | None = None,
) -> list[Job]:
    """A page of jobs, newest first, from the one after the id `after`."""
    statement = _visible(key_id).order_by(job_table.c.id.desc()).limit(limit)
    if after is not None:
        statement = statement.where(job_table.c.id < after)
    if state is not None:
        statement = statement.where(job_table.c.state == state)
    with db.read() as connection:
        return [Job.of(row) for row in connection.execute(statement)]


def images(
    db: Database,
    job_id: str,
    after_position: int | None = None,
    limit: int = 100,
    state: ImageState | None = None,
) -> list[Image]:
    """A page of the job's images in order, from the one after `after_position`."""
    statement = (
        select(*IMAGE_COLUMNS)
        .where(image_table.c.job_id == job_id)
        .order_by(image_table.c.position)
        .limit(limit)
    )
    if after_position is not None:
        statement = statement.where(image_table.c.position > after_position)
    if state is not None:
        statement = statement.where(image_table.c.state == state)
    if state is ImageState.FAILED:
        # Says the same once more, in the words of the index that finds the few among millions.
        statement = statement.where(image_table.c.code.is_not(None))
    with db.read() as connection:
        return [Image.of(row) for row in connection.execute(statement)]


def stream_images(db: Database, job_id: str) -> Iterator[Image]:
    """All images of the job in order, read page by page: memory stays small.

    No transaction stays open between pages, however slowly they are consumed.
    """
    position: int | None = None
    while page := images(db, job_id, position, PAGE):
        yield from page
        position = page[-1].position


def image(db: Database, job_id: str, position: int) -> Image | None:
    found = images(db, job_id, position - 1, 1)
    return found[0] if found and found[0].position == position else None


def prepared_key(db: Database, job_id: str, position: int) -> str | None:
    """Where the image's picture lies, among those of its batch; None if it lies nowhere (more)."""
    own = image_table.alias("own")
    statement = (
        select(batches.c.prepared_key)
        .select_from(own)
        .join(
            image_table,
            (image_table.c.job_id == own.c.job_id)
            & (image_table.c.position == func.coalesce(own.c.duplicate_of, own.c.position)),
        )
        .join(batches, batches.c.id == image_table.c.batch_id)
        .join(job_table, job_table.c.id == own.c.job_id)
        .where(own.c.job_id == job_id, own.c.position == position)
        .where(job_table.c.cleared_at.is_(None), job_table.c.deleted_at.is_(None))
    )
    with db.read() as connection:
        return connection.execute(statement).scalar_one_or_none()


def versions(db: Database, ids: Collection[str]) -> dict[str, int]:
    """The version of each of the jobs that is still there."""
    statement = select(job_table.c.id, job_table.c.version).where(
        job_table.c.id.in_(ids), job_table.c.deleted_at.is_(None)
    )
    with db.read() as connection:
        return {row.id: row.version for row in connection.execute(statement)}


def waiting_of(key_id: str) -> Select[int]:
    """Asks for the images of the key's jobs that have not ended."""
    return _unfinished().where(job_table.c.key_id == key_id, job_table.c.deleted_at.is_(None))


def waiting_images(db: Database, key_id: str) -> int:
    """Images of the key's jobs that have not ended."""
    with db.read() as connection:
        return int(connection.execute(waiting_of(key_id)).scalar_one())


def unfinished_images(db: Database) -> int:
    """Images of all jobs that have not ended: what a fleet is scaled on."""
    with db.read() as connection:
        return int(connection.execute(_unfinished()).scalar_one())


def _unfinished() -> Select[int]:
    left = job_table.c.total - job_table.c.succeeded - job_table.c.failed - job_table.c.canceled
    return select(func.coalesce(func.sum(left), 0)).where(job_table.c.state.in_(ACTIVE))


def stage_figures(db: Database) -> Mapping[Stage, StageFigures]:
    """How many batches of each stage wait and run, and since when the oldest waits."""
    states = (BatchState.QUEUED, BatchState.DISPATCHED, BatchState.RUNNING)
    counted = (
        select(batches.c.stage, batches.c.state, func.count())
        .where(batches.c.state.in_(states))
        .group_by(batches.c.stage, batches.c.state)
    )
    queued = _oldest(BatchState.QUEUED, batches.c.queued_at)
    dispatched = _oldest(BatchState.DISPATCHED, batches.c.dispatched_at)
    with db.read() as connection:
        counts = {(row[0], row[1]): row[2] for row in connection.execute(counted)}
        queued_for = {row[0]: row[1] for row in connection.execute(queued)}
        dispatched_for = {row[0]: row[1] for row in connection.execute(dispatched)}
    return {
        stage: StageFigures(
            queued=counts.get((stage, BatchState.QUEUED), 0),
            dispatched=counts.get((stage, BatchState.DISPATCHED), 0),
            running=counts.get((stage, BatchState.RUNNING), 0),
            oldest_queued=queued_for.get(stage, 0.0),
            oldest_dispatched=dispatched_for.get(stage, 0.0),
        )
        for stage in Stage
    }


def _oldest(state: BatchState, since: Column[float]) -> Select[Stage, float]:
    """For each stage, the seconds since the first of its batches came into `state`."""
    return (
        select(batches.c.stage, now() - func.min(since))
        .where(batches.c.state == state)
        .group_by(batches.c.stage)
    )


def progress(job: Job, moment: float) -> Progress:
    """How far the job is and how fast, at `moment` (epoch seconds)."""
    if job.started_at is None or not job.done:
        return Progress(job.done, None, None)
    spent = (job.finished_at or moment) - job.started_at
    if spent <= 0:
        return Progress(job.done, None, None)
    rate = job.done / spent
    return Progress(job.done, rate, 0.0 if job.ended else (job.total - job.done) / rate)


def _visible(key_id: str | None) -> Select[tuple[object, ...]]:
    statement = select(*JOB_COLUMNS).where(
        job_table.c.state != JobState.RECEIVING, job_table.c.deleted_at.is_(None)
    )
    return statement if key_id is None else statement.where(job_table.c.key_id == key_id)
