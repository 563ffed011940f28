"""A job of up to some ten thousand images, recorded in one transaction."""

from collections.abc import Mapping, Sequence
from typing import Unpack

from sqlalchemy import Connection, insert, update

from jobs import headers, idempotency, queries, uploads
from jobs.clock import now
from jobs.database import Database
from jobs.errors import Invalid, JobMissing
from jobs.ids import new_id
from jobs.lifecycle.limits import check_waiting
from jobs.lifecycle.loading import create_batches, load_images
from jobs.records import Job
from jobs.states import JobState
from jobs.tables import jobs
from jobs.values import NewImage, Options, Terms


def submit(
    db: Database,
    images: Sequence[NewImage],
    options: Options,
    *,
    batch_images: int,
    **terms: Unpack[Terms],
) -> Job:
    """Record a job; once this returns, it will be done.

    Raises:
        Invalid: if there is no image, or two have the same key.
        UploadMissing: if an image names an upload that is not there.
        TooManyWaiting: if its key may not have so many more images waiting.
    """
    _check(images)
    repeats = _duplicates(images) if options.deduplicate else {}
    job_id = new_id("job")
    with db.write() as connection:
        create_job(connection, job_id, options, terms)
        needed = -(-(len(images) - len(repeats)) // batch_images)
        batches = create_batches(connection, job_id, needed, first=0)
        batch_of = (batch_id for batch_id in batches for _ in range(batch_images))
        load_images(connection, job_id, images, repeats, batch_of)
        named = {upload for image in images if (upload := uploads.named_in(image.url))}
        admit_job(connection, job_id, terms, len(images), len(repeats), named)
    return queries.existing_job(db, job_id)


def create_job(connection: Connection, job_id: str, options: Options, terms: Terms) -> None:
    """Insert a job that nobody sees yet."""
    connection.execute(
        insert(jobs).values(
            id=job_id,
            key_id=terms.get("key_id"),
            state=JobState.RECEIVING,
            options=options.as_json(),
            metadata=terms.get("metadata"),
            created_at=now(),
            updated_at=now(),
            deadline=terms.get("deadline"),
            keep_seconds=terms.get("keep_seconds"),
            webhook_url=terms.get("webhook_url"),
            headers_encrypted=_sealed(terms.get("headers"), terms.get("secret")),
            trace=terms.get("trace"),
        )
    )


def admit_job(
    connection: Connection,
    job_id: str,
    terms: Terms,
    total: int,
    duplicates: int,
    named_uploads: set[str],
    rejected: int = 0,
) -> None:
    """Let a received job be seen and worked on, in one statement.

    Raises:
        JobMissing: if it was given up meanwhile.
        UploadMissing: if one of the uploads is not there.
        TooManyWaiting: if its key may not have so many more images waiting.
        RequestInProgress: if another request with its Idempotency-Key made a job meanwhile.
    """
    check_waiting(connection, terms.get("key_id"), total)
    admitted = (
        update(jobs)
        .where(jobs.c.id == job_id, jobs.c.state == JobState.RECEIVING, jobs.c.deleted_at.is_(None))
        .values(
            state=JobState.QUEUED,
            total=total,
            duplicates=duplicates,
            rejected=rejected,
            updated_at=now(),
        )
        .returning(jobs.c.id)
    )
    if connection.execute(admitted).one_or_none() is None:
        raise JobMissing()
    if named_uploads:
        uploads.claim(connection, terms.get("key_id"), named_uploads, job_id)
    if once := terms.get("once"):
        idempotency.complete(connection, terms.get("key_id") or "", once, job_id)


def _check(images: Sequence[NewImage]) -> None:
    if not images:
        raise Invalid("images", "a job needs at least one image")
    seen: dict[str, int] = {}
    for position, image in enumerate(images):
        if image.key is None:
            continue
        first = seen.setdefault(image.key, position)
        if first != position:
            message = f"is the key of images[{first}] already"
            raise Invalid(f"images[{position}].key", message, position)


def _duplicates(images: Sequence[NewImage]) -> dict[int, int]:
    """Positions that repeat a URL, with the position that has it first."""
    first: dict[str, int] = {}
    return {
        position: original
        for position, image in enumerate(images)
        if (original := first.setdefault(image.url, position)) != position
    }


def _sealed(request_headers: Mapping[str, str] | None, secret: str | None) -> str | None:
    if not request_headers:
        return None
    if not secret:
        raise ValueError("request headers cannot be kept without a secret")
    return headers.seal(request_headers, secret)
