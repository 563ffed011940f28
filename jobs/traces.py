"""Traces (OpenTelemetry), from a job's submission to its end; off unless somebody wants them.

They are wanted where OpenTelemetry's own variable OTEL_EXPORTER_OTLP_ENDPOINT names a collector,
and sent where the packages of the group `opentelemetry` are installed. A request's context
(https://www.w3.org/TR/trace-context/) stays in the row of the job that it made, so it is there
for every worker, and lost with no hint:

    POST /v1/jobs ─┬─ fetch    (a span for each time that a worker held a batch)
                   ├─ caption
                   ├─ close    (the result files)
                   └─ webhook  (a span for each attempt)

Addresses of pictures, headers and keys are in no span.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from jobs.logs import Log

WANTED_BY = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
CARRIER = "traceparent"

LOG = Log("traces")

_tracer: Any = None


def configure(role: str) -> None:
    """Begin to send traces as `captions-<role>`, if they are wanted."""
    disabled = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if disabled or not any(os.environ.get(name) for name in WANTED_BY):
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError:
        LOG.warning("traces_not_installed", needed="requirements/opentelemetry.txt")
        return
    name = os.environ.get("OTEL_SERVICE_NAME") or f"captions-{role}"
    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    use(provider)


def use(provider: Any) -> None:
    """Let a tracer provider of OpenTelemetry have every span from now on; None ends it."""
    global _tracer
    _tracer = provider.get_tracer("captions") if provider else None


def wanted() -> bool:
    """Whether it is worth while to look for a parent."""
    return _tracer is not None


class Span:
    """Something that takes its time, shown in a trace; nothing at all while traces are off."""

    def __init__(self, inner: Any = None) -> None:
        self._inner = inner

    def note(self, **attributes: str | float | None) -> None:
        """What became of it, under names that start with `captions.`."""
        if self._inner is not None:
            known = {name: value for name, value in attributes.items() if value is not None}
            self._inner.set_attributes({f"captions.{name}": known[name] for name in known})

    def end(self) -> None:
        if self._inner is not None:
            self._inner.end()


def begin(name: str, parent: str | None, **attributes: str | float | None) -> Span:
    """A span below the one that `parent` (of `carried`) names, until its `end`."""
    if _tracer is None:
        return Span()
    span = Span(_tracer.start_span(name, context=_context(parent)))
    span.note(**attributes)
    return span


@contextmanager
def span(name: str, parent: str | None, **attributes: str | float | None) -> Iterator[Span]:
    """As `begin`, for the length of a block."""
    begun = begin(name, parent, **attributes)
    try:
        yield begun
    finally:
        begun.end()


@contextmanager
def request(method: str, headers: Mapping[str, str]) -> Iterator["Request"]:
    """The span of an HTTP request, below the caller's own where its headers name one."""
    if _tracer is None:
        yield Request(None)
        return
    from opentelemetry.trace import SpanKind

    with _tracer.start_as_current_span(
        method,
        context=_context(headers.get(CARRIER)),
        kind=SpanKind.SERVER,
        record_exception=False,  # its words may hold what no trace may
    ) as inner:
        yield Request(inner)


class Request:
    """The span of a request that is being answered."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def answered(self, method: str, route: str, status: int | None) -> None:
        """Name it after its route: the address itself may hold a secret."""
        if self._inner is None:
            return
        self._inner.update_name(f"{method} {route}")
        self._inner.set_attributes({"http.request.method": method, "http.route": route})
        if status is not None:
            self._inner.set_attribute("http.response.status_code", status)


def carried() -> str | None:
    """The current request's context, to be kept with what it began; None while traces are off."""
    if _tracer is None:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get(CARRIER)


def _context(parent: str | None) -> Any:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({CARRIER: parent} if parent else {})
