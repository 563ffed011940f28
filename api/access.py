"""Who asks: the holder of a key, or this machine's own user where no key is asked for.

A server on a loopback address of which no key was made is open to whoever runs
programs on the machine, and to no web page (`api.guard`). Any other asks for a key.
"""

import hashlib
import time
from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api import guard
from api.context import Context, InContext
from api.errors import KeyRequired, StartRefused, TooManyRequests
from jobs import keys
from jobs.database import Database
from jobs.keys import Key
from jobs.settings import Settings

KEPT_SECONDS = 5.0
"""How long what was read about keys counts: a revoked key opens nothing after that."""
KEPT_KEYS = 10_000
HEALTH = frozenset({"/healthz", "/readyz"})
"""Answered even where the database, and with it the keys, cannot be read."""
CHALLENGE = {"WWW-Authenticate": "Bearer"}


def check_start(settings: Settings, db: Database) -> None:
    """Raise StartRefused for a server that the network reaches and that has no keys."""
    if not guard.is_loopback(settings.api_host) and not keys.any_keys(db):
        raise StartRefused(
            f"CAPTIONS_API_HOST is {settings.api_host}, which others can reach, and there is no "
            "API key. Make one first: captions keys create NAME"
        )


class Doorkeeper:
    """Reads keys from the record, and counts requests per key."""

    def __init__(self, context: Context, clock: Callable[[], float] = time.monotonic) -> None:
        self._context = context
        self._clock = clock
        self._loopback = guard.is_loopback(context.settings.api_host)
        self._open = (False, -KEPT_SECONDS)
        self._known: dict[bytes, tuple[Key, float]] = {}
        self._buckets: dict[str, Bucket] = {}

    async def is_open(self) -> bool:
        """Whether no key is asked for."""
        if not self._loopback:
            return False
        is_open, read_at = self._open
        if self._clock() - read_at >= KEPT_SECONDS:
            is_open = not await self._context.quick.run(keys.any_keys, self._context.db)
            self._open = (is_open, self._clock())
        return is_open

    async def caller(self, headers: Headers) -> Key | None:
        """The caller's key; None where none is asked for and none was sent.

        Raises KeyRequired, jobs.errors.KeyRefused or TooManyRequests.
        """
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            if await self.is_open():
                return None
            raise KeyRequired("Send your key as Authorization: Bearer …", headers=CHALLENGE)
        # Also while the server is open: a key that was made a moment ago owns its jobs.
        key = await self._key(token.strip())
        self._count(key)
        return key

    async def _key(self, token: str) -> Key:
        # By hash: no token stays in memory.
        digest = hashlib.sha256(token.encode()).digest()
        known = self._known.get(digest)
        if known is not None and self._clock() - known[1] < KEPT_SECONDS:
            return known[0]
        self._known.pop(digest, None)
        key = await self._context.quick.run(keys.authenticate, self._context.db, token)
        if len(self._known) >= KEPT_KEYS:
            self._known.clear()
        self._known[digest] = (key, self._clock())
        return key

    def _count(self, key: Key) -> None:
        rate = key.requests_per_second
        if rate is None:
            return
        bucket = self._buckets.setdefault(key.id, Bucket(rate, self._clock()))
        wait = bucket.take(rate, self._clock())
        if wait > 0:
            raise TooManyRequests(
                f"This key may send {rate:g} requests per second. Wait {wait:.1f} seconds; "
                "?wait= on a job needs fewer requests than polling.",
                headers={"Retry-After": str(max(1, round(wait)))},
            )


class Bucket:
    """A token bucket that holds what a second brings, at least one request."""

    def __init__(self, rate: float, moment: float) -> None:
        self._tokens = max(1.0, rate)
        self._moment = moment

    def take(self, rate: float, moment: float) -> float:
        """Take one request; where there is none, the seconds until there is."""
        earned = (moment - self._moment) * rate
        self._tokens = min(max(1.0, rate), self._tokens + earned)
        self._moment = moment
        if self._tokens < 1:
            return (1 - self._tokens) / rate
        self._tokens -= 1
        return 0.0


class Guarded:
    """Turns web pages away, before any route, while no key is asked for."""

    def __init__(self, app: ASGIApp, doorkeeper: Doorkeeper, allowed: tuple[str, ...]) -> None:
        self._app = app
        self._doorkeeper = doorkeeper
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        checked = scope["type"] == "http" and scope["path"] not in HEALTH
        if checked and await self._doorkeeper.is_open():
            headers = Headers(scope=scope)
            guard.check(scope["method"], scope["path"], scope["scheme"], headers, self._allowed)
        await self._app(scope, receive, send)


async def _caller(request: Request, _: InContext) -> Key | None:
    doorkeeper: Doorkeeper = request.app.state.doorkeeper
    return await doorkeeper.caller(request.headers)


Caller = Annotated[Key | None, Depends(_caller)]


async def _owner(caller: Caller) -> str | None:
    return caller.id if caller else None


Owner = Annotated[str | None, Depends(_owner)]
"""Id of the caller's key; None for the owner of a server without keys."""
