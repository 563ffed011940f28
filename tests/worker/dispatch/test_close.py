"""An ended job gets its result files, once, as it is at its end."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from jobs import lifecycle
from jobs.database import Database
from jobs.settings import Settings
from jobs.store import open_store, results_key
from tests.jobs.acts import fetched, fetching, job_of, submit, work
from worker.dispatch import close as closing
from worker.dispatch.close import close
from worker.dispatch.context import Context


@pytest.fixture
def at(tmp_path: Path, sqlite_url: str) -> Iterator[Context]:
    settings = Settings(home=tmp_path)
    db = Database(sqlite_url)
    yield Context(settings, db, open_store(settings.store_url, settings), cast(Any, None))
    db.close()


def lines(at: Context, job_id: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in at.store.get(results_key(job_id, "jsonl")).splitlines()]


def test_result_files_hold_every_image_in_order(at: Context) -> None:
    job = submit(at.db, 5)
    assert close(at) == 0
    work(at.db)

    assert (close(at), close(at)) == (1, 0)

    assert [line["position"] for line in lines(at, job.id)] == list(range(5))
    assert all(line["caption"] for line in lines(at, job.id))
    assert at.store.get(results_key(job.id, "csv")).count(b"\r\n") == 1 + 5


def test_a_job_that_is_taken_up_again_meanwhile_is_closed_anew(
    at: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a job with a failed image, which its owner retries while its results are written
    job = submit(at.db, 2)
    (held,) = fetching(at.db)
    fetched(at.db, held, failed={1: "http_404"})
    work(at.db)
    write = closing.write_csv

    def retry_first(*args: Any) -> None:
        lifecycle.retry_failed(at.db, job.id)
        write(*args)

    monkeypatch.setattr(closing, "write_csv", retry_first)
    assert close(at) == 0
    assert job_of(at.db, job).results_at is None
    monkeypatch.setattr(closing, "write_csv", write)

    # When it ends again, then its files say how
    work(at.db)
    assert close(at) == 1
    assert [line["state"] for line in lines(at, job.id)] == ["succeeded", "succeeded"]
