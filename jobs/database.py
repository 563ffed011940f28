"""One database, PostgreSQL or SQLite, and the two ways to use it: `read` and `write`."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import InterfaceError as DriverInterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from jobs.errors import DatabaseFull, DatabaseUnavailable, SettingsError

BUSY_SECONDS = 10
POSTGRESQL_DISK_FULL = "53100"
POSTGRESQL_OPTIONS = {
    "connect_timeout": 5,
    "tcp_user_timeout": 30_000,
    "application_name": "captions",
    # No call may hang for ever: not on the work, not on a lock, not on a forgotten transaction.
    "options": " ".join(
        (
            "-c statement_timeout=30000",
            "-c lock_timeout=10000",
            "-c idle_in_transaction_session_timeout=60000",
            "-c timezone=UTC",
        )
    ),
}


class Database:
    """A pool of connections. Threads share it; a forked child must make its own."""

    def __init__(self, url: str, *, connections: int = 10) -> None:
        self.engine = _make_engine(_read_url(url), connections)

    @property
    def postgresql(self) -> bool:
        return self.engine.dialect.name == "postgresql"

    def read(self) -> AbstractContextManager[Connection]:
        """To look and change nothing. Each statement sees one state of the record."""
        return self._transaction("read")

    def write(self) -> AbstractContextManager[Connection]:
        """A transaction that is committed at the end, or leaves nothing behind."""
        return self._transaction("write")

    @contextmanager
    def _transaction(self, kind: str) -> Iterator[Connection]:
        try:
            with (
                self.engine.connect().execution_options(**self._options(kind)) as connection,
                connection.begin(),
            ):
                yield connection
        except (OperationalError, DriverInterfaceError, PoolTimeout) as error:
            raise _refusal(error) from error

    def _options(self, kind: str) -> dict[str, str]:
        if self.postgresql and kind == "read":
            # Single statements: BEGIN and COMMIT would be two more ways to the server and back.
            return {"captions": kind, "isolation_level": "AUTOCOMMIT"}
        return {"captions": kind}

    def check(self) -> None:
        """Ask for one row.

        Raises:
            DatabaseUnavailable: if it does not come.
        """
        with self.read() as connection:
            connection.execute(text("SELECT 1"))

    def migrate(self) -> None:
        """Bring the tables to the present form; of several callers one works, the others wait."""
        from migrations.run import upgrade  # Alembic takes a while to import; workers never migrate

        try:
            upgrade(self.engine)
        except (OperationalError, DriverInterfaceError) as error:
            raise _refusal(error) from error

    def close(self) -> None:
        self.engine.dispose()


def _read_url(url: str) -> URL:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return parsed
    if parsed.drivername in ("postgres", "postgresql"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername == "postgresql+psycopg":
        return parsed
    raise SettingsError("CAPTIONS_DATABASE_URL", f"{parsed.drivername} is not supported")


def _make_engine(url: URL, connections: int) -> Engine:
    if url.get_backend_name() == "sqlite":
        return _make_sqlite(url, connections)
    return create_engine(
        url,
        hide_parameters=True,  # of errors, which are logged: what clients sent stays out
        pool_size=connections,
        max_overflow=connections,
        pool_pre_ping=True,
        pool_timeout=10,
        connect_args=POSTGRESQL_OPTIONS,
    )


def _make_sqlite(url: URL, connections: int) -> Engine:
    if url.database:
        Path(url.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=connections,
        max_overflow=connections,
        pool_timeout=10,
        connect_args={"timeout": BUSY_SECONDS, "isolation_level": None},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    _write_ahead(connection)
    for pragma in (
        # With WAL a power cut may take the last commits back, but never breaks the file.
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "cache_size=-32768",
        "temp_store=MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Change a new file to WAL, which SQLite does not wait its turn for: a busy file fails at once.

    (It has read the header by then, and of two readers that wait to write, neither would go on.)
    """
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        time.sleep(0.02)


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later cannot wait for its turn: it fails.
    writes = connection.get_execution_options().get("captions") != "read"
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _refusal(error: Exception) -> DatabaseUnavailable:
    cause = error.orig if isinstance(error, DBAPIError) else error
    kind = DatabaseFull if _is_full(cause) else DatabaseUnavailable
    return kind(f"{kind.__doc__} ({str(cause).strip().splitlines()[0]})")


def _is_full(cause: BaseException | None) -> bool:
    return (
        getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        or getattr(cause, "sqlstate", None) == POSTGRESQL_DISK_FULL
    )
