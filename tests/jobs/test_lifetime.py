"""What nobody needs any more."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs import idempotency, ingest, lifecycle, lifetime, processes, queries, uploads
from jobs.database import Database
from jobs.errors import UploadMissing
from jobs.records import Job
from jobs.settings import Settings
from jobs.store import Store, open_store, upload_key
from jobs.values import NewImage, Options
from tests.jobs.acts import captioned, captioning, fetched, fetching, job_of, submit, work

SETTINGS = Settings()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(f"file://{tmp_path}/store", SETTINGS)


def count(db: Database, table: str) -> int:
    with db.read() as connection:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())


def execute(db: Database, statement: str) -> None:
    with db.write() as connection:
        connection.exec_driver_sql(statement)


def ended(db: Database, store: Store, **terms: object) -> Job:
    job = submit(db, 5, **terms)
    work(db)
    for key in (f"prepared/{job.id}/0-1.tar", f"results/{job.id}/captions.csv"):
        store.put(key, b"bytes")
    return job


def upload(db: Database, store: Store, expires_seconds: float = 60.0) -> str:
    store.put(upload_key("upl_1"), b"bytes")
    made = uploads.create(
        db,
        "upl_1",
        None,
        name="cat.jpg",
        media_type="image/jpeg",
        size=5,
        sha256="5a",
        expires_seconds=expires_seconds,
    )
    return f"{uploads.SCHEME}{made.id}"


def test_a_deleted_job_leaves_nothing(
    db: Database, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifetime, "AT_ONCE", 2)
    url = upload(db, store)
    idempotency.begin(db, "", "key", 60.0)
    job = submit(db, [url, *(f"http://p/{number}" for number in range(5))], webhook_url="http://h")
    work(db)
    store.put(f"results/{job.id}/captions.csv", b"bytes")
    lifecycle.delete(db, job.id)

    lifetime.sweep(db, store, SETTINGS)

    assert [count(db, table) for table in ("jobs", "batches", "images", "webhooks", "uploads")] == [
        0
    ] * 5
    assert list(store.list("results/")) + list(store.list("uploads/")) == []


def test_a_job_that_was_to_be_kept_for_a_time_goes_after_it(db: Database, store: Store) -> None:
    kept = ended(db, store)
    outlived = ended(db, store, keep_seconds=-1.0)

    lifetime.sweep(db, store, SETTINGS)

    assert [job.id for job in queries.jobs(db)] == [kept.id]
    assert not list(store.list(f"results/{outlived.id}/"))


def test_a_job_whose_images_stopped_arriving_is_removed(db: Database, store: Store) -> None:
    def stopped() -> Iterator[NewImage]:
        yield from ()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest.ingest(db, stopped(), Options(), batch_images=2)
    execute(db, "UPDATE jobs SET deleted_at = NULL, updated_at = 1")

    lifetime.sweep(db, store, SETTINGS)

    assert count(db, "jobs") == 0


def test_pictures_stay_for_a_while_after_the_end(db: Database, store: Store) -> None:
    job = ended(db, store)

    lifetime.sweep(db, store, SETTINGS)
    assert queries.prepared_key(db, job.id, 0) == "prepared/0-1.tar"
    assert list(store.list(f"prepared/{job.id}/"))

    execute(db, "UPDATE jobs SET finished_at = 1")
    lifetime.sweep(db, store, SETTINGS)
    assert queries.prepared_key(db, job.id, 0) is None
    assert not list(store.list(f"prepared/{job.id}/"))
    assert list(store.list(f"results/{job.id}/"))


def test_a_job_that_is_taken_up_again_is_cleared_again(db: Database, store: Store) -> None:
    job = submit(db, 1)
    (held,) = fetching(db)
    fetched(db, held, failed={0: "timeout"})
    execute(db, "UPDATE jobs SET finished_at = 1")
    lifetime.sweep(db, store, SETTINGS)

    lifecycle.retry_failed(db, job.id)
    (held,) = fetching(db)
    fetched(db, held)
    (held,) = captioning(db)
    captioned(db, held)

    assert job_of(db, job).succeeded == 1
    assert queries.prepared_key(db, job.id, 0) is not None


def test_an_upload_that_no_job_names_expires(db: Database, store: Store) -> None:
    upload(db, store, expires_seconds=-1.0)

    lifetime.sweep(db, store, SETTINGS)

    assert uploads.upload(db, "upl_1") is None
    assert not store.exists(upload_key("upl_1"))


def test_an_upload_stays_for_as_long_as_the_job_that_names_it(db: Database, store: Store) -> None:
    job = submit(db, [upload(db, store)])

    lifetime.sweep(db, store, SETTINGS)

    found = uploads.upload(db, "upl_1")
    assert found is not None
    assert (found.job_id, found.expires_at) == (job.id, None)


def test_an_expired_upload_cannot_be_named_any_more(db: Database, store: Store) -> None:
    url = upload(db, store, expires_seconds=-1.0)

    with pytest.raises(UploadMissing, match="upl_1"):
        submit(db, [url])
    assert queries.jobs(db) == []


def test_an_upload_of_somebody_else_cannot_be_named(db: Database, store: Store) -> None:
    url = upload(db, store)

    with pytest.raises(UploadMissing, match="upl_1"):
        submit(db, [url], key_id="key_1")


def test_old_captions_are_forgotten(
    db: Database, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifetime, "AT_ONCE", 2)
    ended(db, store)
    assert lifetime.forget_captions(db, reuse_seconds=60.0) == 0

    execute(db, "UPDATE known_captions SET created_at = length(sha256) + log_probability")
    execute(db, "UPDATE known_captions SET created_at = 5 WHERE sha256 > '8'")
    while lifetime.forget_captions(db, reuse_seconds=60.0):
        pass

    assert count(db, "known_captions") == 0


def test_silent_processes_are_forgotten(db: Database) -> None:
    processes.seen(db, "api-1", "api", {"port": 8000})
    processes.seen(db, "fetch-1", "fetch")
    execute(db, "UPDATE processes SET seen_at = 1 WHERE name = 'fetch-1'")

    (alive,) = processes.alive(db)
    assert (alive.name, alive.kind, alive.detail) == ("api-1", "api", {"port": 8000})
    assert processes.forget(db, older_than=60.0) == 1

    processes.gone(db, "api-1")
    assert processes.alive(db) == []


def test_a_process_keeps_the_time_of_its_start(db: Database) -> None:
    processes.seen(db, "api-1", "api")
    execute(db, "UPDATE processes SET started_at = 1, seen_at = 1")
    processes.seen(db, "api-1", "api")

    (alive,) = processes.alive(db)
    assert alive.started_at == 1
    assert alive.age < 60


def test_objects_that_belong_to_nobody_are_found(db: Database, store: Store) -> None:
    job = ended(db, store)
    upload(db, store)
    assert list(lifetime.orphans(db, store)) == []

    store.put("prepared/job_nobody/0-1.tar", b"")
    store.put("uploads/upl_nobody", b"")

    assert list(lifetime.orphans(db, store)) == [
        "prepared/job_nobody/0-1.tar",
        "uploads/upl_nobody",
    ]
    assert queries.job(db, job.id) is not None
