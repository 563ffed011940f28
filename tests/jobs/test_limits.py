"""How much of a key may wait."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from jobs import keys, lifecycle, queries
from jobs.database import Database
from jobs.errors import TooManyWaiting
from tests.jobs.acts import fetched, fetching, job_of, submit


def limited(db: Database, images: int) -> str:
    return keys.create(db, "small", max_waiting_images=images)[0].id


def test_what_exceeds_the_limit_leaves_nothing(db: Database) -> None:
    key = limited(db, 3)
    submit(db, 2, key_id=key)

    with pytest.raises(TooManyWaiting, match="1 more images"):
        submit(db, 2, key_id=key)

    assert len(queries.jobs(db)) == 1
    submit(db, 1, key_id=key)


def test_of_submissions_at_once_only_those_that_fit_are_taken(db: Database) -> None:
    key = limited(db, 10)

    def take(_: int) -> int:
        try:
            return submit(db, 4, key_id=key).total
        except TooManyWaiting:
            return 0

    with ThreadPoolExecutor(6) as pool:
        taken = sum(pool.map(take, range(6)))

    assert taken == queries.waiting_images(db, key) == 8


def test_images_that_are_tried_again_wait_again(db: Database) -> None:
    # Given a job that failed, and another that fills its key's limit
    key = limited(db, 3)
    job = submit(db, 2, key_id=key)
    (held,) = fetching(db)
    fetched(db, held, failed={0: "http_404", 1: "http_404"})
    submit(db, 2, key_id=key)

    # Then there is no room for trying again, and the job stays as it is
    with pytest.raises(TooManyWaiting):
        lifecycle.retry_failed(db, job.id)
    assert job_of(db, job).failed == 2
