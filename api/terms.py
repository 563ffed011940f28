"""What a job comes with beside its images, checked, as `jobs` wants it."""

import re
import time
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from api.errors import Fault
from api.fields import metadata_fault
from api.schemas import JobFields
from api.urls import UrlRule
from jobs import traces
from jobs.keys import Key
from jobs.settings import Settings
from jobs.values import Once, Options, Terms

WEB = UrlRule()
WEB_PORTS = (80, 443)
FIRST_FREE_PORT = 1024
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
VALUE = re.compile(r"[\x20-\x7e\x80-\xff\t]{0,4096}")
OURS = frozenset(
    {
        "host",
        "connection",
        "content-length",
        "transfer-encoding",
        "te",
        "trailer",
        "upgrade",
        "expect",
        "range",
        "accept-encoding",
        "proxy-authorization",
        "proxy-connection",
        "keep-alive",
    }
)
"""Headers that the fetcher sets itself, or that would change the meaning of its request."""


def faults_of(fields: JobFields) -> Iterator[Fault]:
    """What cannot be, beyond what the schema says."""
    if message := metadata_fault(fields.metadata):
        yield Fault("metadata", message)
    if fields.deadline is not None and fields.deadline.timestamp() <= time.time():
        yield Fault("deadline", "lies in the past")
    if fields.webhook_url is not None and (message := _web_fault(fields.webhook_url)):
        yield Fault("webhook_url", message)
    yield from _header_faults(fields.headers or {})


def options_of(fields: JobFields) -> Options:
    return Options(**fields.options.model_dump())


def terms_of(fields: JobFields, settings: Settings, caller: Key | None, once: Once | None) -> Terms:
    """The job's terms; where the client names none, those of the settings."""
    deadline = fields.deadline.timestamp() if fields.deadline else None
    if deadline is None and settings.deadline_seconds is not None:
        deadline = time.time() + settings.deadline_seconds
    return Terms(
        key_id=caller.id if caller else None,
        metadata=fields.metadata,
        deadline=deadline,
        keep_seconds=fields.keep_for or settings.keep_seconds,
        webhook_url=fields.webhook_url,
        headers=fields.headers,
        secret=settings.secret,
        once=once,
        trace=traces.carried(),
    )


def _web_fault(url: str) -> str | None:
    if not url.lower().startswith(("http://", "https://")):
        return "must begin with http:// or https://"
    if message := WEB.fault(url):
        return message
    port = urlsplit(url).port
    if port is not None and port not in WEB_PORTS and port < FIRST_FREE_PORT:
        return f"names port {port}; 80, 443 and those from {FIRST_FREE_PORT} up are taken"
    return None


def _header_faults(headers: Mapping[str, str]) -> Iterator[Fault]:
    for name, value in headers.items():
        if not TOKEN.fullmatch(name):
            yield Fault("headers", f"{name[:100]!r} is not the name of a header")
        elif name.lower() in OURS:
            yield Fault(f"headers.{name}", "is set by the service itself")
        elif not VALUE.fullmatch(value):
            yield Fault(f"headers.{name}", "holds what no header may, or over 4,096 characters")
