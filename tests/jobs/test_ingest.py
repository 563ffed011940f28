"""Jobs of any length."""

from collections.abc import Iterator

import pytest

from jobs import ingest as module
from jobs import lifetime, queries
from jobs.database import Database
from jobs.errors import Invalid, UploadMissing
from jobs.firsts import Firsts
from jobs.ingest import ingest
from jobs.records import Job
from jobs.settings import Settings
from jobs.states import JobState
from jobs.store import open_store
from jobs.values import NewImage, Options
from tests.jobs.acts import check_counters, fetching, images_of, job_of, states_of, work


@pytest.fixture(autouse=True)
def short_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", {"sqlite": 10, "postgresql": 10})


def rows(count: int, distinct: int | None = None) -> Iterator[NewImage]:
    for number in range(count):
        url = f"http://p/{number % (distinct or count)}"
        yield NewImage(url, key=f"k{number}", metadata={"row": number})


def take(db: Database, images: Iterator[NewImage], **terms: object) -> Job:
    return ingest(db, images, Options(), batch_images=4, **terms)


def test_rows_become_a_job_in_their_order(db: Database) -> None:
    job = take(db, rows(35), key_id="key_1", metadata={"album": 7})

    assert (job.state, job.total, job.key_id, job.metadata) == ("queued", 35, "key_1", {"album": 7})
    images = images_of(db, job)
    assert [(image.key, image.metadata) for image in images] == [
        (f"k{number}", {"row": number}) for number in range(35)
    ]
    work(db)
    assert job_of(db, job).state == JobState.SUCCEEDED
    check_counters(db, job)


def test_batches_are_full_across_chunks(db: Database) -> None:
    take(db, rows(35))

    held = fetching(db)
    assert [len(batch.images) for batch in held] == [4] * 8 + [3]
    assert [image.position for batch in held for image in batch.images] == list(range(35))


def test_repeated_urls_are_fetched_once(db: Database) -> None:
    job = take(db, rows(35, distinct=6))

    assert job.duplicates == 29
    assert [len(batch.images) for batch in fetching(db)] == [4, 2]


def test_repeated_urls_are_fetched_each_if_so_wished(db: Database) -> None:
    job = ingest(db, rows(12, distinct=2), Options(deduplicate=False), batch_images=4)

    assert job.duplicates == 0
    assert [len(batch.images) for batch in fetching(db)] == [4, 4, 4]


def test_urls_that_only_share_a_hash_are_told_apart(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Confused(Firsts):
        def add(self, texts: list[str], start: int) -> dict[int, int]:
            return super().add(
                ["same" if text in ("http://p/1", "http://p/3") else text for text in texts], start
            )

    monkeypatch.setattr(module, "Firsts", Confused)

    job = take(db, rows(12, distinct=6))

    assert job.duplicates == 5
    assert states_of(db, job) == ["queued"] * 12
    work(db)
    captions = [image.caption for image in images_of(db, job)]
    assert captions == [f"a picture of http://p/{number % 6}" for number in range(12)]
    check_counters(db, job)


def test_nobody_sees_a_job_before_its_last_row(db: Database) -> None:
    def watched() -> Iterator[NewImage]:
        for image in rows(25):
            yield image
            assert queries.jobs(db) == []
            assert fetching(db) == []

    job = take(db, watched())

    assert [each.id for each in queries.jobs(db)] == [job.id]


def test_rows_that_are_refused_in_the_middle_leave_nothing(db: Database, tmp_path: object) -> None:
    def broken() -> Iterator[NewImage]:
        yield from rows(25)
        raise Invalid("url", "line 26 has none", 26)

    with pytest.raises(Invalid, match="line 26"):
        take(db, broken())

    assert queries.jobs(db) == []
    lifetime.sweep(db, open_store(f"file://{tmp_path}", Settings()), Settings())
    with db.read() as connection:
        for table in ("jobs", "batches", "images"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() == 0


def test_a_job_of_no_row_is_refused(db: Database) -> None:
    with pytest.raises(Invalid, match="at least one image"):
        take(db, rows(0))
    assert queries.jobs(db) == []


def test_rejected_lines_are_counted_when_all_rows_were_taken(db: Database) -> None:
    seen: list[str] = []

    def note(job_id: str) -> int:
        seen.append(job_id)
        assert queries.jobs(db) == []
        return 3

    job = take(db, rows(5), before_queued=note)

    assert (seen, job.rejected) == ([job.id], 3)


def test_an_upload_that_is_not_there_refuses_the_job(db: Database) -> None:
    with pytest.raises(UploadMissing, match="upl_nobody"):
        take(db, iter([NewImage("upload:upl_nobody")]))
    assert queries.jobs(db) == []
