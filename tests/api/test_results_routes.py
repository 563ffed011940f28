"""What became of the images: pages, files, pictures."""

import csv
import io
import json

import pytest

from jobs import lifecycle, prepared
from jobs.states import Stage
from jobs.store import open_store, prepared_key
from jobs.values import Captioned, Failed, Ready

LEASE = {"lease_seconds": 60, "lease_deadline_seconds": 600}
CHECKPOINT = {"checkpoint": "test", "checkpoint_sha256": "c" * 64}


@pytest.fixture
def store(settings):
    return open_store(settings.store_url, settings)


def held(db, stage):
    lifecycle.dispatch(db, stage, 10, 10)
    (batch,) = lifecycle.begin_next(db, stage, "test worker", 10, **LEASE)
    return batch


def fetch(db, store):
    """The fetch stage by hand: pictures 0 and 1 are there, 2 is not."""
    batch = held(db, Stage.FETCH)
    key = prepared_key(batch.job_id, batch.number, batch.attempt)
    store.put(key, prepared.pack([(0, b"first"), (1, b"second")]))
    ready = [Ready(position, f"{position}" * 64, 640, 480, 1234) for position in (0, 1)]
    failed = [Failed(2, "http_404", "The server has no such picture (404).")]
    assert lifecycle.prepared(
        db,
        batch,
        key,
        ready,
        failed,
        [],
        checkpoint_sha256=CHECKPOINT["checkpoint_sha256"],
        reuse_seconds=60,
        max_failures=3,
        retry_seconds=1,
    )


def caption(db):
    batch = held(db, Stage.CAPTION)
    captioned = [
        Captioned(0, "=a dog", -2.5, 0.75, (("a cat", -3.0),)),
        Captioned(1, "a boat, two men", -4.0, 0.5),
    ]
    assert lifecycle.finish(db, batch, captioned, [], **CHECKPOINT)


@pytest.fixture
def ended(job_id, db, store):
    fetch(db, store)
    caption(db)
    return job_id


def test_images_come_in_pages_in_order_with_all_that_is_known(api, ended):
    page = api.get(f"/v1/jobs/{ended}/images", params={"limit": 2}).json()
    first = page["images"][0]
    assert (first["caption"], first["confidence"], first["width"]) == ("=a dog", 0.75, 640)
    assert first["alternatives"] == [{"text": "a cat", "log_probability": -3.0}]
    assert (first["checkpoint"], first["checkpoint_sha256"]) == ("test", "c" * 64)
    (third,) = api.get(page["next"]).json()["images"]
    assert (third["position"], third["state"], third["code"]) == (2, "failed", "http_404")


def test_a_page_that_ends_with_the_last_image_names_a_next_one_that_is_empty(api, job_id):
    page = api.get(f"/v1/jobs/{job_id}/images", params={"limit": 3}).json()
    assert api.get(page["next"]).json() == {"images": [], "next": None}


def test_images_are_filtered_by_state(api, ended):
    page = api.get(f"/v1/jobs/{ended}/images", params={"state": "failed"}).json()
    assert [image["position"] for image in page["images"]] == [2]


def test_the_job_counts_what_happened(api, ended):
    job = api.get(f"/v1/jobs/{ended}").json()
    assert job["state"] == "succeeded"
    assert job["progress"]["done"] == 1.0
    assert (job["counts"]["succeeded"], job["counts"]["failed"]) == (2, 1)


def test_json_lines_hold_a_row_for_each_image_in_order(api, ended):
    answer = api.get(f"/v1/jobs/{ended}/captions.jsonl")
    assert answer.headers["content-type"] == "application/x-ndjson"
    rows = [json.loads(line) for line in answer.text.splitlines()]
    assert [row["caption"] for row in rows] == ["=a dog", "a boat, two men", None]
    assert list(rows[0]) == [
        "position",
        "key",
        "url",
        "state",
        "caption",
        "confidence",
        "code",
        "message",
    ]


def test_csv_is_safe_to_open_in_a_spreadsheet(api, ended):
    answer = api.get(f"/v1/jobs/{ended}/captions.csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["caption"] for row in rows] == ["'=a dog", "a boat, two men", ""]
    assert answer.headers["content-disposition"] == f'attachment; filename="{ended}.csv"'


def test_a_file_longer_than_a_chunk_loses_no_row(api):
    images = [{"url": f"http://example.org/{number}.jpg"} for number in range(2_500)]
    job_id = api.post("/v1/jobs", json={"images": images}).json()["id"]
    lines = api.get(f"/v1/jobs/{job_id}/captions.jsonl").text.splitlines()
    assert [json.loads(line)["position"] for line in lines] == list(range(2_500))
    assert len(api.get(f"/v1/jobs/{job_id}/captions.csv").text.splitlines()) == 2_501


def test_a_thumbnail_is_the_picture_in_the_prepared_batch(api, job_id, db, store):
    thumbnail = f"/v1/jobs/{job_id}/images/1/thumbnail"
    assert api.get(thumbnail).status_code == 404
    fetch(db, store)
    answer = api.get(thumbnail)
    assert (answer.content, answer.headers["content-type"]) == (b"second", "image/jpeg")
    assert api.get(f"/v1/jobs/{job_id}/images/2/thumbnail").status_code == 404
    assert api.get(f"/v1/jobs/{job_id}/images/3/thumbnail").status_code == 404


def test_a_thumbnail_whose_batch_is_gone_is_404(api, job_id, db, store):
    fetch(db, store)
    store.delete(list(store.list(f"prepared/{job_id}/")))
    assert api.get(f"/v1/jobs/{job_id}/images/0/thumbnail").status_code == 404
