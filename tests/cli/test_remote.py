"""Commands that talk to a server, as they are typed."""

from pathlib import Path

import pytest

from cli.__main__ import main
from jobs.database import Database
from tests.cli.test_client import URLS, work


def captions(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Exit code and standard output of a command."""
    code = main(words)
    return code, capsys.readouterr().out


def test_a_job_is_submitted_watched_and_read(
    server: str, db: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a list of URLs that was submitted
    listing = tmp_path / "urls.txt"
    listing.write_text("\n".join(URLS))
    code, job = captions(capsys, "submit", "--server", server, str(listing))
    assert code == 0
    job = job.strip()
    # When the work is done
    work(db)
    # Then status tells it, with the exit code for images that failed
    code, line = captions(capsys, "status", "--server", server, job)
    assert (code, line) == (3, f"{job} succeeded 1 of 2 captioned, 1 failed\n")
    # And the results are there as a file and on standard output
    output = tmp_path / "out.csv"
    assert captions(capsys, "results", "--server", server, job, "-o", str(output))[0] == 0
    assert "a dog runs" in output.read_text()


def test_jobs_are_listed_and_canceled(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    job = captions(capsys, "submit", "--server", server, URLS[0])[1].strip()
    assert captions(capsys, "status", "--server", server)[1].startswith(job)
    code, line = captions(capsys, "cancel", "--server", server, job)
    assert (code, line) == (0, f"{job} canceled 0 of 1 captioned, 1 canceled\n")
    assert captions(capsys, "delete", "--server", server, job) == (0, "")


def test_a_job_that_is_not_there_is_a_sentence(
    server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--server", server, "job_missing"]) == 1
    assert capsys.readouterr().err.startswith("captions: ")
