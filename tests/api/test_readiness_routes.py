"""Alive, and able to work: which part is missing, and what to do."""

import pytest

from jobs import processes
from tests.api.conftest import serving


def states(document):
    return {part["name"]: part["state"] for part in document["parts"]}


@pytest.fixture
def complete(settings, redis_url, db):
    """Settings of a service of which everything is there."""
    for kind in ("dispatch", "fetch", "caption"):
        processes.seen(db, f"{kind} 1", kind)
    return settings.model_copy(update={"redis_url": redis_url})


def test_alive_says_nothing_else(api):
    assert api.get("/healthz").json() == {"status": "ok"}


def test_a_complete_service_is_ready(complete):
    with serving(complete) as api:
        answer = api.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    assert set(states(answer.json()).values()) == {"ok"}


def test_without_redis_and_workers_jobs_are_taken_and_the_page_says_what_is_missing(api):
    answer = api.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert states(answer.json()) == {
        "database": "ok",
        "redis": "down",
        "store": "ok",
        "dispatch": "missing",
        "fetch": "missing",
        "caption": "missing",
    }
    hints = {part["name"]: part["hint"] for part in answer.json()["parts"]}
    assert hints["caption"] == "Start one: python -m worker caption"
    assert "CAPTIONS_REDIS_URL" in hints["redis"]


def test_without_its_database_the_service_is_not_available_but_alive(settings):
    url = "postgresql://nobody@127.0.0.1:1/nothing"
    with serving(settings.model_copy(update={"database_url": url})) as api:
        answer = api.get("/readyz")
        assert (answer.status_code, answer.json()["status"]) == (503, "unavailable")
        assert states(answer.json())["database"] == "down"
        assert api.get("/healthz").status_code == 200
        refused = api.get("/v1/jobs")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
