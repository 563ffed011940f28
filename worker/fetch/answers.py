"""What a server's status says about a picture: decided without I/O, as a table."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from worker.errors import ImageRefused

REDIRECTS = (301, 302, 303, 307, 308)
PICTURES = (200, 203)
OWN_CODES = (401, 403, 404, 410, 429)
NO_CONTENT = 204
REQUEST_TIMEOUT = 408
ASK_LATER = (429, 503)
SERVER_FAILED = 500

SHORTEST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 300.0


def redirects(status: int, headers: Mapping[str, str]) -> bool:
    return status in REDIRECTS and "Location" in headers


def check(status: int, headers: Mapping[str, str]) -> None:
    """Return if a picture may follow.

    Raises:
        ImageRefused: with the code for this status, and the pause that the server asks for.
    """
    if status in PICTURES:
        _check_encoding(headers.get("Content-Encoding", "identity"))
        return
    if status == NO_CONTENT:
        raise ImageRefused("empty")
    if status == REQUEST_TIMEOUT:
        raise ImageRefused("timeout")
    message = f"The server answered {status}."
    if status in OWN_CODES:
        raise ImageRefused(f"http_{status}", delay=pause(status, headers))
    if status >= SERVER_FAILED:
        raise ImageRefused("http_5xx", message, delay=pause(status, headers))
    raise ImageRefused("http_4xx", message)


def pause(status: int, headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds for which the server wants to be left alone (RFC 9110, 10.2.3), within bounds."""
    text = headers.get("Retry-After", "").strip()
    if status not in ASK_LATER or not text:
        return None
    seconds = float(text) if text.isdecimal() else _until(text, now or datetime.now(UTC))
    if seconds is None:
        return None
    return min(max(seconds, SHORTEST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)


def _until(date: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds()


def _check_encoding(encoding: str) -> None:
    # Pictures are compressed already; unpacking what was not asked for only serves bombs.
    if encoding.strip().lower() not in ("", "identity"):
        raise ImageRefused(
            "unsupported_format", "The server compressed its answer although asked not to."
        )
