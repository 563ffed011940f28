"""Images are counted for Prometheus by state and code, wherever they end."""

from collections import Counter

from jobs import lifecycle, metrics
from jobs.database import Database
from jobs.values import Failed, Later
from tests.jobs.acts import captioned, captioning, fetched, fetching, submit, work


def counted() -> Counter[tuple[str, str]]:
    (family,) = metrics.IMAGES.collect()
    return Counter(
        {
            (sample.labels["state"], sample.labels["code"]): int(sample.value)
            for sample in family.samples
            if sample.name == "captions_images_total"
        }
    )


def test_an_image_is_counted_in_the_stage_that_ends_it(db: Database) -> None:
    # Given a batch of four, one of which repeats a URL that is not there
    before = counted()
    submit(db, ["http://p/0", "http://p/1", "http://p/0", "http://p/2", "http://p/3"], 4)

    # When two fail while they are fetched and one while it is captioned
    (held,) = fetching(db)
    late = [Later(3, "timeout", "a sentence")]
    assert fetched(db, held, failed={0: "http_404"}, later=late, max_failures=1)
    (held,) = captioning(db)
    assert captioned(db, held, [Failed(4, "internal_error", "a sentence")])

    # Then each has its code, the repeated one too
    assert counted() - before == {
        ("failed", "http_404"): 2,
        ("failed", "timeout"): 1,
        ("failed", "internal_error"): 1,
        ("succeeded", ""): 1,
    }


def test_images_that_end_from_outside_are_counted(db: Database) -> None:
    before = counted()

    lifecycle.cancel(db, submit(db, 3).id)
    submit(db, 2, deadline=1.0)
    lifecycle.expire(db)

    assert counted() - before == {("canceled", ""): 3, ("failed", "expired"): 2}


def test_what_is_reused_is_counted_as_captioned(db: Database) -> None:
    submit(db, 2)
    work(db)
    before = counted()

    submit(db, 2)
    work(db)

    assert counted() - before == {("succeeded", ""): 2}


def test_what_a_lost_worker_held_is_counted(db: Database) -> None:
    submit(db, 2)
    fetching(db, lease=-1.0)
    before = counted()

    lifecycle.recover(db, max_recoveries=0)

    assert counted() - before == {("failed", "worker_lost"): 2}
