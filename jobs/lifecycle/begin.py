"""From dispatched to running, and staying there: the lease."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, select, update

from jobs import headers
from jobs.clock import now
from jobs.database import Database
from jobs.errors import HeadersSealed
from jobs.states import BatchState, ImageState, JobState, Stage
from jobs.tables import batches, images, jobs
from jobs.values import Held, HeldImage, Hint, Options


def begin(
    db: Database,
    hint: Hint,
    worker: str,
    lease_seconds: float,
    lease_deadline_seconds: float,
    *,
    secret: str | None = None,
) -> Held | None:
    """Take the lease on the hinted batch; None if it is somebody else's, canceled or stale.

    Args:
        secret: opens the job's request headers, where the stage needs them.
    """
    hinted = (
        batches.c.id == hint.batch_id,
        batches.c.stage == hint.stage,
        batches.c.attempt == hint.attempt,
    )
    held = _begin(db, hinted, worker, lease_seconds, lease_deadline_seconds, secret)
    return held[0] if held else None


def begin_next(
    db: Database,
    stage: Stage,
    worker: str,
    limit: int,
    lease_seconds: float,
    lease_deadline_seconds: float,
    *,
    secret: str | None = None,
) -> list[Held]:
    """Take the leases on up to `limit` dispatched batches of any job, oldest dispatch first."""
    oldest = (
        select(batches.c.id)
        .where(batches.c.stage == stage, batches.c.state == BatchState.DISPATCHED)
        .order_by(batches.c.dispatched_at, batches.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        # As a subquery PostgreSQL may run it once for each row, and so exceed the limit.
        .cte("oldest")
    )
    chosen = (batches.c.id.in_(select(oldest.c.id)),)
    return _begin(db, chosen, worker, lease_seconds, lease_deadline_seconds, secret)


def renew(db: Database, held: Sequence[tuple[int, int]], lease_seconds: float) -> set[int]:
    """Extend the leases on (batch id, attempt) pairs; the ids of those that are still ours.

    A lease is not extended past its deadline, nor once the batch was canceled,
    recovered or begun by another.
    """
    attempts = dict(held)
    ours = (
        select(batches.c.id, batches.c.attempt)
        .where(
            batches.c.id.in_(attempts),
            batches.c.state == BatchState.RUNNING,
            batches.c.lease_deadline > now(),
        )
        .order_by(batches.c.id)
        .with_for_update()
    )
    with db.write() as connection:
        kept = {row.id for row in connection.execute(ours) if attempts[row.id] == row.attempt}
        connection.execute(
            update(batches)
            .where(batches.c.id.in_(kept), batches.c.state == BatchState.RUNNING)
            .values(lease_until=_lease_end(lease_seconds, batches.c.lease_deadline))
        )
    return kept


def _begin(
    db: Database,
    chosen: Sequence[ColumnElement[bool]],
    worker: str,
    lease_seconds: float,
    lease_deadline_seconds: float,
    secret: str | None,
) -> list[Held]:
    lease = min(lease_seconds, lease_deadline_seconds)
    statement = (
        update(batches)
        .where(*chosen, batches.c.state == BatchState.DISPATCHED)
        .values(
            state=BatchState.RUNNING,
            attempt=batches.c.attempt + 1,
            worker=worker,
            lease_until=now() + lease,
            lease_deadline=now() + lease_deadline_seconds,
        )
        .returning(*BATCH_COLUMNS, batches.c.dispatched_at)
    )
    with db.write() as connection:
        taken = sorted(connection.execute(statement), key=lambda row: (row.dispatched_at, row.id))
        owners = _owners(connection, {row.job_id for row in taken})
        held = [_held(connection, row, owners[row.job_id], secret) for row in taken]
    _start(db, [row.id for row in owners.values() if row.state == JobState.QUEUED])
    return held


BATCH_COLUMNS = (
    batches.c.id,
    batches.c.job_id,
    batches.c.stage,
    batches.c.attempt,
    batches.c.number,
    batches.c.prepared_key,
    batches.c.recoveries,
)
JOB_COLUMNS = (
    jobs.c.id,
    jobs.c.state,
    jobs.c.options,
    jobs.c.headers_encrypted,
    jobs.c.trace,
)


def _owners(connection: Connection, ids: set[str]) -> dict[str, Any]:
    if not ids:
        return {}
    statement = select(*JOB_COLUMNS).where(jobs.c.id.in_(ids))
    return {row.id: row for row in connection.execute(statement)}


def _held(connection: Connection, batch: Any, job: Any, secret: str | None) -> Held:
    unfinished = (
        select(images.c.position, images.c.url, images.c.failures)
        .where(images.c.batch_id == batch.id, images.c.state == ImageState.QUEUED)
        .order_by(images.c.position)
    )
    opened, lost = _open_headers(job.headers_encrypted, secret)
    return Held(
        batch_id=batch.id,
        job_id=batch.job_id,
        stage=batch.stage,
        attempt=batch.attempt,
        number=batch.number,
        options=Options(**job.options),
        images=tuple(HeldImage(*row) for row in connection.execute(unfinished)),
        prepared_key=batch.prepared_key,
        recoveries=batch.recoveries,
        headers=opened,
        headers_lost=lost,
        trace=job.trace,
    )


def _open_headers(sealed: str | None, secret: str | None) -> tuple[dict[str, str] | None, bool]:
    """The job's request headers, and whether they are lost (the operator changed the secret).

    Such a batch is begun all the same: nobody else could, and it would hold its place for ever.
    """
    if not sealed or not secret:
        return None, False
    try:
        return headers.unseal(sealed, secret), False
    except HeadersSealed:
        return None, True


def _start(db: Database, queued: Sequence[str]) -> None:
    """Let jobs run that had a batch begun.

    In a transaction of its own, because a job's row is locked before its batches:
    if it is lost, the job's next batch makes up for it.
    """
    for job_id in queued:
        with db.write() as connection:
            connection.execute(
                update(jobs)
                .where(jobs.c.id == job_id, jobs.c.state == JobState.QUEUED)
                .values(
                    state=JobState.RUNNING,
                    started_at=now(),
                    updated_at=now(),
                    version=jobs.c.version + 1,
                )
            )


def _lease_end(lease_seconds: float, deadline: ColumnElement[float]) -> ColumnElement[float]:
    end = now() + lease_seconds
    return case((end > deadline, deadline), else_=end)
