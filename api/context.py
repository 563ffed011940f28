"""What every request needs, opened once per process."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Annotated, ParamSpec, TypeVar

from fastapi import Depends, Request

from api import render
from api.ingest.load import Loaders
from api.thumbnails import Thumbnails
from api.urls import UrlRule
from api.waiting import Waiters, Written
from jobs import queries
from jobs.database import Database
from jobs.errors import JobMissing
from jobs.records import Job
from jobs.settings import Settings
from jobs.store import Store, open_store

P = ParamSpec("P")
T = TypeVar("T")

QUICK_THREADS = 8
"""For reads and writes of a few rows: polls wait for nothing longer than those."""
BULK_THREADS = 4
"""For pages of results, ingest and pictures."""


class Pool:
    """A bounded number of threads for calls that block: SQL, the store, parsing."""

    def __init__(self, threads: int, name: str) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        # With the request's context: its id in log lines, its trace.
        context = copy_context()
        return await loop.run_in_executor(
            self._executor, lambda: context.run(call, *args, **kwargs)
        )

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)


class Context:
    """Settings, database, store, threads and waiters of one API process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.db = Database(settings.database_url)
        self.store: Store = open_store(settings.store_url, settings)
        self.thumbnails = Thumbnails(self.db, self.store)
        self.url_rule = UrlRule.of(settings)
        self.quick = Pool(QUICK_THREADS, "quick")
        self.bulk = Pool(BULK_THREADS, "bulk")
        self.loaders = Loaders(settings)
        self.waiters = Waiters(self._moved)

    async def job(self, job_id: str, owner: str | None) -> Written:
        """The owner's job as it goes out; JobMissing when it has none of this id."""
        return await self.quick.run(self._written, job_id, owner)

    async def record(self, job_id: str, owner: str | None) -> Job:
        """The owner's job as the record has it; JobMissing when it has none of this id."""
        return await self.quick.run(self._job, job_id, owner)

    def close(self) -> None:
        self.waiters.close()
        self.loaders.close()
        self.quick.close()
        self.bulk.close()
        self.db.close()

    def _written(self, job_id: str, owner: str | None) -> Written:
        return render.written(self._job(job_id, owner))

    def _job(self, job_id: str, owner: str | None) -> Job:
        job = queries.job(self.db, job_id, owner)
        if job is None:
            raise JobMissing
        return job

    async def _moved(self, awaited: Mapping[str, frozenset[int]]) -> Mapping[str, Written | None]:
        return await self.quick.run(self._read_moved, awaited)

    def _read_moved(self, awaited: Mapping[str, frozenset[int]]) -> Mapping[str, Written | None]:
        versions = queries.versions(self.db, list(awaited))
        moved: dict[str, Written | None] = {}
        for job_id, seen in awaited.items():
            if seen == {versions.get(job_id)}:
                continue
            job = queries.job(self.db, job_id)
            moved[job_id] = render.written(job) if job else None
        return moved


def _context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


async def _get(request: Request) -> Context:
    return _context(request)


InContext = Annotated[Context, Depends(_get)]
