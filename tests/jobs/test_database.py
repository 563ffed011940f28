"""What goes wrong with a database is told apart, and said in a sentence."""

import sqlite3
import threading
from pathlib import Path

import pytest
from psycopg.errors import DiskFull
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from jobs.database import Database
from jobs.errors import DatabaseFull, DatabaseUnavailable, SettingsError


def test_a_full_disk_is_said_as_such(sqlite_url: str) -> None:
    # Given a database that may not grow
    db = Database(sqlite_url)
    event.listen(db.engine, "connect", lambda one, _: one.execute("PRAGMA max_page_count=1"))

    # When something large is written
    with pytest.raises(DatabaseFull, match="free some space"), db.write() as connection:
        connection.execute(text("CREATE TABLE large AS SELECT zeroblob(10000000)"))

    # Then reading goes on
    db.check()
    db.close()


def test_a_full_disk_of_postgresql_is_the_same(sqlite_url: str) -> None:
    db = Database(sqlite_url)
    with pytest.raises(DatabaseFull), db.write():
        raise OperationalError("INSERT", None, DiskFull("could not extend file"))
    db.close()


def test_a_file_that_is_no_database_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "captions.sqlite3"
    path.mkdir()
    with pytest.raises(DatabaseUnavailable, match="unable to open database file"):
        Database(f"sqlite:///{path}").check()


def test_a_new_file_that_another_one_writes_to_is_waited_for(tmp_path: Path) -> None:
    # Given a file without a write-ahead log, and somebody who is about to write to it
    path = tmp_path / "captions.sqlite3"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("CREATE TABLE theirs (x)")
    other.execute("BEGIN IMMEDIATE")
    end = threading.Timer(0.3, other.execute, ("COMMIT",))
    end.start()

    # When it is opened
    db = Database(f"sqlite:///{path}")
    try:
        db.check()
    finally:
        end.join()
        other.close()

    # Then that came after them, and it has its log
    with db.read() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
    db.close()


def test_a_database_that_we_do_not_speak_is_named() -> None:
    with pytest.raises(SettingsError, match="CAPTIONS_DATABASE_URL: mysql is not supported"):
        Database("mysql://host/captions")
