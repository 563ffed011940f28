"""`captions keys …`: who may use the service."""

from argparse import Namespace
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime

from jobs import keys
from jobs.database import Database
from jobs.settings import load_settings


def create(arguments: Namespace) -> int:
    """The secret goes to standard output, alone; it is stored nowhere."""
    with _database() as database:
        _key, secret = keys.create(
            database,
            arguments.name,
            max_waiting_images=arguments.max_waiting_images,
            requests_per_second=arguments.requests_per_second,
        )
    print(secret)
    return 0


def show(arguments: Namespace) -> int:  # noqa: ARG001
    with _database() as database:
        for key in keys.all_keys(database):
            state = "revoked" if key.revoked_at else "in use"
            print(f"{key.id}  {_date(key.created_at)}  {state:<8} {key.name}")
    return 0


def revoke(arguments: Namespace) -> int:
    """Within five seconds requests with this key are refused; its jobs go on."""
    with _database() as database:
        keys.revoke(database, arguments.key)
    return 0


@contextmanager
def _database() -> Iterator[Database]:
    with closing(Database(load_settings().database_url)) as database:
        database.migrate()
        yield database


def _date(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"
