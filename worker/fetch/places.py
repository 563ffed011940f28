"""How many pictures are in hand at once: over all, and of each host.

A place is kept until its picture is decoded, so that fast servers cannot fill the memory.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from worker.errors import ImageRefused

LONGEST_WAIT_SECONDS = 5.0
"""A host that wants a longer pause has its images tried again later."""


@dataclass(slots=True)
class _Host:
    free: asyncio.Semaphore
    users: int = 0
    paused_until: float = field(default=0.0)


class Places:
    """Belongs to one event loop. Hosts are forgotten when nobody asks for them."""

    def __init__(self, connections: int, connections_per_host: int) -> None:
        self._free = asyncio.Semaphore(connections)
        self._per_host = connections_per_host
        self._hosts: dict[str, _Host] = {}

    @asynccontextmanager
    async def anywhere(self) -> AsyncIterator[None]:
        """A place for a picture that comes from no stranger's host."""
        async with self._free:
            yield

    @asynccontextmanager
    async def at(self, name: str) -> AsyncIterator[None]:
        """A place at a host; first the host's, so that a slow one holds up nobody else.

        Raises:
            ImageRefused: `http_429`, while the host wants a pause that is too long to wait for.
        """
        host = self._hosts.setdefault(name, _Host(asyncio.Semaphore(self._per_host)))
        host.users += 1
        try:
            async with host.free:
                await self._sit_out(host)
                async with self._free:
                    yield
        finally:
            host.users -= 1
            if not host.users and host.paused_until <= _now():
                self._hosts.pop(name, None)

    def pause(self, name: str, seconds: float) -> None:
        """Ask nothing more of a host for so long."""
        if host := self._hosts.get(name):
            host.paused_until = max(host.paused_until, _now() + seconds)

    async def _sit_out(self, host: _Host) -> None:
        while (left := host.paused_until - _now()) > 0:
            if left > LONGEST_WAIT_SECONDS:
                raise ImageRefused("http_429", delay=left)
            await asyncio.sleep(left)


def _now() -> float:
    return asyncio.get_running_loop().time()
