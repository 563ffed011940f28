"""Result files of ended jobs: ranges, gzip, links; uploads; webhooks; metrics."""

import gzip
import hashlib
import time

import httpx
import pytest

from api import links
from jobs import lifecycle, queries, uploads, webhooks
from jobs.store import open_store, results_key, upload_key
from jobs.values import Options
from tests.api.conftest import serving

JSONL = b'{"position":0}\n{"position":1}\n' * 2_000
JPEG = b"\xff\xd8\xff\xe0" + b"picture" * 100


@pytest.fixture
def store(settings):
    return open_store(settings.store_url, settings)


@pytest.fixture
def closed(api, job_id, db, store):
    """A job that has ended and whose result files lie in the store."""
    lifecycle.cancel(db, job_id)
    store.put(results_key(job_id, "jsonl"), JSONL)
    store.put(results_key(job_id, "csv"), b"position\r\n0\r\n")
    assert lifecycle.closed(db, job_id, queries.job(db, job_id).version)
    return job_id


def plain(api, path, **headers):
    return api.get(path, headers={"accept-encoding": "identity"} | headers)


def test_a_written_file_comes_out_of_the_store(api, closed):
    answer = plain(api, f"/v1/jobs/{closed}/captions.jsonl")
    assert (answer.content, answer.headers["accept-ranges"]) == (JSONL, "bytes")


def test_a_download_can_be_taken_up_again(api, closed):
    path = f"/v1/jobs/{closed}/captions.jsonl"
    etag = plain(api, path).headers["etag"]
    answer = plain(api, path, range="bytes=20000-", **{"if-range": etag})
    assert answer.status_code == 206
    assert answer.content == JSONL[20000:]
    assert answer.headers["content-range"] == f"bytes 20000-{len(JSONL) - 1}/{len(JSONL)}"
    beyond = plain(api, path, range=f"bytes={len(JSONL)}-")
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(JSONL)}")


@pytest.mark.parametrize("ended", [True, False])
def test_files_are_gzipped_for_those_who_take_it(api, closed, job_id, ended):
    path = f"/v1/jobs/{closed}/captions.jsonl"
    if not ended:
        images = [{"url": "http://example.org/"}]
        path = api.post("/v1/jobs", json={"images": images}).json()["links"]["captions_jsonl"]
    with api.stream("GET", path, headers={"accept-encoding": "gzip"}) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        packed = b"".join(answer.iter_raw())
    assert gzip.decompress(packed) == plain(api, path).content


def test_a_link_opens_one_file_without_a_key_until_its_time_is_over(api, closed, settings):
    made = api.get(f"/v1/jobs/{closed}/captions.jsonl/link?seconds=60").json()
    assert made["url"].startswith(str(api.base_url))
    assert plain(api, made["url"]).content == JSONL
    # Not another file, not another time
    assert api.get(made["url"].replace("jsonl", "csv")).status_code == 403
    assert api.get(made["url"].replace("expires=", "expires=9")).status_code == 403
    # Not when it is over
    path = f"/v1/links/{closed}/captions.jsonl"
    past = int(time.time()) - 1
    signature = links.sign(settings.secret, path, past)
    over = api.get(path, params={"expires": past, "signature": signature})
    assert (over.status_code, "time of this link" in over.json()["detail"]) == (403, True)


def test_there_is_no_link_before_the_files_are_written(api, job_id):
    assert api.get(f"/v1/jobs/{job_id}/captions.csv/link").status_code == 409


def test_on_s3_a_link_leads_to_the_store_itself(settings, s3_url, db):
    with serving(settings.model_copy(update={"store_url": s3_url})) as api:
        images = [{"url": "http://example.org/"}]
        job_id = api.post("/v1/jobs", json={"images": images}).json()["id"]
        lifecycle.cancel(db, job_id)
        store = open_store(s3_url, settings)
        store.put(results_key(job_id, "csv"), b"position\r\n")
        lifecycle.closed(db, job_id, queries.job(db, job_id).version)
        url = api.get(f"/v1/jobs/{job_id}/captions.csv/link").json()["url"]
        assert not url.startswith("/")
        answer = httpx.get(url)
        assert (answer.status_code, answer.content) == (200, b"position\r\n")


def test_a_picture_that_is_sent_can_be_named_in_a_job(api, db, store):
    sent = api.post("/v1/uploads?name=a.jpg", content=JPEG)
    assert sent.status_code == 201
    upload = sent.json()
    assert (upload["media_type"], upload["bytes"]) == ("image/jpeg", len(JPEG))
    assert upload["sha256"] == hashlib.sha256(JPEG).hexdigest()
    assert store.get(upload_key(upload["id"])) == JPEG
    job = api.post("/v1/jobs", json={"images": [{"url": upload["url"]}]})
    assert job.status_code == 202
    assert uploads.upload(db, upload["id"]).job_id == job.json()["id"]


def test_an_upload_that_is_not_there_refuses_the_job(api, db):
    url = "upload:upl_00000000000000000000000000"
    answer = api.post("/v1/jobs", json={"images": [{"url": url}]})
    assert answer.status_code == 404
    assert "upl_00000000000000000000000000" in answer.json()["detail"]
    assert queries.jobs(db) == []


@pytest.mark.parametrize("body", [b"", b"<html>", b"GIF88a", b"RIFF0000WAVE", b"MZ"])
def test_what_is_no_picture_is_not_kept(api, store, body):
    assert api.post("/v1/uploads", content=body).status_code == 415
    assert list(store.list("uploads/")) == []


def test_a_picture_that_is_too_large_is_not_kept(settings, store):
    with serving(settings.model_copy(update={"max_upload_bytes": 100})) as api:
        assert api.post("/v1/uploads", content=JPEG).status_code == 413
    assert list(store.list("uploads/")) == []


def test_the_delivery_log_says_what_a_webhook_was_told(api, db):
    images = [{"url": "http://example.org/"}]
    hook = "https://hooks.example/captions"
    job = api.post("/v1/jobs", json={"images": images, "webhook_url": hook}).json()
    assert api.get(f"/v1/jobs/{job['id']}/webhooks").json() == {"deliveries": []}
    lifecycle.cancel(db, job["id"])
    (delivery,) = api.get(f"/v1/jobs/{job['id']}/webhooks").json()["deliveries"]
    assert (delivery["event"], delivery["url"], delivery["status"]) == (
        "job.canceled",
        hook,
        "waiting",
    )
    secret = api.get("/v1/webhooks/secret").json()["secret"]
    assert secret.startswith("whsec_")


def test_terms_reach_the_record_and_headers_are_never_shown(api, db):
    body = {
        "images": [{"url": "http://example.org/"}],
        "deadline": "2099-01-01T00:00:00Z",
        "keep_for": 60,
        "headers": {"Authorization": "Bearer very-secret"},
    }
    answer = api.post("/v1/jobs", json=body)
    job = answer.json()
    assert job["deadline"] == "2099-01-01T00:00:00.000Z"
    assert "very-secret" not in answer.text
    assert queries.job(db, job["id"]).keep_seconds == 60
    assert queries.job(db, job["id"]).options == Options()


@pytest.mark.parametrize(
    ("headers", "field"),
    [
        ({"Host": "x"}, "headers.Host"),
        ({"a b": "x"}, "headers"),
        ({"X-A": "a\r\nb"}, "headers.X-A"),
        ({"X-A": "x" * 4097}, "headers.X-A"),
    ],
)
def test_headers_that_cannot_be_are_refused(api, headers, field):
    body = {"images": [{"url": "http://example.org/"}], "headers": headers}
    answer = api.post("/v1/jobs", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


def test_metrics_tell_requests_and_what_the_record_knows(api, job_id):
    text = api.get("/metrics").text
    assert 'captions_requests_total{method="POST",route="/v1/jobs",status="202"}' in text
    assert 'captions_batches{stage="fetch",state="queued"} 1.0' in text


def test_webhook_states_read_as_the_record_has_them():
    assert {status.value for status in webhooks.DeliveryStatus} == {
        "waiting",
        "delivered",
        "failed",
        "disabled",
    }
