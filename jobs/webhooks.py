"""Deliveries to webhooks as rows: who is told what, when, and how it went.

The row is written in the transaction that ends the job; the dispatcher sends it
(https://www.standardwebhooks.com), signed afresh at each attempt, with the same
id on all of them.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, select, update

from jobs import queries
from jobs.clock import now
from jobs.database import Database
from jobs.errors import DeliveryMissing
from jobs.tables import jobs as job_table
from jobs.tables import webhooks as table

#: Seconds from one attempt to the next; after the last the delivery has failed.
BACKOFF = (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
HIDDEN = ("lease_until",)
COLUMNS = tuple(column for column in table.columns if column.name not in HIDDEN)


class DeliveryStatus(StrEnum):
    """Where a delivery stands."""

    #: It will be attempted at `next_attempt`.
    WAITING = "waiting"
    #: A 2xx was answered.
    DELIVERED = "delivered"
    #: Every attempt failed.
    FAILED = "failed"
    #: The target answered 410: it wants no more.
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A row of `webhooks`; `id` is the message's id, `answer` the last HTTP status."""

    id: str
    job_id: str
    key_id: str | None
    event: str
    url: str
    status: DeliveryStatus
    attempts: int
    next_attempt: float | None
    created_at: float
    delivered_at: float | None
    answer: int | None
    error: str | None


def due(db: Database, limit: int, lease_seconds: float) -> list[Delivery]:
    """Take up to `limit` deliveries whose time has come; nobody else gets them for so long."""
    chosen = (
        select(table.c.id)
        .where(table.c.next_attempt <= now(), _free())
        .order_by(table.c.next_attempt)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("chosen")
    )
    statement = (
        update(table)
        .where(table.c.id.in_(select(chosen.c.id)), _free())
        .values(lease_until=now() + lease_seconds)
        .returning(*COLUMNS)
    )
    with db.write() as connection:
        return [_delivery(row) for row in connection.execute(statement)]


def delivered(db: Database, delivery: Delivery, answer: int) -> None:
    """Record a 2xx."""
    _record(
        db,
        delivery,
        status=DeliveryStatus.DELIVERED,
        next_attempt=None,
        delivered_at=now(),
        answer=answer,
        error=None,
    )


def failed(db: Database, delivery: Delivery, answer: int | None, error: str) -> None:
    """Record an attempt that came to nothing, and plan the next one, if there is one left."""
    over = delivery.attempts >= len(BACKOFF)
    _record(
        db,
        delivery,
        status=DeliveryStatus.FAILED if over else DeliveryStatus.WAITING,
        next_attempt=None if over else now() + BACKOFF[delivery.attempts],
        answer=answer,
        error=error,
    )


def gone(db: Database, delivery: Delivery) -> None:
    """Record a 410: the job's webhook is told nothing any more."""
    with db.write() as connection:
        connection.execute(
            update(job_table).where(job_table.c.id == delivery.job_id).values(webhook_url=None)
        )
        connection.execute(
            update(table)
            .where(
                table.c.job_id == delivery.job_id,
                table.c.status == DeliveryStatus.WAITING,
            )
            .values(
                status=DeliveryStatus.DISABLED,
                attempts=table.c.attempts + 1,
                next_attempt=None,
                lease_until=None,
                answer=410,
            )
        )


def replay(db: Database, delivery_id: str) -> Delivery:
    """Put a delivery in line once more, whatever became of it, with all its attempts.

    Raises:
        DeliveryMissing: if there is none.
    """
    statement = (
        update(table)
        .where(table.c.id == delivery_id)
        .values(
            status=DeliveryStatus.WAITING,
            attempts=0,
            next_attempt=now(),
            lease_until=None,
            delivered_at=None,
        )
        .returning(*COLUMNS)
    )
    with db.write() as connection:
        row = connection.execute(statement).one_or_none()
    if row is None:
        raise DeliveryMissing()
    return _delivery(row)


def deliveries(db: Database, job_id: str) -> list[Delivery]:
    """What the job's webhook was told, oldest first."""
    statement = select(*COLUMNS).where(table.c.job_id == job_id).order_by(table.c.id)
    with db.read() as connection:
        return [_delivery(row) for row in connection.execute(statement)]


def undelivered(db: Database, limit: int) -> list[Delivery]:
    """Deliveries that nobody will attempt any more although they did not arrive, newest first."""
    given_up = (DeliveryStatus.FAILED, DeliveryStatus.DISABLED)
    statement = (
        select(*COLUMNS)
        .where(table.c.status.in_(given_up))
        .order_by(table.c.id.desc())
        .limit(limit)
    )
    with db.read() as connection:
        return [_delivery(row) for row in connection.execute(statement)]


def payload(db: Database, delivery: Delivery) -> dict[str, Any]:
    """What is sent: the event and the job's figures as they are now.

    Raises:
        JobMissing: if the job was deleted; then there is nothing to tell.
    """
    job = queries.existing_job(db, delivery.job_id)
    figures = ("total", "succeeded", "failed", "canceled", "reused", "duplicates")
    return {
        "type": delivery.event,
        "timestamp": datetime.fromtimestamp(delivery.created_at, UTC).isoformat(),
        "data": {
            "id": job.id,
            "state": delivery.event.removeprefix("job."),
            **{name: getattr(job, name) for name in figures},
            "metadata": job.metadata,
        },
    }


def signing_secret(secret: str, key_id: str | None) -> str:
    """The owner's secret (`whsec_…`) by which targets check that a message is ours.

    Derived from the operator's secret, so that nothing more has to be kept.
    """
    purpose = f"captions: webhooks of {key_id or ''}".encode()
    derived = hmac.digest(secret.encode(), purpose, hashlib.sha256)
    return f"whsec_{base64.b64encode(derived).decode('ascii')}"


def _free() -> ColumnElement[bool]:
    return table.c.lease_until.is_(None) | (table.c.lease_until < now())


def _record(db: Database, delivery: Delivery, **values: Any) -> None:
    """Note an attempt, unless the delivery was replayed or attempted by another meanwhile."""
    with db.write() as connection:
        connection.execute(
            update(table)
            .where(
                table.c.id == delivery.id,
                table.c.attempts == delivery.attempts,
                table.c.status == DeliveryStatus.WAITING,
            )
            .values(attempts=table.c.attempts + 1, lease_until=None, **values)
        )


def _delivery(row: Any) -> Delivery:
    fields = row._mapping
    return Delivery(**{**fields, "status": DeliveryStatus(fields["status"])})
