"""Commands that talk to a server, as they are typed."""

import os
from pathlib import Path

import pytest

from cli.__main__ import main
from cli.client import Client
from jobs import keys
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


def test_local_pictures_are_uploaded_under_their_names_and_bad_ones_left_out(
    server: str, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a folder that also has an empty file, a link to nothing and a pipe
    (photos / "e.jpg").touch()
    (photos / "f.jpg").symlink_to("nowhere")
    os.mkfifo(photos / "g.jpg")

    # When it is submitted
    assert main(["submit", "--server", server, str(photos)]) == 3
    out, said = capsys.readouterr()

    # Then what is a file is in the job, under its name, and the rest is named
    with Client(server) as client:
        images = list(client.images(out.strip()))
    assert [image.key for image in images][:3] == [f"{photos}/{name}.png" for name in "abc"]
    assert all(image.url.startswith("upload:") for image in images)
    assert f"captions: {photos}/f.jpg: No such file or directory; left out" in said
    assert f"captions: {photos}/g.jpg: not a regular file; left out" in said


def test_a_server_that_refuses_whoever_asks_is_not_taken_for_one_that_refuses_a_picture(
    server: str, db: Database, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys.create(db, "somebody else")

    assert main(["submit", "--server", server, str(photos)]) == 1
    assert "left out" not in capsys.readouterr().err


@pytest.mark.parametrize("url", ["foo", "ftp://127.0.0.1", ""])
def test_a_server_that_is_no_address_of_the_web_is_refused(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--server", url]) == 1
    assert "must begin with http:// or https://" in capsys.readouterr().err


def test_a_key_that_cannot_be_one_is_refused_in_a_sentence(
    server: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAPTIONS_KEY", "ümlaut")
    assert main(["status", "--server", server]) == 1
    assert "CAPTIONS_KEY: is not a key" in capsys.readouterr().err
