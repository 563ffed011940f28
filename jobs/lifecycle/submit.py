"""A job of up to some ten thousand images, recorded in one transaction."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, insert

from jobs import headers as request_headers
from jobs import queries
from jobs.clock import now
from jobs.database import Database
from jobs.errors import Invalid
from jobs.ids import new_id
from jobs.lifecycle.loading import load_images
from jobs.records import Job
from jobs.states import BatchState, JobState, Stage
from jobs.tables import batches, jobs
from jobs.values import NewImage, Options


def submit(
    db: Database,
    images: Sequence[NewImage],
    options: Options,
    *,
    batch_images: int,
    key_id: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    deadline: float | None = None,
    keep_seconds: float | None = None,
    webhook_url: str | None = None,
    headers: Mapping[str, str] | None = None,
    secret: str | None = None,
) -> Job:
    """Record a job; once this returns, it will be done.

    Args:
        deadline: epoch seconds after which unfinished images fail with `expired`.
        keep_seconds: how long after its end the job is kept; None for ever.
        headers: sent along to the pictures' hosts; kept encrypted with `secret`.

    Raises:
        Invalid: if there is no image, or two have the same key.
    """
    _check(images)
    repeats = _duplicates(images) if options.deduplicate else {}
    job_id = new_id("job")
    with db.write() as connection:
        connection.execute(
            insert(jobs).values(
                id=job_id,
                key_id=key_id,
                state=JobState.QUEUED,
                options=options.as_json(),
                metadata=metadata,
                total=len(images),
                duplicates=len(repeats),
                created_at=now(),
                updated_at=now(),
                deadline=deadline,
                keep_seconds=keep_seconds,
                webhook_url=webhook_url,
                headers_encrypted=_sealed(headers, secret),
            )
        )
        batch_of = _create_batches(connection, job_id, len(images) - len(repeats), batch_images)
        load_images(connection, job_id, images, repeats, batch_of)
    return queries.existing_job(db, job_id)


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


def _sealed(headers: Mapping[str, str] | None, secret: str | None) -> str | None:
    if not headers:
        return None
    if not secret:
        raise ValueError("request headers cannot be kept without a secret")
    return request_headers.seal(headers, secret)


def _create_batches(
    connection: Connection, job_id: str, originals: int, batch_images: int
) -> Sequence[int]:
    """The batch id of each image that is fetched, in order."""
    sizes = [min(batch_images, originals - start) for start in range(0, originals, batch_images)]
    rows = [
        {
            "job_id": job_id,
            "number": number,
            "stage": Stage.FETCH,
            "state": BatchState.QUEUED,
            "images": size,
        }
        for number, size in enumerate(sizes)
    ]
    statement = (
        insert(batches)
        .values(queued_at=now())
        .returning(batches.c.id, sort_by_parameter_order=True)
    )
    ids = connection.scalars(statement, rows).all()
    return [batch_id for batch_id, size in zip(ids, sizes, strict=True) for _ in range(size)]
