"""A job of any length: rows stream into a job that nobody sees until all are there.

Memory stays small: a chunk of rows, and what `jobs.firsts` keeps of each URL. A
chunk is a short transaction of its own, so that other jobs go on meanwhile. A
process that dies leaves a job in `receiving`, which `jobs.lifetime` removes.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Unpack

from sqlalchemy import Connection, update

from jobs import queries, uploads
from jobs.clock import now
from jobs.database import Database
from jobs.errors import JobMissing
from jobs.firsts import Firsts
from jobs.ids import new_id
from jobs.lifecycle.loading import create_batches, load_images
from jobs.lifecycle.retry import assign_batches, number_originals
from jobs.lifecycle.submit import admit_job, create_job
from jobs.records import Job
from jobs.states import JobState
from jobs.tables import images as image_table
from jobs.tables import jobs
from jobs.values import NewImage, Options, Terms

#: Rows of one transaction. On SQLite everybody else's writes wait for it.
CHUNK = {"postgresql": 20_000, "sqlite": 2_000}


@dataclass(slots=True)
class Intake:
    """What was taken so far, and the chunk that is being filled."""

    job_id: str
    batch_images: int
    firsts: Firsts | None
    total: int = 0
    duplicates: int = 0
    batches: int = 0
    uploads: set[str] = field(default_factory=set)
    rows: list[NewImage] = field(default_factory=list)
    repeats: dict[int, int] = field(default_factory=dict)

    def take(self, image: NewImage) -> None:
        position = self.total
        self.total += 1
        self.rows.append(image)
        if self.firsts is not None:
            first = self.firsts.add(image.url, position)
            if first != position:
                self.repeats[position] = first
                return
        if upload := uploads.named_in(image.url):
            self.uploads.add(upload)

    @property
    def originals(self) -> int:
        """Images of the chunk that are fetched."""
        return len(self.rows) - len(self.repeats)


def ingest(
    db: Database,
    rows: Iterable[NewImage],
    options: Options,
    *,
    batch_images: int,
    before_queued: Callable[[str], int] | None = None,
    **terms: Unpack[Terms],
) -> Job:
    """Record a job of any number of images, each of its own key.

    Args:
        rows: may raise to refuse the whole; nothing is kept then.
        before_queued: called with the job's id when the last row was taken; answers
            how many lines were rejected.

    Raises:
        Invalid: if there is no image.
        UploadMissing: if an image names an upload that is not there.
    """
    intake = Intake(new_id("job"), batch_images, Firsts() if options.deduplicate else None)
    with db.write() as connection:
        create_job(connection, intake.job_id, options, terms)
    try:
        _receive(db, intake, rows)
        rejected = before_queued(intake.job_id) if before_queued else 0
        with db.write() as connection:
            intake.duplicates -= _separate_collisions(connection, intake)
            admit_job(
                connection,
                intake.job_id,
                terms,
                intake.total,
                intake.duplicates,
                intake.uploads,
                rejected,
            )
    except BaseException:
        _give_up(db, intake.job_id)
        raise
    return queries.existing_job(db, intake.job_id)


def _receive(db: Database, intake: Intake, rows: Iterable[NewImage]) -> None:
    chunk = CHUNK[db.engine.dialect.name]
    # Chunks end where a batch ends, so that only the job's last batch is short.
    originals = max(1, chunk // intake.batch_images) * intake.batch_images
    for row in rows:
        intake.take(row)
        if intake.originals == originals or len(intake.repeats) == chunk:
            _store(db, intake)
    _store(db, intake)


def _store(db: Database, intake: Intake) -> None:
    if not intake.rows:
        return
    start = intake.total - len(intake.rows)
    with db.write() as connection:
        batch_of = create_batches(
            connection, intake.job_id, intake.originals, intake.batch_images, intake.batches
        )
        load_images(connection, intake.job_id, intake.rows, intake.repeats, batch_of, start)
        _touch(connection, intake.job_id)
    intake.batches += -(-intake.originals // intake.batch_images)
    intake.duplicates += len(intake.repeats)
    intake.rows, intake.repeats = [], {}


def _touch(connection: Connection, job_id: str) -> None:
    """Show that rows still arrive."""
    statement = (
        update(jobs)
        .where(jobs.c.id == job_id, jobs.c.state == JobState.RECEIVING, jobs.c.deleted_at.is_(None))
        .values(updated_at=now())
        .returning(jobs.c.id)
    )
    if connection.execute(statement).one_or_none() is None:
        raise JobMissing()


def _separate_collisions(connection: Connection, intake: Intake) -> int:
    """Give rows that only share a hash with an earlier URL a batch of their own; how many."""
    if not intake.duplicates:
        return 0
    first = image_table.alias("first")
    told_apart = (
        update(image_table)
        .where(
            image_table.c.job_id == intake.job_id,
            first.c.job_id == intake.job_id,
            first.c.position == image_table.c.duplicate_of,
            first.c.url != image_table.c.url,
        )
        .values(duplicate_of=None)
    )
    collisions = connection.execute(told_apart).rowcount
    if collisions:
        unassigned = (image_table.c.job_id == intake.job_id, image_table.c.batch_id.is_(None))
        numbered = number_originals(unassigned, intake.batch_images)
        assign_batches(connection, intake.job_id, numbered, intake.batches)
    return collisions


def _give_up(db: Database, job_id: str) -> None:
    """Mark what was received for removal (`jobs.lifetime`)."""
    with db.write() as connection:
        connection.execute(update(jobs).where(jobs.c.id == job_id).values(deleted_at=now()))
