"""Who asks: the owner of a key, or this machine's own user where no key is asked for."""

from typing import Annotated

from fastapi import Depends
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api import guard
from api.context import Context


class Guarded:
    """Turns web pages away, before any route, while no key is asked for."""

    def __init__(self, app: ASGIApp, context: Context) -> None:
        self._app = app
        self._allowed = context.settings.api_allowed_hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            guard.check(scope["method"], scope["path"], scope["scheme"], headers, self._allowed)
        await self._app(scope, receive, send)


async def _owner() -> str | None:
    return None


Owner = Annotated[str | None, Depends(_owner)]
"""Id of the caller's key; None for the owner of a server without keys."""
