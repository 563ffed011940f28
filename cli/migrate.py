"""`captions migrate`: bring the database's tables to the present form."""

from argparse import Namespace
from contextlib import closing

from jobs.database import Database
from jobs.settings import load_settings


def migrate(arguments: Namespace) -> int:  # noqa: ARG001
    """Before a new version starts; of several at once, one works and the others wait."""
    with closing(Database(load_settings().database_url)) as database:
        database.migrate()
    return 0
