"""Requests that are sent twice are carried out once (`Idempotency-Key`).

`begin` before the body is read; then the job is submitted with `Once`, which
completes the entry in the transaction that creates the job; `abandon` if it came
to nothing. An entry whose request died with its process is free again after the
time that receiving may take.
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, delete, select, update

from jobs.clock import now
from jobs.database import Database
from jobs.errors import RequestInProgress, RequestReused
from jobs.tables import idempotency as table
from jobs.upserts import upsert
from jobs.values import Once


@dataclass(frozen=True, slots=True)
class Known:
    """What the first request with this key was, and the job that it made."""

    request_sha256: str
    job_id: str

    def check(self, request_sha256: str) -> str:
        """The job's id, if the request is the same.

        Raises:
            RequestReused: if it is another one.
        """
        if self.request_sha256 != request_sha256:
            raise RequestReused()
        return self.job_id


def begin(db: Database, owner: str, key: str, receive_seconds: float) -> Known | None:
    """Enter a request; None if it is the first with this key.

    Args:
        owner: whose key it is: an API key's id, '' for the embedded owner.
        receive_seconds: for how long the entry may stay incomplete.

    Raises:
        RequestInProgress: if the first one is still being received.
    """
    row = {
        "owner": owner,
        "key": key,
        "request_sha256": None,
        "job_id": None,
        "created_at": now(),
        "expires_at": now() + receive_seconds,
    }
    with db.write() as connection:
        entered = upsert(connection, table, only_where=table.c.expires_at < now())
        if connection.execute(entered.values(row).returning(table.c.key)).first():
            return None
        known = connection.execute(
            select(table.c.request_sha256, table.c.job_id).where(*_is(owner, key))
        ).one()
    if known.job_id is None:
        raise RequestInProgress()
    return Known(*known)


def abandon(db: Database, owner: str, key: str) -> None:
    """Forget a request that made no job."""
    with db.write() as connection:
        connection.execute(delete(table).where(*_is(owner, key), table.c.job_id.is_(None)))


def complete(connection: Connection, owner: str, once: Once, job_id: str) -> None:
    """Note the job that the request made.

    Raises:
        RequestInProgress: if the entry is not open any more (the request took so long that
            another with this key was let in, or was given up); then its job must not be.
    """
    noted = (
        update(table)
        .where(*_is(owner, once.key), table.c.job_id.is_(None))
        .values(
            request_sha256=once.request_sha256,
            job_id=job_id,
            expires_at=now() + once.keep_seconds,
        )
        .returning(table.c.key)
    )
    if connection.execute(noted).first() is None:
        raise RequestInProgress()


def _is(owner: str, key: str) -> tuple[ColumnElement[bool], ...]:
    return (table.c.owner == owner, table.c.key == key)
