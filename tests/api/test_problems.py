"""Every way in which a request can fail has one form, and gives nothing away."""

import errno
import socket
import tempfile

import pytest

from api import problems, spool
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


@pytest.mark.parametrize(
    "path",
    [
        "/v1/jobs/%00",
        "/v1/jobs/job_x%00/images",
        "/v1/jobs/job_x/images/99999999999999999999/thumbnail",
        "/v1/jobs/job_x/images?cursor=99999999999999999999",
        "/v1/jobs?cursor=%00",
        "/v1/jobs?cursor=job%1b",
    ],
)
def test_names_and_numbers_that_no_database_takes_are_refused(api, path):
    assert is_problem(api.get(path), 404 if "%00" in path.split("?")[0] else 422)


def test_a_name_that_no_database_takes_is_refused_of_uploads(api):
    answer = api.post("/v1/uploads", params={"name": "a\0b"}, content=b"\xff\xd8\xff")
    assert is_problem(answer, 422)["errors"][0]["field"] == "query.name"


def test_methods_that_somebody_makes_up_are_counted_as_one(api):
    for number in range(5):
        api.request(f"MADEUP{number}", "/v1/jobs")
    counted = api.get("/metrics").text
    assert "MADEUP" not in counted
    assert 'captions_requests_total{method="other"' in counted


def test_a_problem_repeats_little_of_what_was_sent(api):
    long = "x" * 30_000
    document = {"images": [{"url": "http://p/", f"{long}{number}": 1} for number in range(100)]}
    answer = api.post("/v1/jobs", json=document)
    is_problem(answer, 422)
    assert len(answer.content) < 100_000


def test_metadata_that_is_nested_without_end_is_refused(api):
    nested = "[" * 900 + "]" * 900
    body = f'{{"images":[{{"url":"http://p/"}}],"metadata":{{"a":{nested}}}}}'
    answer = api.post("/v1/jobs", content=body, headers={"content-type": "application/json"})
    assert "nested" in is_problem(answer, 422)["detail"]


def test_metadata_that_is_nested_as_deep_as_may_be_comes_back(api):
    nested = "[" * 99 + "]" * 99
    line = f'{{"url":"http://p/","metadata":{{"a":{nested}}}}}'
    headers = {"content-type": "application/x-ndjson"}
    job = api.post("/v1/jobs", content=line, headers=headers).json()["id"]
    assert f'"metadata":{{"a":{nested}}}' in api.get(f"/v1/jobs/{job}/images").text


def test_a_full_disk_is_said_as_such(api, monkeypatch):
    class Full:
        def __getattr__(self, name):
            return getattr(self.file, name)

        def __enter__(self):
            self.file = made().__enter__()
            return self

        def __exit__(self, *error):
            return self.file.__exit__(*error)

        def write(self, data):
            raise OSError(errno.ENOSPC, "No space left on device")

    made, real = lambda: real(), tempfile.NamedTemporaryFile
    monkeypatch.setattr(spool.tempfile, "NamedTemporaryFile", lambda **_: Full())
    headers = {"content-type": "application/x-ndjson"}
    answer = api.post("/v1/jobs", content=b'{"url":"http://p/"}', headers=headers)
    assert "no room" in is_problem(answer, 507)["detail"]


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
