"""Around every request: its id, one log line, the guard, and the last net for errors."""

import logging
import re
import time

from jobs.logs import event
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import problems
from jobs.ids import new_id

log = logging.getLogger("api")

SAFE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked every few seconds by machines: logged only when they fail."""


class Observed:
    """The outermost layer of our own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(Headers(scope=scope))
        scope.setdefault("state", {})["request_id"] = request_id
        answer = _Answer(send, request_id)
        begun = time.perf_counter()
        try:
            await self._app(scope, receive, answer.send)
        except Exception as error:
            if answer.status is not None:
                # Half an answer is out: only a broken connection tells the client so.
                log.exception("answer broken off")
                raise
            problem = problems.from_error(error)
            if problem.status == 500:
                log.exception("request failed request=%s", request_id)
            await problems.respond(problem, request_id)(scope, receive, answer.send)
        finally:
            _log_request(scope, answer.status, request_id, time.perf_counter() - begun)


class _Answer:
    """Passes an answer on, with the headers that every answer has."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.status: int | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = self._request_id
            headers["X-Content-Type-Options"] = "nosniff"
            headers["Referrer-Policy"] = "no-referrer"
            headers["Cross-Origin-Resource-Policy"] = "same-origin"
        await self._send(message)


def _request_id(headers: Headers) -> str:
    """The caller's own id where it can stand in a log line, else a new one."""
    given = headers.get("x-request-id", "")
    return given if SAFE_REQUEST_ID.fullmatch(given) else new_id("req")


def _log_request(scope: Scope, status: int | None, request_id: str, seconds: float) -> None:
    if scope["path"] in QUIET and status is not None and status < 400:
        return
    event(
        log,
        "request",
        method=scope["method"],
        path=scope["path"],
        status=status,
        milliseconds=round(seconds * 1000, 1),
        request=request_id,
    )
