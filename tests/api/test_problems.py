"""Every way in which a request can fail has one form, and gives nothing away."""

import socket

import pytest

from api import problems
from api.errors import Problem
from jobs import queries
from jobs.errors import DatabaseFull, DatabaseUnavailable
from tests.api.conftest import serving


def is_problem(answer, status):
    document = answer.json()
    assert answer.status_code == document["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert document["request_id"] == answer.headers["x-request-id"]
    assert document["title"]
    assert document["detail"]
    return document


def test_unknown_addresses_and_methods(api):
    assert is_problem(api.get("/v1/nothing"), 404)["type"] == "/problems/not-found"
    refused = api.put("/v1/jobs")
    is_problem(refused, 405)
    assert refused.headers["allow"]


def test_every_kind_of_problem_is_explained_at_its_type(api):
    for name, kind in problems.KINDS.items():
        document = api.get(f"/problems/{name}").json()
        assert (document["status"], document["title"]) == (kind.status, kind.title())
    is_problem(api.get("/problems/nothing"), 404)


def test_a_foreign_page_is_answered_in_the_same_form(api):
    is_problem(api.get("/v1/jobs", headers={"host": "evil.example"}), 403)
    is_problem(api.post("/v1/jobs", json={}, headers={"origin": "http://evil.example"}), 403)


def test_a_body_that_says_it_is_too_large_is_refused_at_once(settings):
    with serving(settings.model_copy(update={"max_body_bytes": 1000})) as api:
        answer = api.post(
            "/v1/jobs", content=b"x" * 1001, headers={"content-type": "application/json"}
        )
        assert "1,000 bytes" in is_problem(answer, 413)["detail"]


def test_a_body_that_does_not_say_how_large_it_is_is_counted(settings):
    with serving(settings.model_copy(update={"max_body_bytes": 1000})) as api:
        parts = (b"x" * 400 for _ in range(4))
        headers = {"content-type": "application/json"}
        is_problem(api.post("/v1/jobs", content=parts, headers=headers), 413)


def test_an_error_of_ours_says_nothing_of_itself(api, monkeypatch):
    def fail(*_):
        raise RuntimeError("secret detail at /some/path")

    monkeypatch.setattr(queries, "jobs", fail)
    document = is_problem(api.get("/v1/jobs"), 500)
    assert "secret" not in str(document)


def test_a_database_that_is_away_is_503_and_says_when_to_come_again(api, monkeypatch):
    def fail(*_):
        raise DatabaseUnavailable("password=secret host=db")

    monkeypatch.setattr(queries, "jobs", fail)
    answer = api.get("/v1/jobs")
    assert "secret" not in str(is_problem(answer, 503))
    assert answer.headers["retry-after"] == "5"


@pytest.mark.parametrize("request_id", ["abc-1", "A" * 64])
def test_a_callers_own_request_id_comes_back(api, request_id):
    answer = api.get("/healthz", headers={"x-request-id": request_id})
    assert answer.headers["x-request-id"] == request_id


@pytest.mark.parametrize("request_id", ["", "a b", "x" * 65, "ä"])
def test_a_request_id_that_could_spoil_the_log_is_replaced(api, request_id):
    answer = api.get("/healthz", headers={"x-request-id": request_id.encode()})
    assert answer.headers["x-request-id"].startswith("req_")


def test_a_client_that_goes_away_in_the_middle_of_its_body_leaves_nothing(api, db):
    with socket.create_connection((api.base_url.host, api.base_url.port)) as client:
        client.sendall(
            b"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b'Content-Length: 1000\r\n\r\n{"images":'
        )
    assert api.get("/v1/jobs").json()["jobs"] == []


def test_kinds_differ_in_name_and_status():
    assert len({kind.status for kind in problems.KINDS.values()}) == len(problems.KINDS)
    assert Problem.name in problems.KINDS


def test_a_disk_of_the_database_that_is_full_is_507(api, monkeypatch):
    def fail(*_):
        raise DatabaseFull

    monkeypatch.setattr(queries, "jobs", fail)
    assert "no room" in is_problem(api.get("/v1/jobs"), 507)["detail"]
