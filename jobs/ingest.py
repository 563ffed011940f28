"""A job of any length: rows stream into a job that nobody sees until all are there.

Memory stays small: a chunk of rows, and what `jobs.firsts` keeps of each URL. A
chunk is a short transaction of its own, so that other jobs go on meanwhile. A
process that dies leaves a job in `receiving`, which `jobs.lifetime` removes.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import chain, islice, repeat
from typing import Unpack

from sqlalchemy import Connection, update

from jobs import queries, uploads
from jobs.clock import now
from jobs.database import Database
from jobs.errors import Invalid, JobMissing
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
    """What a job has received so far."""

    job_id: str
    batch_images: int
    firsts: Firsts | None
    total: int = 0
    duplicates: int = 0
    batches: int = 0
    #: The last batch, and how many images it still takes.
    open_batch: int = 0
    room: int = 0
    uploads: set[str] = field(default_factory=set)


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
        if not intake.total:
            raise Invalid("images", "a job needs at least one image")
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
    size = CHUNK[db.engine.dialect.name]
    waiting = iter(rows)
    while chunk := list(islice(waiting, size)):
        urls = [image.url for image in chunk]
        repeats = intake.firsts.add(urls, intake.total) if intake.firsts else {}
        intake.uploads |= {upload for url in urls if (upload := uploads.named_in(url))}
        _store(db, intake, chunk, repeats)
        intake.total += len(chunk)
        intake.duplicates += len(repeats)


def _store(db: Database, intake: Intake, chunk: list[NewImage], repeats: dict[int, int]) -> None:
    originals = len(chunk) - len(repeats)
    needed = max(0, -(-(originals - intake.room) // intake.batch_images))
    with db.write() as connection:
        created = create_batches(connection, intake.job_id, needed, intake.batches)
        places = chain(
            repeat(intake.open_batch, intake.room),
            (batch_id for batch_id in created for _ in range(intake.batch_images)),
        )
        load_images(connection, intake.job_id, chunk, repeats, places, intake.total)
        _touch(connection, intake.job_id)
    intake.batches += needed
    intake.room += needed * intake.batch_images - originals
    intake.open_batch = created[-1] if created else intake.open_batch


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
