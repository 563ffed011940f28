"""A spooled stream → a job, or everything that is wrong with it.

Long streams are loaded in a process of their own, so that parsing takes no turns away
from the requests that this process answers meanwhile.
"""

import signal
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Literal

from api import problems
from api.errors import Fault, Invalid, Problem, TooLarge
from api.ingest import check, csv_rows, inflate, lines, ndjson
from api.ingest.rejected import Rejected
from api.ingest.rows import BadLine, Row, Unreadable
from api.urls import UrlRule
from jobs.database import Database
from jobs.errors import TooManyWaiting
from jobs.ingest import ingest
from jobs.settings import Settings
from jobs.store import Store, open_store
from jobs.values import NewImage, Options, Terms

READERS: dict[str, Callable[[Iterable[bytes]], Iterator[Row | BadLine]]] = {
    "application/x-ndjson": ndjson.read,
    "text/csv": csv_rows.read,
}
LOADERS = 2
"""Processes that load streams: more would only wait for the database."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to load. allowance: images that the caller's key may still have waiting."""

    path: Path
    media_type: str
    gzip: bool
    on_invalid: Literal["reject", "skip"]
    options: Options
    terms: Terms
    allowance: int | None


def load(order: Order, settings: Settings, db: Database, store: Store) -> str:
    """The id of the job that the stream became. Raises Problem; nothing is kept then."""
    with (
        tempfile.TemporaryDirectory(prefix="captions-") as folder,
        Rejected(Path(folder) / "rejected.csv", order.on_invalid) as rejected,
    ):
        try:
            job = ingest(
                db,
                _images(order, settings, rejected),
                order.options,
                batch_images=settings.batch_images,
                before_queued=lambda job_id: rejected.keep(store, job_id),
                **order.terms,
            )
        except Exception as error:
            # Errors go back to the API's process: only those of this package travel well.
            problem = problems.from_error(error)
            if problem.status == Problem.status:
                raise
            raise problem from None
    return job.id


def _images(order: Order, settings: Settings, rejected: Rejected) -> Iterator[NewImage]:
    """The stream's images. Raises Invalid at the end where lines had to be good and were not."""
    most = settings.max_ingest_images
    taken = 0
    try:
        for image in check.images(_rows(order, settings), UrlRule.of(settings), rejected.add):
            taken += 1
            if taken > most:
                raise TooLarge(f"A job may have {most:,} images. Nothing was kept.")
            if order.allowance is not None and taken > order.allowance:
                raise TooManyWaiting(order.allowance)
            if not rejected.refuses:
                yield image
    except Unreadable as error:
        fault = Fault("body", error.message, line=error.line)
        raise Invalid(f"The body: {error.message}. Nothing was kept.", faults=[fault]) from error
    rejected.check(taken)


def _rows(order: Order, settings: Settings) -> Iterator[Row | BadLine]:
    with order.path.open("rb") as file:
        limit = settings.max_ingest_bytes
        chunks = inflate.gunzip(file, limit) if order.gzip else inflate.plain(file)
        yield from READERS[order.media_type](lines.split(chunks))


class Loaders:
    """Processes that load, started when the first long stream has come."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pool: ProcessPoolExecutor | None = None

    @property
    def pool(self) -> ProcessPoolExecutor:
        if self._pool is None:
            # Spawned: a fork would take the threads' locks and the database's sockets along.
            self._pool = ProcessPoolExecutor(
                LOADERS, get_context("spawn"), initializer=_open, initargs=(self._settings,)
            )
        return self._pool

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)


_opened: tuple[Settings, Database, Store]


def _open(settings: Settings) -> None:
    """What a loader process keeps for all its orders."""
    global _opened
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the API, which ends its loaders
    store = open_store(settings.store_url, settings)
    _opened = (settings, Database(settings.database_url, connections=1), store)


def load_here(order: Order) -> str:
    """`load` with what this process opened."""
    settings, db, store = _opened
    return load(order, settings, db, store)
