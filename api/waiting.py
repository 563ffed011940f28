"""`?wait=`: any number of waiting clients, one query for all of them.

While somebody waits, one task looks every so often which of the awaited jobs have moved,
has each of those read and written once, and hands the same bytes to all its waiters, one
after the other.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

TURN_SECONDS = 0.002
"""The least time between two of those who are told the same news."""


@dataclass(frozen=True, slots=True)
class Written:
    """A job as it goes out. version: what its ETag is made of."""

    version: int
    body: bytes
    ended: bool


Look = Callable[[Mapping[str, frozenset[int]]], Awaitable[Mapping[str, Written | None]]]
"""Awaited jobs with the versions that their waiters have seen → those that moved.

None for a job that is gone."""


@dataclass(eq=False, slots=True)
class _Waiter:
    job_id: str
    version: int
    news: asyncio.Future[Written | None]


class Waiters:
    """look: asked once every `pace` seconds while anybody waits."""

    def __init__(self, look: Look, pace: float = 0.2) -> None:
        self._look = look
        self._pace = pace
        self._waiting: set[_Waiter] = set()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    async def wait(self, job_id: str, version: int, seconds: float) -> Written | None:
        """The job once it is no longer at `version`; TimeoutError when time is over first.

        None: the job was deleted meanwhile. Errors of `look` are raised to every waiter.
        """
        if self._closed:
            raise TimeoutError
        waiter = _Waiter(job_id, version, asyncio.get_running_loop().create_future())
        self._waiting.add(waiter)
        if self._task is None:
            self._task = asyncio.create_task(self._watch())
        try:
            async with asyncio.timeout(seconds):
                return await waiter.news
        finally:
            self._waiting.discard(waiter)

    def close(self) -> None:
        """Send everybody home with what they know: the server is about to stop."""
        self._closed = True
        for waiter in self._waiting:
            if not waiter.news.done():
                waiter.news.set_exception(TimeoutError())

    async def _watch(self) -> None:
        try:
            await asyncio.sleep(self._pace)
            while self._waiting:
                await self._tell(await self._news())
        finally:
            self._task = None

    async def _news(self) -> list[tuple[_Waiter, Written | None]]:
        """Whom there is something to tell, and what."""
        seen: dict[str, set[int]] = {}
        for waiter in self._waiting:
            seen.setdefault(waiter.job_id, set()).add(waiter.version)
        try:
            moved = await self._look({job: frozenset(versions) for job, versions in seen.items()})
        except Exception as error:  # noqa: BLE001 - it belongs to those who wait
            self._fail(error)
            return []
        return [
            (waiter, written)
            for waiter in self._waiting
            if waiter.job_id in moved
            and ((written := moved[waiter.job_id]) is None or written.version != waiter.version)
        ]

    async def _tell(self, news: Sequence[tuple[_Waiter, Written | None]]) -> None:
        """Spread over the time until the next look: who is told asks again at once, and the
        polls of others shall not have to wait behind all of them."""
        turns = max(1, min(len(news), round(self._pace / TURN_SECONDS)))
        for turn in range(turns):
            for waiter, written in news[turn::turns]:
                if not waiter.news.done():
                    waiter.news.set_result(written)
            await asyncio.sleep(self._pace / turns)

    def _fail(self, error: Exception) -> None:
        for waiter in self._waiting:
            if not waiter.news.done():
                waiter.news.set_exception(error)
