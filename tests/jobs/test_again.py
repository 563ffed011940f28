"""The same picture once, and pictures that come later."""

import pytest

from jobs import processes
from jobs.database import Database
from jobs.states import JobState
from jobs.values import Later, Options
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

SAME = ["http://p/same.jpg", "http://p/other.jpg", "http://p/same.jpg", "http://p/same.jpg"]


def test_rows_of_the_same_url_are_fetched_once_and_all_end(db: Database) -> None:
    job = submit(db, SAME, batch_images=10)

    (held,) = fetching(db)
    assert [image.position for image in held.images] == [0, 1]
    fetched(db, held)
    (held,) = captioning(db)
    captioned(db, held)

    captions = [image.caption for image in images_of(db, job)]
    assert captions[0] == captions[2] == captions[3] != captions[1]
    ended = job_of(db, job)
    assert (ended.state, ended.succeeded, ended.duplicates) == ("succeeded", 4, 2)
    check_counters(db, job)


def test_rows_of_the_same_url_fail_together(db: Database) -> None:
    job = submit(db, SAME, batch_images=10)
    (held,) = fetching(db)

    fetched(db, held, failed={0: "http_404"})

    assert states_of(db, job) == ["failed", "queued", "failed", "failed"]
    assert {image.code for image in images_of(db, job)} == {"http_404", None}
    check_counters(db, job)


def test_rows_of_the_same_url_are_fetched_each_if_so_wished(db: Database) -> None:
    job = submit(db, SAME, batch_images=10, options=Options(deduplicate=False))

    (held,) = fetching(db)

    assert len(held.images) == 4
    assert job.duplicates == 0


def test_a_picture_that_was_captioned_before_is_not_captioned_again(db: Database) -> None:
    first = submit(db, 2)
    work(db)
    second = submit(db, 3)
    for held in fetching(db):
        fetched(db, held)

    (held,) = captioning(db)
    assert [image.position for image in held.images] == [2]
    captioned(db, held)

    again, before = images_of(db, second), images_of(db, first)
    assert [image.reused for image in again] == [True, True, False]
    assert [image.caption for image in again[:2]] == [image.caption for image in before]
    assert again[0].alternatives == before[0].alternatives
    assert job_of(db, second).reused == 2
    check_counters(db, second)


def test_a_library_that_is_sent_again_needs_no_captioning_at_all(db: Database) -> None:
    submit(db, SAME)
    work(db)
    again = submit(db, SAME)

    for held in fetching(db):
        fetched(db, held)

    ended = job_of(db, again)
    assert (ended.state, ended.reused) == (JobState.SUCCEEDED, 4)
    assert captioning(db) == []
    check_counters(db, again)


@pytest.mark.parametrize(
    "change",
    [
        {"key_id": "key_of_another"},
        {"options": Options(beam_width=5)},
        {"options": Options(max_length=9)},
        {"options": Options(reuse=False)},
    ],
)
def test_captions_of_others_or_in_other_words_are_not_used(
    db: Database, change: dict[str, object]
) -> None:
    submit(db, 2)
    work(db)
    submit(db, 2, **change)

    (held,) = fetching(db)
    fetched(db, held)

    (held,) = captioning(db)
    assert len(held.images) == 2


@pytest.mark.parametrize("change", [{"checkpoint_sha256": "0ther"}, {"reuse_seconds": -1.0}])
def test_captions_of_another_checkpoint_or_of_long_ago_are_not_used(
    db: Database, change: dict[str, object]
) -> None:
    submit(db, 2)
    work(db)
    submit(db, 2)
    (held,) = fetching(db)

    fetched(db, held, **change)

    (held,) = captioning(db)
    assert len(held.images) == 2


def test_the_checkpoint_is_the_one_that_living_caption_processes_name(db: Database) -> None:
    submit(db, 1)
    work(db)
    job = submit(db, 1)
    processes.seen(db, "caption-1", "caption", {"checkpoint_sha256": "c0ffee"})

    (held,) = fetching(db)
    fetched(db, held, checkpoint_sha256=None)

    assert job_of(db, job).reused == 1


def test_caption_processes_that_differ_name_no_checkpoint(db: Database) -> None:
    submit(db, 1)
    work(db)
    job = submit(db, 1)
    processes.seen(db, "caption-1", "caption", {"checkpoint_sha256": "c0ffee"})
    processes.seen(db, "caption-2", "caption", {"checkpoint_sha256": "0ther"})

    (held,) = fetching(db)
    fetched(db, held, checkpoint_sha256=None)

    assert job_of(db, job).reused == 0


def test_an_image_that_may_be_had_later_is_fetched_later_alone(db: Database) -> None:
    job = submit(db, 2)
    (held,) = fetching(db)

    fetched(db, held, later=[Later(1, "timeout", "a sentence")])

    (again,) = fetching(db)
    assert [(image.position, image.failures) for image in again.images] == [(1, 1)]
    assert again.number == 1
    fetched(db, again)
    work(db)
    assert job_of(db, job).succeeded == 2
    check_counters(db, job)


def test_an_image_fails_with_its_last_code_when_its_tries_are_spent(db: Database) -> None:
    job = submit(db, 1)

    for code in ("timeout", "connection_failed", "http_429"):
        (held,) = fetching(db)
        fetched(db, held, later=[Later(0, code, "a sentence")], max_failures=3)

    assert fetching(db) == []
    (image,) = images_of(db, job)
    assert (image.state, image.code) == ("failed", "http_429")
    assert job_of(db, job).state == JobState.FAILED


def test_rows_that_repeat_a_url_wait_for_it_to_come_later(db: Database) -> None:
    job = submit(db, SAME, batch_images=10)
    (held,) = fetching(db)
    fetched(db, held, later=[Later(0, "timeout", "a sentence")])

    work(db)

    assert states_of(db, job) == ["succeeded"] * 4
    check_counters(db, job)


def test_images_wait_in_groups_for_as_long_as_their_servers_ask(db: Database) -> None:
    submit(db, 4, batch_images=4)
    (held,) = fetching(db)
    asked = {0: 0.0, 1: 50.0, 2: 60.0, 3: 1e9}

    fetched(db, held, later=[Later(at, "http_429", "s", delay) for at, delay in asked.items()])

    with db.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT not_before - queued_at FROM batches WHERE number > 0 ORDER BY number"
        )
        assert [round(row[0]) for row in rows] == [0, 64, 3600]
