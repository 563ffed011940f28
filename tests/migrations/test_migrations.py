"""The migrations: up, down and up again, and nothing left out."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import inspect

from jobs.database import Database
from jobs.tables import metadata
from migrations import run
from tests.services import PostgresServer


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Each of the two databases in turn, without a table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/captions.sqlite3"
        return
    postgres: PostgresServer = request.getfixturevalue("postgres")
    with postgres.database(migrated=False) as url:
        yield url


@pytest.fixture
def empty(empty_url: str) -> Iterator[Database]:
    opened = Database(empty_url)
    yield opened
    opened.close()


def tables(db: Database) -> set[str]:
    return set(inspect(db.engine).get_table_names()) - {"alembic_version"}


def test_they_make_the_tables_that_the_code_expects(empty: Database) -> None:
    empty.migrate()

    run.check(empty.engine)
    assert tables(empty) == set(metadata.tables)


def test_they_go_up_and_down_and_up_again(empty: Database) -> None:
    run.upgrade(empty.engine)
    run.downgrade(empty.engine, "base")
    assert tables(empty) == set()

    run.upgrade(empty.engine)
    run.check(empty.engine)


def test_once_more_changes_nothing(empty: Database) -> None:
    empty.migrate()
    empty.migrate()

    run.check(empty.engine)


def test_of_several_processes_that_migrate_at_once_all_succeed(empty_url: str) -> None:
    program = "import sys; from jobs.database import Database; Database(sys.argv[1]).migrate()"
    processes = [subprocess.Popen([sys.executable, "-c", program, empty_url]) for _ in range(3)]

    assert [process.wait(60) for process in processes] == [0, 0, 0]

    db = Database(empty_url)
    run.check(db.engine)
    db.close()
