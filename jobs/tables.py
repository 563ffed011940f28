"""The tables. `migrations/` brings a database to this form; a test compares the two.

Times are epoch seconds of the database's clock (`jobs.clock`). States are text,
not database enums: a new state then needs no lock on a table of a billion rows.
"""

from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    Enum,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from jobs.states import BatchState, ImageState, JobState, Stage

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMES)

Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
#: SQLite gives out row ids by itself only where the column is called INTEGER.
Serial = BigInteger().with_variant(Integer, "sqlite")


def _text_of(states: type[StrEnum]) -> Enum:
    return Enum(
        states,
        native_enum=False,
        length=16,
        values_callable=lambda kind: [member.value for member in kind],
    )


def _count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default=text("0"))


keys = Table(
    "keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False, unique=True),
    Column("created_at", Double, nullable=False),
    Column("revoked_at", Double),
    Column("max_waiting_images", BigInteger),
    Column("requests_per_second", Double),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("key_id", Text),
    Column("state", _text_of(JobState), nullable=False),
    Column("options", Json, nullable=False),
    Column("metadata", Json),
    _count("total"),
    _count("succeeded"),
    _count("failed"),
    _count("canceled"),
    _count("reused"),
    _count("duplicates"),
    _count("rejected"),
    _count("version"),
    Column("created_at", Double, nullable=False),
    Column("started_at", Double),
    Column("finished_at", Double),
    Column("updated_at", Double, nullable=False),
    Column("deadline", Double),
    Column("keep_seconds", Double),
    Column("keep_until", Double),
    Column("webhook_url", Text),
    Column("headers_encrypted", Text),
    Column("results_at", Double),
    Column("cleared_at", Double),
    Column("deleted_at", Double),
    Column("error", Text),
    # To which its work belongs (jobs.traces).
    Column("trace", Text),
)


def _index(name: str, *columns: Column[Any], where: str | None = None) -> None:
    condition = text(where) if where else None
    Index(name, *columns, postgresql_where=condition, sqlite_where=condition)


_index("ix_jobs_owner", jobs.c.key_id, jobs.c.id)
_index("ix_jobs_active", jobs.c.id, where="state IN ('queued', 'running')")
_index("ix_jobs_unclosed", jobs.c.finished_at, where="results_at IS NULL")
_index("ix_jobs_uncleared", jobs.c.finished_at, where="cleared_at IS NULL")
_index("ix_jobs_deadline", jobs.c.deadline, where="deadline IS NOT NULL")
_index("ix_jobs_kept", jobs.c.keep_until, where="keep_until IS NOT NULL")
_index("ix_jobs_receiving", jobs.c.updated_at, where="state = 'receiving'")
_index("ix_jobs_deleted", jobs.c.deleted_at, where="deleted_at IS NOT NULL")

#: When a job or a key (the embedded owner: '') last had a batch dispatched.
turns = Table(
    "turns",
    metadata,
    Column("stage", _text_of(Stage), primary_key=True),
    Column("holder", Text, primary_key=True),
    Column("turn", Double, nullable=False),
)

batches = Table(
    "batches",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("job_id", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("stage", _text_of(Stage), nullable=False),
    Column("state", _text_of(BatchState), nullable=False),
    _count("attempt"),
    _count("failures"),
    _count("recoveries"),
    Column("not_before", Double, nullable=False, server_default=text("0")),
    Column("queued_at", Double, nullable=False),
    Column("dispatched_at", Double),
    Column("lease_until", Double),
    Column("lease_deadline", Double),
    Column("worker", Text),
    Column("prepared_key", Text),
    Column("error", Text),
    UniqueConstraint("job_id", "number"),
)
_index(
    "ix_batches_queued",
    batches.c.job_id,
    batches.c.stage,
    batches.c.number,
    where="state = 'queued'",
)
_index("ix_batches_waiting", batches.c.stage, batches.c.queued_at, where="state = 'queued'")
_index(
    "ix_batches_window",
    batches.c.stage,
    batches.c.state,
    batches.c.dispatched_at,
    where="state IN ('dispatched', 'running')",
)
_index("ix_batches_leases", batches.c.lease_until, where="state = 'running'")

images = Table(
    "images",
    metadata,
    Column("job_id", Text, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("batch_id", BigInteger),
    Column("url", Text, nullable=False),
    Column("key", Text),
    Column("metadata", Json),
    Column("state", _text_of(ImageState), nullable=False),
    _count("failures"),
    Column("caption", Text),
    Column("log_probability", Double),
    Column("confidence", Double),
    Column("alternatives", Json),
    Column("code", Text),
    Column("message", Text),
    Column("finished_at", Double),
    Column("sha256", Text),
    Column("width", Integer),
    Column("height", Integer),
    Column("bytes", BigInteger),
    Column("checkpoint", Text),
    Column("checkpoint_sha256", Text),
    Column("duplicate_of", Integer),
    Column("reused", Boolean, nullable=False, server_default=false()),
    Column("decision", Text),
    Column("decided_caption", Text),
    Column("decided_at", Double),
    # Rows grow by their caption: room for it on the page keeps indexes untouched (HOT updates).
    postgresql_with={"fillfactor": "70"},
)
_index("ix_images_batch", images.c.batch_id, where="batch_id IS NOT NULL")
_index(
    "ix_images_duplicates",
    images.c.job_id,
    images.c.duplicate_of,
    where="duplicate_of IS NOT NULL",
)
# On `code`, which only failures have: an index over `state` would be touched by every caption.
_index("ix_images_failed", images.c.job_id, images.c.position, where="code IS NOT NULL")

#: What an owner's pictures were captioned with before.
known_captions = Table(
    "known_captions",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("sha256", Text, primary_key=True),
    Column("checkpoint_sha256", Text, primary_key=True),
    Column("wording", Text, primary_key=True),
    Column("checkpoint", Text, nullable=False),
    Column("caption", Text, nullable=False),
    Column("log_probability", Double, nullable=False),
    Column("confidence", Double, nullable=False),
    Column("alternatives", Json),
    Column("created_at", Double, nullable=False),
)
_index("ix_known_captions_age", known_captions.c.created_at)

uploads = Table(
    "uploads",
    metadata,
    Column("id", Text, primary_key=True),
    Column("key_id", Text),
    Column("name", Text),
    Column("media_type", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double),
    Column("job_id", Text),
)
_index("ix_uploads_expiry", uploads.c.expires_at, where="expires_at IS NOT NULL")
_index("ix_uploads_job", uploads.c.job_id, where="job_id IS NOT NULL")

#: The first request with each Idempotency-Key, and what it was answered.
idempotency = Table(
    "idempotency",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_sha256", Text),
    Column("job_id", Text),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
)
_index("ix_idempotency_expiry", idempotency.c.expires_at)

#: Deliveries: one row for each event of a job that has a webhook.
webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Text, primary_key=True),
    Column("job_id", Text, nullable=False),
    Column("key_id", Text),
    Column("event", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("status", Text, nullable=False),
    _count("attempts"),
    Column("next_attempt", Double),
    Column("lease_until", Double),
    Column("created_at", Double, nullable=False),
    Column("delivered_at", Double),
    Column("answer", Integer),
    Column("error", Text),
)
_index("ix_webhooks_due", webhooks.c.next_attempt, where="next_attempt IS NOT NULL")
_index("ix_webhooks_job", webhooks.c.job_id)

#: Processes that said that they live.
processes = Table(
    "processes",
    metadata,
    Column("name", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("seen_at", Double, nullable=False),
    Column("detail", Json),
)
