"""Request bodies: counted while they come, and of a type that is taken here."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request

from api.errors import Fault, MalformedBody, TooLarge, TooSlow, UnsupportedMediaType

IDLE_SECONDS = 30.0
"""How long a body may stand still."""
GRACE_SECONDS = 30.0
SLOWEST_BYTES_PER_SECOND = 512
"""After the grace, a body that comes more slowly than this on the whole is given up."""

LONGEST_SECONDS = 3600.0
"""However steadily it comes."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How slowly a body may come before it is given up."""

    idle_seconds: float = IDLE_SECONDS
    grace_seconds: float = GRACE_SECONDS
    bytes_per_second: float = SLOWEST_BYTES_PER_SECOND
    longest_seconds: float = LONGEST_SECONDS

    def next_deadline(self, begun: float, received: int) -> float:
        """Until when more has to come, on the loop's clock."""
        now = asyncio.get_running_loop().time()
        overall = begun + self.grace_seconds + received / self.bytes_per_second
        return min(now + self.idle_seconds, overall, begun + self.longest_seconds)


def media_type(request: Request) -> str:
    """`text/csv; charset=utf-8` → `text/csv`; another charset than UTF-8 is refused."""
    declared = request.headers.get("content-type", "")
    kind, *parameters = (part.strip().lower() for part in declared.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name == "charset" and value.strip('"') not in ("utf-8", "utf8"):
            raise UnsupportedMediaType(f"The body's charset is {value}; only UTF-8 is taken.")
    return kind


async def chunks(request: Request, limit: int, pace: Pace = Pace()) -> AsyncIterator[bytes]:
    """The body as it comes; TooLarge as soon as that is known, TooSlow when it trickles."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    received = 0
    begun = asyncio.get_running_loop().time()
    more = True
    while more:
        message = await _receive(request, pace.next_deadline(begun, received))
        chunk = message.get("body", b"")
        more = message.get("more_body", False)
        received += len(chunk)
        if received > limit:
            raise _too_large(limit)
        if chunk:
            yield chunk


async def read(request: Request, limit: int) -> bytes:
    """The whole body of at most `limit` bytes."""
    return b"".join([chunk async for chunk in chunks(request, limit)])


def parse_json(body: bytes) -> Any:
    """MalformedBody with line and column where it is not JSON in UTF-8."""
    try:
        return orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise MalformedBody(
            f"The body is not JSON: {error.msg} ({where}).",
            faults=[Fault("body", f"{error.msg} ({where})", line=error.lineno)],
        ) from error


async def _receive(request: Request, deadline: float) -> Any:
    try:
        async with asyncio.timeout_at(deadline):
            message = await request.receive()
    except TimeoutError as error:
        raise TooSlow("The body stopped or came too slowly. Nothing was kept.") from error
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body has more than {limit:,} bytes. Nothing was kept.")
