"""The dispatcher's loops: one step in trouble keeps no other from being taken."""

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.database import Database
from jobs.errors import StoreUnavailable
from jobs.queue import make_app
from jobs.settings import Settings
from jobs.store import open_store, results_key
from tests.jobs.acts import job_of, submit, work
from worker.dispatch import close as closing
from worker.dispatch.context import Context
from worker.dispatch.loop import Lane, Step


@pytest.fixture
def at(tmp_path: Path, sqlite_url: str) -> Iterator[Context]:
    settings = Settings(home=tmp_path, secret="s")
    db = Database(sqlite_url)
    yield Context(settings, db, open_store(settings.store_url, settings), make_app(settings))
    db.close()


@pytest.mark.parametrize(
    "trouble", [StoreUnavailable(), OSError(errno.ENOSPC, "No space left"), KeyError("odd row")]
)
def test_a_step_that_fails_is_said_once_and_the_next_one_is_taken(
    at: Context, trouble: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    taken: list[str] = []

    def fail(_: Context) -> int:
        raise trouble

    def work(_: Context) -> int:
        taken.append("work")
        return 1

    lane = Lane(at, [Step("fails", 0.0, fail), Step("works", 0.0, work)], lambda: True)

    assert [lane.round() for _ in range(3)] == [1, 1, 1]
    assert len(taken) == 3
    assert [record.message for record in caplog.records].count("step_failed") == 1


def test_a_step_that_works_again_is_said(at: Context, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    results: list[object] = [StoreUnavailable(), 0]

    def act(_: Context) -> int:
        result = results.pop(0)
        if isinstance(result, Exception):
            raise result
        return 0

    lane = Lane(at, [Step("act", 0.0, act)], lambda: True)
    lane.round()
    lane.round()

    assert "step_works_again" in [record.message for record in caplog.records]


def test_nothing_is_done_by_whoever_does_not_lead(at: Context) -> None:
    lane = Lane(at, [Step("act", 0.0, lambda _: 1)], lambda: False)

    assert lane.round() == 0


def test_a_job_whose_files_cannot_be_written_keeps_no_other_open(
    at: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given two ended jobs, and no room for the files of the first
    first, second = submit(at.db, 1), submit(at.db, 1)
    work(at.db)
    write = closing.write_csv

    def out_of_room(at: Context, job: object, path: Path) -> None:
        if job.id == first.id:  # type: ignore[attr-defined]
            raise OSError(errno.ENOSPC, "No space left on device")
        write(at, job, path)  # type: ignore[arg-type]

    monkeypatch.setattr(closing, "write_csv", out_of_room)

    # Then the second is closed, and the first once there is room
    assert closing.close(at) == 1
    assert at.store.exists(results_key(second.id, "csv"))
    monkeypatch.undo()
    assert closing.close(at) == 1
    assert job_of(at.db, first).results_at
