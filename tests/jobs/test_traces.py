"""Traces: one from the request to the job's end; nothing at all where nobody wants them."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from jobs import lifecycle, traces
from jobs.database import Database
from jobs.queue import make_app
from jobs.settings import Settings, load_settings
from jobs.states import Stage
from jobs.store import open_store
from jobs.values import Held
from tests.api.conftest import serving
from tests.jobs.acts import captioned, fetched
from worker.dispatch.close import close
from worker.dispatch.context import Context
from worker.dispatch.webhooks import deliver
from worker.heartbeat import Heartbeat
from worker.stopping import Stop

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    traces.use(provider)
    yield exporter
    traces.use(None)


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return load_settings(home=tmp_path, database_url=database_url, secret="s")


@pytest.fixture
def api(settings: Settings) -> Iterator[httpx.Client]:
    with serving(settings) as client:
        yield client


def begun(db: Database, stage: Stage) -> Held:
    lifecycle.dispatch(db, stage, 10, 10)
    (held,) = lifecycle.begin_next(db, stage, "worker", 1, 15, 900)
    return held


def below(found: tuple[ReadableSpan, ...], name: str) -> ReadableSpan:
    (span,) = [span for span in found if span.name == name]
    return span


@pytest.mark.parametrize("content_type", ["application/json", "application/x-ndjson"])
def test_one_trace_leads_from_the_request_to_the_end(
    spans: InMemorySpanExporter,
    api: httpx.Client,
    settings: Settings,
    db: Database,
    content_type: str,
) -> None:
    # Given a job that is submitted within a caller's own trace
    url, hook = "http://p/a.jpg?token=secret", "http://127.0.0.1:65535/hook"
    stream = content_type != "application/json"
    body = (
        f'{{"url":"{url}"}}'
        if stream
        else f'{{"images":[{{"url":"{url}"}}],"webhook_url":"{hook}"}}'
    )
    query = {"webhook_url": hook} if stream else {}
    headers = {"content-type": content_type, "traceparent": CALLER, "x-key": "secret"}
    answer = api.post("/v1/jobs", content=body, params=query, headers=headers)
    assert answer.status_code == 202

    # When it is fetched, captioned, closed and told
    with Heartbeat(db, 15.0, Stop()) as heartbeat:
        held = begun(db, Stage.FETCH)
        with heartbeat.holding(held):
            fetched(db, held)
        held = begun(db, Stage.CAPTION)
        with heartbeat.holding(held):
            captioned(db, held)
    store = open_store(settings.store_url, settings)
    at = Context(settings, db, store, make_app(settings))
    close(at)
    deliver(at)

    # Then all of that hangs on the request, and the request on the caller
    found = spans.get_finished_spans()
    request = below(found, "POST /v1/jobs")
    assert request.parent is not None
    assert f"{request.parent.trace_id:032x}-{request.parent.span_id:016x}" == CALLER[3:52]
    for name in ("fetch", "caption", "close", "webhook"):
        span = below(found, name)
        assert span.parent is not None
        assert span.parent.span_id == request.context.span_id, name
        assert span.attributes is not None
        assert span.attributes["captions.job"] == answer.json()["id"]
    # And no secret is in any of it
    assert "secret" not in " ".join(span.to_json() for span in found)


def test_without_a_caller_each_request_begins_a_trace(
    spans: InMemorySpanExporter, settings: Settings
) -> None:
    # A span ends after its answer was sent: all have, once the server has ended
    with serving(settings) as api:
        for headers in ({}, {"traceparent": "nonsense"}):
            api.get("/v1/jobs/job_nobody", headers=headers)

    found = spans.get_finished_spans()
    assert [span.name for span in found] == ["GET /v1/jobs/{job_id}"] * 2
    assert all(span.parent is None for span in found)
    assert len({span.context.trace_id for span in found}) == 2


def test_nothing_is_kept_while_traces_are_off(api: httpx.Client, db: Database) -> None:
    job = api.post(
        "/v1/jobs", json={"images": [{"url": "http://p/"}]}, headers={"traceparent": CALLER}
    ).json()["id"]

    with db.read() as connection:
        trace = connection.exec_driver_sql("SELECT trace FROM jobs").scalar_one()
    assert (trace, traces.carried()) == (None, None)
    assert job


SCRIPT = """
import sys
{before}
from jobs import logs, traces
logs.configure("INFO")
traces.configure("fetch")
print(traces.wanted(), any(name.startswith("opentelemetry.sdk") for name in sys.modules))
"""


def configured(before: str = "", **environment: str) -> tuple[list[str], str]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(before=before)],
        env={"PYTHONPATH": str(Path(__file__).parents[2]), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split(), done.stderr


def test_traces_are_off_and_not_even_loaded_unless_a_collector_is_named() -> None:
    collector = "http://127.0.0.1:1"

    assert configured()[0] == ["False", "False"]
    assert configured(OTEL_EXPORTER_OTLP_ENDPOINT=collector)[0] == ["True", "True"]
    assert configured(OTEL_EXPORTER_OTLP_ENDPOINT="")[0] == ["False", "False"]
    switched_off = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector, "OTEL_SDK_DISABLED": "true"}
    assert configured(**switched_off)[0] == ["False", "False"]


def test_traces_that_are_wanted_and_not_installed_are_said_to_be_so() -> None:
    missing = "sys.modules['opentelemetry.sdk.trace'] = None"

    said, log = configured(missing, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1")

    assert said[0] == "False"
    assert "traces_not_installed needed=requirements/opentelemetry.txt" in log
