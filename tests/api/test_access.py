"""Keys: who is let in, and how much they may ask for."""

import socket

import pytest

from api.__main__ import EXIT_REFUSED, bind, main
from api.access import Bucket, check_start
from api.errors import StartRefused
from jobs import keys
from tests.api.conftest import serving

IMAGES = [{"url": "http://example.org/a.jpg"}, {"url": "http://example.org/b.jpg"}]


def bearer(token):
    return {"authorization": f"Bearer {token}"}


@pytest.fixture
def token(db):
    """A server with a key asks everybody for one."""
    return keys.create(db, "library")[1]


@pytest.fixture
def other(db):
    return keys.create(db, "magazine")[1]


@pytest.mark.parametrize(
    "headers",
    [{}, bearer("captions_unknown"), {"authorization": "Basic YTpi"}],
)
def test_without_a_key_nothing_is_shown(token, api, headers):
    for path in ("/v1/jobs", "/v1/jobs/job_x", "/v1/jobs/job_x/captions.csv"):
        answer = api.get(path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["type"] == "/problems/key-required"


def test_health_and_the_page_need_no_key(token, api):
    for path in ("/healthz", "/readyz", "/", "/openapi.json"):
        assert api.get(path).status_code == 200


def test_a_key_sees_its_own_jobs_and_strangers_get_404(token, other, api):
    mine = api.post("/v1/jobs", json={"images": IMAGES}, headers=bearer(token)).json()["id"]
    assert api.get(f"/v1/jobs/{mine}", headers=bearer(token)).status_code == 200
    assert api.get("/v1/jobs", headers=bearer(other)).json()["jobs"] == []
    for method, path in (
        ("GET", ""),
        ("GET", "/images"),
        ("GET", "/captions.jsonl"),
        ("GET", "/rejected.csv"),
        ("GET", "/images/0/thumbnail"),
        ("GET", "/webhooks"),
        ("GET", "/captions.csv/link"),
        ("POST", "/cancel"),
        ("POST", "/retry"),
        ("DELETE", ""),
    ):
        answer = api.request(method, f"/v1/jobs/{mine}{path}", headers=bearer(other))
        assert answer.status_code == 404, path


def test_with_a_key_any_host_name_is_answered(token, api):
    headers = bearer(token) | {"host": "captions.example"}
    assert api.get("/v1/jobs", headers=headers).status_code == 200


def test_a_revoked_key_opens_nothing(db, settings):
    key, token = keys.create(db, "library")
    keys.create(db, "another")
    keys.revoke(db, key.id)
    with serving(settings) as api:
        assert api.get("/v1/jobs", headers=bearer(token)).status_code == 401


def test_more_images_waiting_than_the_key_may_have_are_refused(db, settings):
    _, token = keys.create(db, "small", max_waiting_images=3)
    with serving(settings) as api:
        headers = bearer(token)
        assert api.post("/v1/jobs", json={"images": IMAGES}, headers=headers).status_code == 202
        refused = api.post("/v1/jobs", json={"images": IMAGES}, headers=headers)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")
        assert "1 more images" in refused.json()["detail"]
        lines = b'{"url":"http://example.org/"}\n' * 2
        streamed = api.post(
            "/v1/jobs", content=lines, headers=headers | {"content-type": "application/x-ndjson"}
        )
        assert streamed.status_code == 429


def test_more_requests_than_the_key_may_send_are_refused(db, settings):
    _, token = keys.create(db, "slow", requests_per_second=0.001)
    with serving(settings) as api:
        assert api.get("/v1/jobs", headers=bearer(token)).status_code == 200
        refused = api.get("/v1/jobs", headers=bearer(token))
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) > 900


def test_a_bucket_holds_a_second_and_fills_with_time():
    bucket = Bucket(2.0, 0.0)
    assert [bucket.take(2.0, 0.0) for _ in range(3)] == [0.0, 0.0, 0.5]
    assert bucket.take(2.0, 0.5) == 0.0
    assert bucket.take(2.0, 100.0) == 0.0
    assert bucket.take(2.0, 100.0) == 0.0
    assert bucket.take(2.0, 100.0) == 0.5


def test_a_server_that_others_reach_does_not_start_without_keys(settings, db):
    public = settings.model_copy(update={"api_host": "0.0.0.0"})
    with pytest.raises(StartRefused, match="captions keys create"):
        check_start(public, db)
    keys.create(db, "library")
    check_start(public, db)


def test_a_port_in_use_is_a_sentence():
    with bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartRefused, match=f"port {port} is in use.*CAPTIONS_API_PORT"):
            bind("127.0.0.1", port)


def test_no_answer_waits_for_the_client_to_acknowledge_its_first_half():
    with (
        bind("127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


def test_a_key_that_is_sent_counts_before_anybody_is_asked_for_one(api, db):
    # Given a server that was asked just now, and is open
    assert api.get("/v1/jobs").status_code == 200
    # When the first key is made and used at once
    token = keys.create(db, "library")[1]
    made = api.post("/v1/jobs", json={"images": IMAGES}, headers=bearer(token)).json()["id"]
    # Then the job is the key's
    (job,) = api.get("/v1/jobs", headers=bearer(token)).json()["jobs"]
    assert job["id"] == made


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("CAPTIONS_API_HOST", "0.0.0.0", "captions keys create"),
        ("CAPTIONS_API_PORT", "many", "CAPTIONS_API_PORT"),
    ],
)
def test_a_refusal_to_start_has_an_exit_code_that_says_it_would_come_again(
    settings, monkeypatch, capsys, variable, value, sentence
):
    monkeypatch.setenv("CAPTIONS_HOME", str(settings.home))
    monkeypatch.setenv("CAPTIONS_DATABASE_URL", settings.database_url)
    monkeypatch.setenv(variable, value)

    assert main() == EXIT_REFUSED
    assert sentence in capsys.readouterr().err
