"""The record, for commands of the operator that need no running service."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime

from jobs.database import Database
from jobs.settings import load_settings


@contextmanager
def database() -> Iterator[Database]:
    """The database that the settings name, in its present form."""
    with closing(Database(load_settings().database_url)) as opened:
        opened.migrate()
        yield opened


def moment(seconds: float) -> str:
    """Epoch seconds → 2026-01-31 12:00 in UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"
