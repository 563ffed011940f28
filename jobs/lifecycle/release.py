"""From running back to queued: given back, sent back, or found without a worker."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select, update

from jobs.clock import now
from jobs.database import Database
from jobs.lifecycle.endings import count, end_duplicates, end_rest, lock_job
from jobs.lifecycle.retry import assign_batches, number_originals
from jobs.states import BatchState, ImageState, Stage
from jobs.tables import batches, images
from jobs.values import SUSPECT, Held


def release(
    db: Database,
    held: Held,
    *,
    spent: bool,
    delay: float = 0.0,
    error: str | None = None,
    max_failures: int = 3,
    max_recoveries: int = 20,
) -> bool:
    """Give a batch back unfinished.

    One whose lease ran out meanwhile counts as recovered: work that takes longer than a
    lease may be renewed must not go round for ever.

    Args:
        spent: whether this was one of the stage's tries (not so on a clean stop);
            the last one ends the batch's images with `internal_error`.
        delay: seconds before which it is not dispatched again.
        error: what went wrong, for the operator.

    Returns:
        Whether it counted; False once the batch is no longer this attempt's.
    """
    with db.write() as connection:
        job = lock_job(connection, held.job_id)
        batch = _lock_running(connection, held.batch_id, held.attempt)
        if job is None or batch is None:
            return False
        failures = batch.failures + spent
        if spent and failures >= max_failures:
            _give_up(connection, job, batch, "internal_error", failures=failures, error=error)
        elif batch.late and not spent:
            _recover(connection, job, batch, max_recoveries, error=error)
        else:
            _requeue(connection, batch, not_before=now() + delay, failures=failures, error=error)
    return True


def refetch(db: Database, held: Held, max_recoveries: int = 20) -> bool:
    """Send a caption batch whose prepared object is gone back to be fetched again.

    Counted as a recovery, so that it cannot go round for ever.

    Returns:
        Whether it counted; False once the batch is no longer this attempt's.
    """
    with db.write() as connection:
        job = lock_job(connection, held.job_id)
        batch = _lock_running(connection, held.batch_id, held.attempt)
        if job is None or batch is None:
            return False
        _recover(connection, job, batch, max_recoveries, stage=Stage.FETCH, prepared_key=None)
    return True


def recover(db: Database, max_recoveries: int) -> int:
    """Queue the batches whose lease ran out once more; how many there were.

    A batch whose leases were lost again and again is suspect: its images go on in
    batches of their own. One whose leases were lost more than `max_recoveries` times
    ends with `worker_lost`. That is not counted as a failure: a machine that breaks down
    again and again must not use up the tries of the pictures it holds.
    """
    with db.read() as connection:
        lost = connection.execute(
            select(batches.c.id, batches.c.job_id, batches.c.attempt)
            .where(batches.c.state == BatchState.RUNNING, batches.c.lease_until < now())
            .order_by(batches.c.lease_until)
        ).all()
    return sum(_recover_one(db, *row, max_recoveries) for row in lost)


def _recover_one(
    db: Database, batch_id: int, job_id: str, attempt: int, max_recoveries: int
) -> bool:
    with db.write() as connection:
        job = lock_job(connection, job_id)
        batch = _lock_running(connection, batch_id, attempt, batches.c.lease_until < now())
        if job is None or batch is None:
            return False
        _recover(connection, job, batch, max_recoveries)
    return True


def _recover(
    connection: Connection, job: Row[Any], batch: Row[Any], max_recoveries: int, **values: Any
) -> None:
    recoveries = batch.recoveries + 1
    if recoveries > max_recoveries:
        _give_up(connection, job, batch, "worker_lost", recoveries=recoveries)
    elif recoveries == SUSPECT and _unfinished(connection, batch) > 1:
        _break_up(connection, batch, recoveries)
    else:
        _requeue(connection, batch, not_before=0.0, recoveries=recoveries, **values)


def _unfinished(connection: Connection, batch: Row[Any]) -> int:
    return connection.execute(
        select(func.count()).where(*_left_in(batch), images.c.duplicate_of.is_(None))
    ).scalar_one()


def _break_up(connection: Connection, batch: Row[Any], recoveries: int) -> None:
    """Let each image go on in a batch of its own: the one that kills workers costs only itself."""
    last = select(func.max(batches.c.number)).where(batches.c.job_id == batch.job_id)
    first = connection.execute(last).scalar_one() + 1
    assign_batches(connection, batch.job_id, number_originals(_left_in(batch), 1), first)
    connection.execute(
        update(batches)
        .where(batches.c.job_id == batch.job_id, batches.c.number >= first)
        .values(recoveries=recoveries)
    )
    _move(connection, batch, state=BatchState.FINISHED, recoveries=recoveries)


def _left_in(batch: Row[Any]) -> tuple[ColumnElement[bool], ...]:
    return (images.c.batch_id == batch.id, images.c.state == ImageState.QUEUED)


def _lock_running(
    connection: Connection, batch_id: int, attempt: int, *conditions: Any
) -> Row[Any] | None:
    statement = select(batches, (batches.c.lease_until < now()).label("late")).where(
        batches.c.id == batch_id,
        batches.c.attempt == attempt,
        batches.c.state == BatchState.RUNNING,
        *conditions,
    )
    return connection.execute(statement.with_for_update()).one_or_none()


def _requeue(connection: Connection, batch: Row[Any], **values: Any) -> None:
    _move(connection, batch, state=BatchState.QUEUED, queued_at=now(), **values)


def _give_up(
    connection: Connection, job: Row[Any], batch: Row[Any], code: str, **values: Any
) -> None:
    _move(connection, batch, state=BatchState.FINISHED, **values)
    ended = end_rest(connection, batch.id, code)
    count(connection, job, ended + end_duplicates(connection, job, batch.id))


def _move(connection: Connection, batch: Row[Any], **values: Any) -> None:
    connection.execute(
        update(batches)
        .where(
            batches.c.id == batch.id,
            batches.c.attempt == batch.attempt,
            batches.c.state == BatchState.RUNNING,
        )
        .values(worker=None, lease_until=None, lease_deadline=None, **values)
    )
