"""Around every request: its id, one log line, the guard, and the last net for errors."""

import re
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import problems
from api.errors import NotFound
from jobs import metrics, traces
from jobs.ids import new_id
from jobs.logs import Log, context

LOG = Log("api")

SAFE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Counted by name. A client may call its method anything; each name would be kept for ever."""
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
        headers = Headers(scope=scope)
        request_id = _request_id(headers)
        scope.setdefault("state", {})["request_id"] = request_id
        answer = _Answer(send, request_id)
        begun = time.perf_counter()
        with context(request=request_id), traces.request(_method(scope), headers) as trace:
            try:
                await self._answer(scope, receive, answer)
            finally:
                seconds = time.perf_counter() - begun
                _record(scope, answer.status, seconds)
                trace.answered(_method(scope), _route(scope), answer.status)

    async def _answer(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        try:
            if "\0" in scope["path"]:
                raise NotFound  # PostgreSQL cannot even be asked for such a name
            await self._app(scope, receive, answer.send)
        except ClientDisconnect:
            LOG.info("client_gone", path=scope["path"])
        except Exception as error:
            if answer.status is not None:
                # Half an answer is out: only a broken connection tells the client so.
                LOG.exception("answer_broken_off", path=scope["path"])
                raise
            problem = problems.from_error(error)
            if problem.status == 500:
                LOG.exception("request_failed", path=scope["path"])
            await problems.respond(problem, answer.request_id)(scope, receive, answer.send)


class _Answer:
    """Passes an answer on, with the headers that every answer has."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self.request_id = request_id
        self.status: int | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = self.request_id
            headers["X-Content-Type-Options"] = "nosniff"
            headers["Referrer-Policy"] = "no-referrer"
            headers["Cross-Origin-Resource-Policy"] = "same-origin"
        await self._send(message)


def _request_id(headers: Headers) -> str:
    """The caller's own id where it can stand in a log line, else a new one."""
    given = headers.get("x-request-id", "")
    return given if SAFE_REQUEST_ID.fullmatch(given) else new_id("req")


def _record(scope: Scope, status: int | None, seconds: float) -> None:
    """The request as a line and as a metric, by its route: addresses would be too many."""
    method, path = scope["method"], scope["path"]
    metrics.REQUESTS.labels(_method(scope), _route(scope), status or "none").inc()
    metrics.REQUEST_SECONDS.labels(_method(scope), _route(scope)).observe(seconds)
    if path not in QUIET or status is None or status >= 400:
        milliseconds = round(seconds * 1000, 1)
        LOG.info("request", method=method, path=path, status=status, milliseconds=milliseconds)


def _method(scope: Scope) -> str:
    method: str = scope["method"]
    return method if method in METHODS else "other"


def _route(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", "unknown")
