"""Streams over HTTP: accepted whole, or nothing of them is kept."""

import gzip
import json
import socket

import pytest

from api import intake
from jobs import queries
from jobs.database import Database
from jobs.settings import load_settings
from jobs.store import open_store
from tests.api.conftest import serving

LINES = b"".join(b'{"url":"http://example.org/%d.jpg","key":"k%d"}\n' % (n, n) for n in range(200))
NDJSON = {"content-type": "application/x-ndjson"}
CSV = {"content-type": "text/csv"}


@pytest.fixture(params=["sqlite_url", "postgresql_url"])
def settings(request, tmp_path):
    """These stories are told over both databases."""
    return load_settings(
        home=tmp_path, database_url=request.getfixturevalue(request.param), secret="for tests"
    )


@pytest.fixture
def db(settings):
    db = Database(settings.database_url)
    yield db
    db.close()


def urls(db, job_id):
    return [image.url for image in queries.stream_images(db, job_id)]


def test_a_line_becomes_an_image_in_order(api, db):
    answer = api.post("/v1/jobs?beam_width=5&reuse=false", content=LINES, headers=NDJSON)
    assert answer.status_code == 202
    job = answer.json()
    assert (job["state"], job["counts"]["total"], job["counts"]["rejected"]) == ("queued", 200, 0)
    assert (job["options"]["beam_width"], job["options"]["reuse"]) == (5, False)
    assert urls(db, job["id"]) == [f"http://example.org/{n}.jpg" for n in range(200)]


def test_a_gzipped_stream_in_pieces_is_the_same(api, db):
    packed = gzip.compress(LINES)
    pieces = (packed[at : at + 100] for at in range(0, len(packed), 100))
    answer = api.post("/v1/jobs", content=pieces, headers=NDJSON | {"content-encoding": "gzip"})
    assert (answer.status_code, answer.json()["counts"]["total"]) == (202, 200)


def test_csv_keeps_other_columns_as_metadata(api, db):
    body = '\ufeffkey,url,shelf\r\na,http://example.org/a.jpg,"12, ""left"""\r\n'.encode()
    job = api.post("/v1/jobs", content=body, headers=CSV).json()
    (image,) = queries.images(db, job["id"])
    assert (image.key, image.metadata) == ("a", {"shelf": '12, "left"'})


def test_one_bad_line_refuses_all_and_says_where(api, db):
    body = LINES + b'{"url":"nowhere"}\n\n{"url":1}\n'
    answer = api.post("/v1/jobs", content=body, headers=NDJSON)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"field": "url", "message": "must begin with http:// or https://", "line": 201},
        {"field": "url", "message": "must be text", "line": 203},
    ]
    assert queries.jobs(db) == []


def test_of_many_bad_lines_the_first_hundred_are_named(api, db):
    answer = api.post("/v1/jobs", content=b"{}\n" * 5_000, headers=NDJSON)
    assert [error["line"] for error in answer.json()["errors"]] == list(range(1, 101))


def test_bad_lines_can_be_skipped_and_are_listed(api, db):
    body = b'{"url":"=bad"}\n' + LINES + b"nonsense\n"
    job = api.post("/v1/jobs?on_invalid=skip", content=body, headers=NDJSON).json()
    assert (job["counts"]["total"], job["counts"]["rejected"]) == (200, 2)
    listed = api.get(job["links"]["rejected_csv"]).text.splitlines()
    assert listed[:2] == ["line,field,message", "1,url,must begin with http:// or https://"]
    assert listed[2].startswith('202,line,"is not JSON')


def test_a_stream_of_which_nothing_is_valid_is_refused_also_when_skipping(api, db):
    answer = api.post("/v1/jobs?on_invalid=skip", content=b"{}\n", headers=NDJSON)
    assert (answer.status_code, queries.jobs(db)) == (422, [])


@pytest.mark.parametrize(
    ("body", "headers", "status", "said"),
    [
        (b"", NDJSON, 422, "at least one"),
        (b"", CSV, 422, "the file is empty"),
        (b"url,url\n", CSV, 422, "twice"),
        (b"no gzip", NDJSON | {"content-encoding": "gzip"}, 422, "is not gzip"),
        (gzip.compress(LINES)[:-3], NDJSON | {"content-encoding": "gzip"}, 422, "cut off"),
        (LINES, NDJSON | {"content-encoding": "br"}, 415, "gzip is"),
        (LINES, {"content-type": "application/x-ndjson; charset=utf-16"}, 415, "UTF-8"),
    ],
)
def test_a_stream_that_cannot_be_read_is_refused(api, db, body, headers, status, said):
    answer = api.post("/v1/jobs", content=body, headers=headers)
    assert answer.status_code == status
    assert said in answer.json()["detail"]
    assert queries.jobs(db) == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("beam_width=4", "options.beam_width"),
        ("beam_width=wide", "options.beam_width"),
        ("on_invalid=ask", "on_invalid"),
        ("metadata=1", "metadata"),
        ("metadata={", "query.metadata"),
        ("deadline=2020-01-01T00:00:00Z", "deadline"),
        ("webhook_url=ftp://x/", "webhook_url"),
        ("colour=blue", "colour"),
    ],
)
def test_terms_that_cannot_be_are_refused_before_the_body_is_read(api, query, field):
    answer = api.post(f"/v1/jobs?{query}", content=LINES, headers=NDJSON)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


@pytest.mark.parametrize(
    ("query", "headers", "field"),
    [
        ("", [("content-encoding", "gzip"), ("content-encoding", "identity")], "content-encoding"),
        ("", [("content-type", "text/csv")], "content-type"),
        ("", [("idempotency-key", "a"), ("idempotency-key", "b")], "idempotency-key"),
        ("?on_invalid=skip&on_invalid=reject", [], "query.on_invalid"),
    ],
)
def test_what_is_said_twice_is_not_guessed_at(api, db, query, headers, field):
    answer = api.post(f"/v1/jobs{query}", content=LINES, headers=[*NDJSON.items(), *headers])
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": field, "message": "occurs twice"}]
    assert queries.jobs(db) == []


def test_more_images_than_a_job_may_have_are_refused(settings, db):
    with serving(settings.model_copy(update={"max_ingest_images": 199})) as api:
        assert api.post("/v1/jobs", content=LINES, headers=NDJSON).status_code == 413
    assert queries.jobs(db) == []


def test_a_long_stream_is_loaded_by_a_process_of_its_own(api, db, monkeypatch):
    monkeypatch.setattr(intake, "SHORT_BYTES", 0)
    job = api.post("/v1/jobs", content=LINES, headers=NDJSON).json()
    assert len(urls(db, job["id"])) == 200
    refused = api.post("/v1/jobs", content=b"{}\n", headers=NDJSON)
    assert refused.json()["errors"] == [{"field": "url", "message": "is needed", "line": 1}]


def test_a_stream_that_stops_leaves_nothing(api, db):
    with socket.create_connection((api.base_url.host, api.base_url.port)) as client:
        client.sendall(
            b"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-ndjson\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n10\r\n" + LINES[:16] + b"\r\n"
        )
    assert api.get("/v1/jobs").json()["jobs"] == []


def test_nothing_of_a_refused_stream_stays_in_the_store(api, settings):
    api.post("/v1/jobs?on_invalid=skip", content=b"{}\n", headers=NDJSON)
    store = open_store(settings.store_url, settings)
    assert list(store.list("results/")) == []


class TestSentTwice:
    """Idempotency-Key: the same request makes one job."""

    KEY = {"idempotency-key": "night-42"}  # noqa: RUF012

    @pytest.mark.parametrize("stream", [True, False])
    def test_the_same_request_has_the_same_job(self, api, db, stream):
        body = LINES if stream else json.dumps({"images": [{"url": "http://example.org/"}]})
        kind = NDJSON if stream else {"content-type": "application/json"}
        first = api.post("/v1/jobs", content=body, headers=kind | self.KEY)
        again = api.post("/v1/jobs", content=body, headers=kind | self.KEY)
        assert first.json()["id"] == again.json()["id"]
        assert (first.status_code, again.status_code) == (202, 202)
        assert "idempotency-replayed" not in first.headers
        assert again.headers["idempotency-replayed"] == "true"
        assert len(queries.jobs(db)) == 1

    def test_another_body_or_other_terms_are_refused(self, api, db):
        api.post("/v1/jobs", content=LINES, headers=NDJSON | self.KEY)
        other = api.post("/v1/jobs", content=LINES[:-50], headers=NDJSON | self.KEY)
        terms = api.post("/v1/jobs?beam_width=1", content=LINES, headers=NDJSON | self.KEY)
        assert (other.status_code, terms.status_code) == (422, 422)
        assert len(queries.jobs(db)) == 1

    def test_a_refused_request_gives_its_key_back(self, api):
        assert api.post("/v1/jobs", content=b"{", headers=NDJSON | self.KEY).status_code == 422
        assert api.post("/v1/jobs", content=LINES, headers=NDJSON | self.KEY).status_code == 202

    def test_while_the_first_is_being_received_the_second_is_told_to_wait(self, api):
        # Given a request that has begun and has not ended
        with socket.create_connection((api.base_url.host, api.base_url.port)) as client:
            client.sendall(
                b"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nIdempotency-Key: night-42\r\n"
                b"Content-Type: application/x-ndjson\r\nContent-Length: 1000\r\n"
                b"Expect: 100-continue\r\n\r\n"
            )
            # "Continue" is said when the body is asked for: its key is taken by then
            assert client.recv(100).startswith(b"HTTP/1.1 100")
            # When the same key comes again
            second = api.post("/v1/jobs", content=LINES, headers=NDJSON | self.KEY)
            # Then it is told to come later
            assert (second.status_code, second.headers["retry-after"]) == (409, "5")

    @pytest.mark.parametrize("key", ["", "two words", "x" * 256])
    def test_a_key_that_cannot_be_is_refused(self, api, key):
        answer = api.post("/v1/jobs", content=LINES, headers=NDJSON | {"idempotency-key": key})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "Idempotency-Key"
