"""`captions webhooks …`: what webhooks were told."""

from argparse import Namespace
from contextlib import closing

from jobs import webhooks
from jobs.database import Database
from jobs.settings import load_settings


def replay(arguments: Namespace) -> int:
    """The dispatcher sends it, with all its attempts anew and the id that it had."""
    with closing(Database(load_settings().database_url)) as database:
        delivery = webhooks.replay(database, arguments.delivery)
    print(f"{delivery.event} will be told to {delivery.url}")
    return 0
