"""`captions run` through a real stack of its own, with the scripted captioner."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from cli.__main__ import main
from cli.errors import OutputError
from cli.run import check_room
from cli.runfolder import folder_of
from cli.stack.home import Home

ROOT = Path(__file__).parents[2]
SCRIPTED = {**os.environ, "CAPTIONS_CHECKPOINT": "scripted:"}
# So slow that a run is still under way when it is stopped.
SLOW = {**os.environ, "CAPTIONS_CHECKPOINT": "scripted:delay_ms=2000"}


def command(photos: Path, output: Path) -> list[str]:
    return [sys.executable, "-m", "cli", "run", str(photos), "-o", str(output)]


def run(photos: Path, output: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(photos, output),
        cwd=ROOT,
        env=SCRIPTED,
        capture_output=True,
        text=True,
        timeout=200,
    )


def jobs_of(output: Path) -> list[str]:
    """Ids of the jobs that the run has submitted; none before there is a database."""
    with suppress(sqlite3.OperationalError):
        database = folder_of(output) / "captions.sqlite3"
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            return [row[0] for row in connection.execute("SELECT id FROM jobs")]
    return []


def test_a_folder_becomes_a_file_of_captions(photos: Path, tmp_path: Path) -> None:
    # When a folder is captioned in which one file is no picture
    output = tmp_path / "captions.csv"
    done = run(photos, output)
    # Then the file has a row for each in order, and the exit code says that one failed
    assert done.returncode == 3, done.stderr
    lines = output.read_text().splitlines()
    assert lines[:4] == [
        "source,caption,confidence,code,message",
        f"{photos}/a.png,a mostly red picture,0.900,,",
        f"{photos}/b.png,a mostly green picture,0.900,,",
        f"{photos}/c.png,a mostly blue picture,0.900,,",
    ]
    assert lines[4].startswith(f"{photos}/d.jpg,,,")
    assert "1 failed" in done.stderr


def test_a_killed_run_goes_on_where_it_was(photos: Path, tmp_path: Path) -> None:
    # Given a run that was killed as soon as its job was submitted
    output = tmp_path / "captions.jsonl"
    with subprocess.Popen(command(photos, output), cwd=ROOT, env=SLOW) as process:
        deadline = time.monotonic() + 120
        while not jobs_of(output) and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    begun = jobs_of(output)
    assert len(begun) == 1
    assert not output.exists()
    # When the same command is given again
    done = run(photos, output)
    # Then it ends the same job, and the output is complete
    assert done.returncode == 3, done.stderr
    assert "going on with captions.jsonl" in done.stderr
    assert jobs_of(output) == begun
    assert len(output.read_text().splitlines()) == 4


def test_a_run_that_another_process_works_on_is_left_to_it(
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("CAPTIONS_CHECKPOINT", "scripted:")
    output = tmp_path / "captions.csv"
    with closing(Home(folder_of(output))):
        assert main(["run", str(photos), "-o", str(output)]) == 1
    assert capsys.readouterr().err.startswith(
        f"captions: {output}: process {os.getpid()} works on it; let it end, or choose another"
    )


def test_a_full_disk_ends_a_run_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000_000))

    with pytest.raises(OutputError, match=r"the disk is full\. Free some space and repeat"):
        check_room(tmp_path)


def test_ctrl_c_stops_a_run_and_the_next_one_goes_on(photos: Path, tmp_path: Path) -> None:
    # Given a run under way
    output = tmp_path / "captions.csv"
    with subprocess.Popen(
        command(photos, output),
        cwd=ROOT,
        env=SLOW,
        stderr=subprocess.PIPE,
        text=True,
        # Tests that run in the background have it ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        deadline = time.monotonic() + 120
        while not jobs_of(output) and time.monotonic() < deadline:
            time.sleep(0.05)
        begun = jobs_of(output)

        # When somebody presses Ctrl-C
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=100)

    # Then it stops with a sentence, and leaves no output
    assert (process.returncode, said) == (130, "stopped; the same command goes on where it was\n")
    assert not output.exists()

    # And the same command ends the same job
    assert run(photos, output).returncode == 3
    assert jobs_of(output) == begun
