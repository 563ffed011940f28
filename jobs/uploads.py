"""Pictures that were sent to the service itself; jobs name them as `upload:<id>`.

The bytes lie in the store under `jobs.store.upload_key(id)`. An upload that no
job names expires; one that a job names stays for as long as that job.
"""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, or_, select, update

from jobs.clock import now
from jobs.database import Database
from jobs.errors import UploadMissing
from jobs.tables import uploads as table

SCHEME = "upload:"


@dataclass(frozen=True, slots=True)
class Upload:
    """A row of `uploads`; `bytes` is its size."""

    id: str
    key_id: str | None
    name: str | None
    media_type: str
    bytes: int
    sha256: str
    created_at: float
    expires_at: float | None
    #: The job that used it first.
    job_id: str | None


def create(
    db: Database,
    upload_id: str,
    key_id: str | None,
    *,
    name: str | None,
    media_type: str,
    size: int,
    sha256: str,
    expires_seconds: float,
) -> Upload:
    """Record an upload whose bytes lie in the store already."""
    statement = (
        insert(table)
        .values(
            id=upload_id,
            key_id=key_id,
            name=name,
            media_type=media_type,
            bytes=size,
            sha256=sha256,
            created_at=now(),
            expires_at=now() + expires_seconds,
        )
        .returning(table)
    )
    with db.write() as connection:
        return Upload(*connection.execute(statement).one())


def upload(db: Database, upload_id: str, key_id: str | None = None) -> Upload | None:
    """The upload, if `key_id` (None: anybody) owns it."""
    statement = select(table).where(table.c.id == upload_id)
    if key_id is not None:
        statement = statement.where(table.c.key_id == key_id)
    with db.read() as connection:
        row = connection.execute(statement).one_or_none()
    return None if row is None else Upload(*row)


def named_in(url: str) -> str | None:
    """The upload that the URL names, if it names one."""
    return url.removeprefix(SCHEME) if url.startswith(SCHEME) else None


def claim(connection: Connection, key_id: str | None, ids: Collection[str], job_id: str) -> None:
    """Keep the uploads for as long as the job.

    Raises:
        UploadMissing: naming one that is not there, has expired, or is somebody else's.
    """
    statement = (
        update(table)
        .where(
            table.c.id.in_(sorted(ids)),
            table.c.key_id == key_id if key_id is not None else table.c.key_id.is_(None),
            or_(table.c.expires_at.is_(None), table.c.expires_at > now()),
        )
        .values(expires_at=None, job_id=func.coalesce(table.c.job_id, job_id))
        .returning(table.c.id)
    )
    missing = sorted(set(ids) - set(connection.scalars(statement)))
    if missing:
        raise UploadMissing(f"There is no upload {missing[0]}, or it has expired.")
