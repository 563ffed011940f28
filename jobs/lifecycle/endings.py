"""How images end and jobs with them: the statements that several changes share.

Each expects that the caller's transaction holds the job's row (`lock_job`).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, case, func, select, update

from jobs import metrics
from jobs.clock import now
from jobs.codes import CODES
from jobs.lifecycle import deliveries
from jobs.states import ACTIVE, BatchState, ImageState, JobState
from jobs.tables import batches, images, jobs
from jobs.values import Captioned, Failed, Held

#: What a duplicate takes over from the row whose URL it repeats.
SHARED = (
    "state",
    "caption",
    "log_probability",
    "confidence",
    "alternatives",
    "code",
    "message",
    "sha256",
    "width",
    "height",
    "bytes",
    "checkpoint",
    "checkpoint_sha256",
    "reused",
)


@dataclass(frozen=True, slots=True)
class Ended:
    """How many images a change has ended.

    `reused` are among `succeeded`; `codes` tells how many of `failed` ended with which code.
    """

    succeeded: int = 0
    failed: int = 0
    canceled: int = 0
    reused: int = 0
    codes: Mapping[str, int] = field(default_factory=Counter)

    @classmethod
    def of_code(cls, code: str, failed: int) -> "Ended":
        return cls(failed=failed, codes=Counter({code: failed}))

    def __add__(self, other: "Ended") -> "Ended":
        return Ended(
            self.succeeded + other.succeeded,
            self.failed + other.failed,
            self.canceled + other.canceled,
            self.reused + other.reused,
            Counter(self.codes) + Counter(other.codes),
        )


def lock_job(connection: Connection, job_id: str) -> Row[Any] | None:
    """The job's row, held until the transaction ends; None once it was deleted."""
    statement = (
        select(jobs).where(jobs.c.id == job_id, jobs.c.deleted_at.is_(None)).with_for_update()
    )
    return connection.execute(statement).one_or_none()


def move_batch(connection: Connection, held: Held, **values: Any) -> bool:
    """Take the batch out of `running`, if this attempt still holds it."""
    statement = (
        update(batches)
        .where(
            batches.c.id == held.batch_id,
            batches.c.state == BatchState.RUNNING,
            batches.c.attempt == held.attempt,
        )
        .values(lease_until=None, lease_deadline=None, worker=None, **values)
        .returning(batches.c.id)
    )
    return connection.execute(statement).one_or_none() is not None


def end_captioned(
    connection: Connection,
    held: Held,
    captioned: Sequence[Captioned],
    checkpoint: str,
    checkpoint_sha256: str,
) -> Ended:
    rows = [
        {
            "at": image.position,
            "caption": image.text,
            "log_probability": image.log_probability,
            "confidence": image.confidence,
            "alternatives": image.alternatives,
            "checkpoint": checkpoint,
            "checkpoint_sha256": checkpoint_sha256,
        }
        for image in captioned
    ]
    return Ended(
        succeeded=end_each(connection, held.job_id, held.batch_id, rows, ImageState.SUCCEEDED)
    )


def end_failed(connection: Connection, held: Held, failed: Sequence[Failed]) -> Ended:
    ended = Ended()
    for code in sorted({image.code for image in failed}):
        rows = [
            {"at": image.position, "code": code, "message": image.message}
            for image in failed
            if image.code == code
        ]
        number = end_each(connection, held.job_id, held.batch_id, rows, ImageState.FAILED)
        ended += Ended.of_code(code, number)
    return ended


def end_each(
    connection: Connection,
    job_id: str,
    batch_id: int,
    rows: list[dict[str, Any]],
    state: ImageState,
) -> int:
    """End the batch's images, each with the values of its row; how many were not ended before.

    `at` is the image's position; the other names are columns.
    """
    if not rows:
        return 0
    statement = (
        update(images)
        .where(
            images.c.job_id == job_id,
            images.c.position == bindparam("at"),
            images.c.batch_id == batch_id,
            images.c.state == ImageState.QUEUED,
        )
        .values(
            {name: bindparam(name) for name in rows[0] if name != "at"}
            | {"state": state, "finished_at": now()}
        )
    )
    return connection.execute(statement, rows).rowcount


def end_rest(connection: Connection, batch_id: int, code: str) -> Ended:
    """End whatever images of the batch have not ended yet."""
    return end_where(connection, images.c.batch_id == batch_id, code)


def end_where(connection: Connection, condition: ColumnElement[bool], code: str) -> Ended:
    statement = (
        update(images)
        .where(condition, images.c.state == ImageState.QUEUED)
        .values(
            state=ImageState.FAILED,
            code=code,
            message=CODES[code].sentence,
            finished_at=now(),
        )
    )
    return Ended.of_code(code, connection.execute(statement).rowcount)


def end_duplicates(connection: Connection, job: Row[Any], batch_id: int) -> Ended:
    """Let the rows that repeat a URL of the batch end as that URL's row has ended."""
    if not job.duplicates:
        return Ended()
    first = images.alias("first")
    statement = (
        update(images)
        .where(
            first.c.job_id == job.id,
            first.c.batch_id == batch_id,
            images.c.job_id == job.id,
            images.c.duplicate_of == first.c.position,
            images.c.state == ImageState.QUEUED,
        )
        .values({name: first.c[name] for name in SHARED} | {"finished_at": now()})
    )
    reused = statement.where(first.c.state == ImageState.SUCCEEDED, first.c.reused)
    captioned = statement.where(first.c.state == ImageState.SUCCEEDED, ~first.c.reused)
    kept = connection.execute(reused).rowcount
    ended = Ended(succeeded=kept + connection.execute(captioned).rowcount, reused=kept)
    for code in _codes_in(connection, batch_id):
        failed = statement.where(first.c.state == ImageState.FAILED, first.c.code == code)
        ended += Ended.of_code(code, connection.execute(failed).rowcount)
    return ended


def _codes_in(connection: Connection, batch_id: int) -> Sequence[str]:
    """The codes with which images of the batch have failed: a few, of however many images."""
    statement = select(images.c.code).distinct()
    condition = (images.c.batch_id == batch_id, images.c.state == ImageState.FAILED)
    return connection.scalars(statement.where(*condition, images.c.code.is_not(None))).all()


def count(connection: Connection, job: Row[Any], ended: Ended, error: str | None = None) -> None:
    """Move the job's counters, and end the job with its last image."""
    done = job.succeeded + job.failed + job.canceled
    done += ended.succeeded + ended.failed + ended.canceled
    state = JobState.RUNNING
    if done == job.total:
        state = JobState.SUCCEEDED if job.succeeded + ended.succeeded else JobState.FAILED
    move_job(connection, job, ended, state, error)


def move_job(
    connection: Connection,
    job: Row[Any],
    ended: Ended,
    state: JobState,
    error: str | None = None,
) -> None:
    """Add to the counters of an active job and bring it into `state`."""
    over = state not in ACTIVE
    connection.execute(
        update(jobs)
        .where(jobs.c.id == job.id, jobs.c.state.in_(ACTIVE))
        .values(
            state=state,
            succeeded=jobs.c.succeeded + ended.succeeded,
            failed=jobs.c.failed + ended.failed,
            canceled=jobs.c.canceled + ended.canceled,
            reused=jobs.c.reused + ended.reused,
            version=jobs.c.version + 1,
            started_at=jobs.c.started_at if over else func.coalesce(jobs.c.started_at, now()),
            updated_at=now(),
            finished_at=now() if over else None,
            keep_until=case(
                (jobs.c.keep_seconds.is_(None), None), else_=now() + jobs.c.keep_seconds
            )
            if over
            else None,
            error=error,
        )
    )
    _measure(ended)
    if over:
        deliveries.announce(connection, job, state)


def _measure(ended: Ended) -> None:
    """Count for Prometheus; what is rolled back after this, which is rare, counts as well."""
    metrics.REUSED.inc(ended.reused)
    metrics.IMAGES.labels("succeeded", "").inc(ended.succeeded)
    metrics.IMAGES.labels("canceled", "").inc(ended.canceled)
    for code, number in ended.codes.items():
        metrics.IMAGES.labels("failed", code).inc(number)
