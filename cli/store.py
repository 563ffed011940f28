"""`captions store …`: the object store."""

from argparse import Namespace
from collections.abc import Iterator
from contextlib import closing

from jobs.database import Database
from jobs.lifetime import orphans
from jobs.settings import load_settings
from jobs.store import Store, open_store

DELETE_AT_ONCE = 1000


def check(arguments: Namespace) -> int:
    """Exit code 0 where every object belongs to a job or an upload, or was removed; else 1."""
    settings = load_settings()
    store = open_store(settings.store_url, settings)
    store.check()
    with closing(Database(settings.database_url)) as database:
        found = _report(orphans(database, store), store, delete=arguments.delete)
    print(f"{found:,} objects belong to nothing{' and were removed' if arguments.delete else ''}")
    return 1 if found and not arguments.delete else 0


def _report(keys: Iterator[str], store: Store, *, delete: bool) -> int:
    """Print the keys, and remove them in chunks; how many there were."""
    found = 0
    chunk: list[str] = []
    for key in keys:
        print(key)
        found += 1
        chunk.append(key)
        if delete and len(chunk) == DELETE_AT_ONCE:
            store.delete(chunk)
            chunk = []
    if delete and chunk:
        store.delete(chunk)
    return found
