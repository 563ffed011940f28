"""What anybody may ask for without a key, found out once for all who ask at the same time.

Readiness asks the database, Redis and the store, the figures count batches: asked a thousand
times a second, they would take the service away from those who have a key.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")

FRESH_SECONDS = 1.0


class Shared(Generic[T]):
    """Answers with what `find` found; finds anew when that is older than a second.

    An error goes to whoever waited for it, and the next one to ask tries again.
    """

    def __init__(
        self, find: Callable[[], Awaitable[T]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._find = find
        self._clock = clock
        self._lock = asyncio.Lock()
        self._found: tuple[T, float] | None = None

    async def get(self) -> T:
        async with self._lock:
            if self._found is None or self._clock() - self._found[1] >= FRESH_SECONDS:
                self._found = (await self._find(), self._clock())
            return self._found[0]
