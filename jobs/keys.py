"""API keys: 256 random bits, shown once, kept as their SHA-256.

A plain hash is enough: what is hashed cannot be guessed, so there is nothing for
salt and stretching to protect, and a look-up by hash takes one index probe.
"""

import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import insert, select, update

from jobs.clock import now
from jobs.database import Database
from jobs.errors import KeyMissing, KeyRefused
from jobs.ids import new_id
from jobs.tables import keys as table

PREFIX = "captions_"
COLUMNS = tuple(column for column in table.columns if column.name != "hash")


@dataclass(frozen=True, slots=True)
class Key:
    """Who may use the service; a limit that is None does not bind."""

    id: str
    name: str
    created_at: float
    revoked_at: float | None
    #: Images that may wait at a time, over all jobs of the key.
    max_waiting_images: int | None
    requests_per_second: float | None


def create(
    db: Database,
    name: str,
    *,
    max_waiting_images: int | None = None,
    requests_per_second: float | None = None,
) -> tuple[Key, str]:
    """A new key and its token, which nobody can read again."""
    token = PREFIX + secrets.token_urlsafe(32)
    statement = (
        insert(table)
        .values(
            id=new_id("key"),
            name=name,
            hash=_hash(token),
            created_at=now(),
            max_waiting_images=max_waiting_images,
            requests_per_second=requests_per_second,
        )
        .returning(*COLUMNS)
    )
    with db.write() as connection:
        return Key(*connection.execute(statement).one()), token


def all_keys(db: Database) -> list[Key]:
    """Every key, oldest first, the revoked ones included."""
    with db.read() as connection:
        return [Key(*row) for row in connection.execute(select(*COLUMNS).order_by(table.c.id))]


def any_keys(db: Database) -> bool:
    """Whether there is a key that opens something."""
    statement = select(table.c.id).where(table.c.revoked_at.is_(None)).limit(1)
    with db.read() as connection:
        return connection.execute(statement).first() is not None


def revoke(db: Database, key_id: str) -> None:
    """Let the key open nothing any more; its jobs go on. Once more changes nothing.

    Raises:
        KeyMissing: if there is none.
    """
    with db.write() as connection:
        known = connection.execute(select(table.c.id).where(table.c.id == key_id)).first()
        if known is None:
            raise KeyMissing()
        connection.execute(
            update(table)
            .where(table.c.id == key_id, table.c.revoked_at.is_(None))
            .values(revoked_at=now())
        )


def authenticate(db: Database, token: str) -> Key:
    """The key that the token belongs to.

    Raises:
        KeyRefused: if it belongs to none, or to one that was revoked.
    """
    statement = select(*COLUMNS).where(table.c.hash == _hash(token), table.c.revoked_at.is_(None))
    with db.read() as connection:
        row = connection.execute(statement).one_or_none()
    if row is None:
        raise KeyRefused()
    return Key(*row)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
