"""A job from its submission to its end."""

import pytest

from jobs import lifecycle, queries
from jobs.database import Database
from jobs.errors import Invalid, JobMissing
from jobs.states import ImageState, JobState, Stage
from jobs.values import NewImage, Options
from tests.jobs.acts import (
    captioned,
    captioning,
    check_counters,
    fetched,
    fetching,
    images_of,
    job_of,
    states_of,
    submit,
    work,
)


def test_a_job_is_queued_with_its_images_in_order(db: Database) -> None:
    job = submit(db, ["http://p/b.jpg", "http://p/a.jpg"], metadata={"album": 7})

    assert (job.state, job.total, job.done, job.version) == (JobState.QUEUED, 2, 0, 0)
    assert job.metadata == {"album": 7}
    assert [image.url for image in images_of(db, job)] == ["http://p/b.jpg", "http://p/a.jpg"]


def test_a_job_whose_images_were_all_captioned_succeeds(db: Database) -> None:
    job = submit(db, 5)

    work(db)

    ended = job_of(db, job)
    assert (ended.state, ended.succeeded, ended.total) == (JobState.SUCCEEDED, 5, 5)
    assert ended.started_at is not None
    assert ended.finished_at is not None
    assert ended.created_at <= ended.started_at <= ended.finished_at
    check_counters(db, job)


def test_an_image_keeps_what_was_found_out_about_it(db: Database) -> None:
    job = submit(db, 1)

    work(db)

    (image,) = images_of(db, job)
    assert image.caption == "a picture of http://pictures/0.jpg"
    assert (image.log_probability, image.confidence) == (-1.5, 0.5)
    assert image.alternatives == (("a cat", -2.5),)
    assert (image.width, image.height, image.bytes) == (640, 480, 1234)
    assert (image.checkpoint, image.checkpoint_sha256) == ("tiny", "c0ffee")
    assert (image.code, image.message) == (None, None)


def test_a_failed_image_leaves_its_neighbours_alone(db: Database) -> None:
    job = submit(db, 2)
    (held,) = fetching(db)

    fetched(db, held, failed={0: "http_404"})
    (held,) = captioning(db)
    captioned(db, held)

    first, second = images_of(db, job)
    assert (first.state, first.code, first.message) == ("failed", "http_404", "a sentence")
    assert second.state == ImageState.SUCCEEDED
    assert job_of(db, job).state == JobState.SUCCEEDED
    check_counters(db, job)


def test_a_job_without_any_caption_fails_and_needs_no_captioning(db: Database) -> None:
    job = submit(db, 2)
    (held,) = fetching(db)

    fetched(db, held, failed={0: "http_404", 1: "timeout"})

    assert job_of(db, job).state == JobState.FAILED
    assert captioning(db) == []
    check_counters(db, job)


def test_images_that_a_worker_forgets_end_all_the_same(db: Database) -> None:
    job = submit(db, 2)
    (held,) = fetching(db)
    fetched(db, held)
    (held,) = captioning(db)

    lifecycle.finish(db, held, [], [], checkpoint="tiny", checkpoint_sha256="c0ffee")

    assert [image.code for image in images_of(db, job)] == ["internal_error", "internal_error"]
    assert job_of(db, job).state == JobState.FAILED


def test_every_change_raises_the_version(db: Database) -> None:
    job = submit(db, 1)
    (held,) = fetching(db)
    begun = job_of(db, job).version
    fetched(db, held)
    prepared = job_of(db, job).version
    (held,) = captioning(db)
    captioned(db, held)
    finished = job_of(db, job).version
    lifecycle.closed(db, job.id, finished)

    assert job.version < begun < prepared < finished < job_of(db, job).version


def test_a_job_of_no_image_is_refused(db: Database) -> None:
    with pytest.raises(Invalid, match="at least one image"):
        submit(db, [])
    assert queries.jobs(db) == []


def test_a_second_image_of_the_same_key_is_refused_by_its_position(db: Database) -> None:
    images = [NewImage("http://p/1", key="a"), NewImage("http://p/2", key="a")]

    with pytest.raises(Invalid) as caught:
        lifecycle.submit(db, images, Options(), batch_images=2)

    assert (caught.value.field, caught.value.position) == ("images[1].key", 1)
    assert queries.jobs(db) == []


def test_ten_thousand_images_make_batches_of_the_asked_size(db: Database) -> None:
    submit(db, 10_000, batch_images=64)

    figures = queries.stage_figures(db)
    assert figures[Stage.FETCH].queued == 157
    assert states_of(db, queries.jobs(db)[0]) == ["queued"] * 10_000


def test_what_is_not_there_cannot_be_changed(db: Database) -> None:
    for change in (lifecycle.cancel, lifecycle.retry_failed, lifecycle.delete):
        with pytest.raises(JobMissing):
            change(db, "job_of_nobody")
