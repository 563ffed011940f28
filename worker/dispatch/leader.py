"""At most one dispatcher acts; a second one waits to take over.

The lock belongs to the process, not to a row: when its holder dies, however it dies, the
database server or the kernel gives it back at once. Acting twice for a moment would be harmless,
since every step is a guarded statement; it is only wasteful.
"""

import fcntl
import os
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from jobs.database import Database
from jobs.errors import DatabaseUnavailable

ADVISORY_LOCK = 0x63617074  # "capt"; any number that nothing else locks


class Leadership(Protocol):
    """Whether this process is the one that acts."""

    def held(self) -> bool:
        """Take the lock if it is free. Raises DatabaseUnavailable."""

    def close(self) -> None:
        """Give the lock back."""


class FileLeadership:
    """For SQLite: a lock on a file beside the database."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def held(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        os.close(self._file)


class SessionLeadership:
    """For PostgreSQL: an advisory lock of one session, kept open for as long as it leads."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._session: Connection | None = None

    def held(self) -> bool:
        try:
            return self._ask()
        except DBAPIError as error:
            self.close()
            raise DatabaseUnavailable from error

    def close(self) -> None:
        if self._session is not None:
            # Not back to the pool: whoever took it next would hold the lock unknowingly.
            self._session.invalidate()
            self._session.close()
            self._session = None

    def _ask(self) -> bool:
        if self._session is not None:
            self._session.execute(text("SELECT 1"))
            return True
        session = self._db.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        taken = session.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": ADVISORY_LOCK})
        if taken:
            self._session = session
        else:
            session.close()
        return bool(taken)


def leadership(db: Database) -> Leadership:
    """The lock that fits the database."""
    if db.engine.dialect.name == "sqlite":
        return FileLeadership(Path(f"{db.engine.url.database}.dispatcher"))
    return SessionLeadership(db)
