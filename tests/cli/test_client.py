"""The Python client against the real API."""

import io
import threading

import pytest

from cli.answers import Job
from cli.client import Client
from cli.errors import Refused, Unreachable
from jobs import lifecycle
from jobs.database import Database
from jobs.states import Stage
from jobs.values import Captioned, Failed, Ready

URLS = ["http://example.org/1.jpg", "http://example.org/2.jpg"]


def work(db: Database) -> None:
    """Fetch and caption the first picture of the one job; the second is not there."""
    for stage in (Stage.FETCH, Stage.CAPTION):
        lifecycle.dispatch(db, stage, 1, 8)
        (held,) = lifecycle.begin_next(db, stage, "test", 1, 60, 600)
        if stage is Stage.FETCH:
            ready = [Ready(0, "00" * 32, 80, 60, 100)]
            failed = [Failed(1, "http_404", "The server has no such picture.")]
            lifecycle.prepared(
                db,
                held,
                "prepared/key",
                ready,
                failed,
                [],
                reuse_seconds=60,
                max_failures=3,
                retry_seconds=1,
            )
        else:
            captioned = [Captioned(0, "a dog runs", -3.5, 0.75, (("a dog walks", -4.5),))]
            lifecycle.finish(db, held, captioned, [], checkpoint="test", checkpoint_sha256="00")


def test_a_job_goes_in_and_its_captions_come_out(client: Client, db: Database) -> None:
    # Given a job of two images
    job = client.submit(URLS, {"beam_width": 1}, metadata={"album": 7})
    assert (job.state, job.total, job.metadata) == ("queued", 2, {"album": 7})
    # When the workers have done their work
    work(db)
    # Then waiting for it ends, and there is a row for each image
    ended = client.wait(job.id)
    assert (ended.state, ended.succeeded, ended.failed, ended.done) == ("succeeded", 1, 1, 1.0)
    first, second = client.captions(job.id)
    assert (first.url, first.caption, first.confidence) == (URLS[0], "a dog runs", 0.75)
    assert (second.caption, second.code) == (None, "http_404")


def test_waiting_shows_the_job_whenever_it_changed(client: Client, db: Database) -> None:
    # Given somebody who waits
    job = client.submit(URLS)
    seen: list[Job] = []
    begun = threading.Event()

    def each(job: Job) -> None:
        seen.append(job)
        begun.set()

    waiter = threading.Thread(target=client.wait, args=(job.id, each))
    waiter.start()
    assert begun.wait(10)
    # When the work is done
    work(db)
    waiter.join(30)
    # Then the last that was seen is the end
    assert seen[0].state == "queued"
    assert seen[-1].state == "succeeded"


def test_images_come_page_by_page_with_all_that_is_known(client: Client, db: Database) -> None:
    job = client.submit(URLS)
    work(db)
    first, second = client.images(job.id, limit=1)
    assert first.alternatives == (("a dog walks", -4.5),)
    assert (first.width, first.height, first.checkpoint) == (80, 60, "test")
    assert [image.position for image in client.images(job.id, state="failed")] == [1]
    assert second.finished_at is not None


def test_jobs_are_listed_newest_first_over_all_pages(client: Client) -> None:
    made = [client.submit(URLS[:1]).id for _ in range(3)]
    assert [job.id for job in client.jobs(limit=2)] == made[::-1]


def test_a_canceled_job_can_be_deleted(client: Client) -> None:
    job = client.submit(URLS)
    assert client.cancel(job.id).canceled == 2
    client.delete(job.id)
    with pytest.raises(Refused) as refused:
        client.job(job.id)
    assert refused.value.status == 404


def test_failed_images_are_tried_again_by_their_codes(client: Client, db: Database) -> None:
    job = client.submit(URLS)
    work(db)
    assert client.retry(job.id, ["timeout"]).failed == 1
    assert client.retry(job.id, ["http_404"]).failed == 0


def test_results_are_copied_as_the_server_writes_them(client: Client, db: Database) -> None:
    job = client.submit(URLS)
    work(db)
    out = io.BytesIO()
    client.download(job.id, "csv", out)
    header, first, _ = out.getvalue().split(b"\r\n", 2)
    assert header.startswith(b"position,key,url,state,caption")
    assert b"a dog runs" in first


def test_a_refusal_names_the_field_and_what_is_wrong(client: Client) -> None:
    with pytest.raises(Refused, match=r"images\[1\]\.url") as refused:
        client.submit([URLS[0], "ftp://example.org/1.jpg"])
    assert refused.value.status == 422
    assert refused.value.faults[0]["position"] == 1


def test_no_server_is_said_as_such() -> None:
    with Client("http://127.0.0.1:9") as client, pytest.raises(Unreachable, match="Is it running"):
        client.job("job_1")
