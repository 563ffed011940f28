"""What a command says on standard error is its own, not TensorFlow's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.quiet import without_notes

NOTES = [
    "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
    "I0000 00:00:1795554264.507241   25915 port.cc:153] oneDNN custom operations are on.",
    "To enable the following instructions: AVX2 AVX512F, in other operations, rebuild TensorFlow.",
    "2026-11-24 21:00:00.000000: I tensorflow/core/util/port.cc:153] oneDNN custom operations",
]


@pytest.fixture
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody asked for notes."""
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")  # so that it is put back afterwards
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL")


def write(lines: list[str]) -> None:
    """As compiled code does, past Python."""
    os.write(2, "".join(f"{line}\n" for line in lines).encode())


@pytest.mark.usefixtures("unset")
def test_notes_are_kept_back_and_nothing_else(capfd: pytest.CaptureFixture[str]) -> None:
    with without_notes():
        write([*NOTES, "a warning of somebody else"])
    write(["afterwards"])
    assert capfd.readouterr().err == "a warning of somebody else\nafterwards\n"


@pytest.mark.usefixtures("unset")
def test_what_was_written_before_a_failure_is_shown(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        write([*NOTES, "libfoo.so: cannot open shared object file"])
        raise ImportError

    with pytest.raises(ImportError), without_notes():
        fail()
    *notes, reason = capfd.readouterr().err.splitlines()
    assert notes == NOTES  # one of them may say why
    assert "libfoo.so" in reason


def test_whoever_asks_for_notes_gets_them(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    with without_notes():
        write(NOTES)
    assert capfd.readouterr().err.splitlines() == NOTES


@pytest.mark.usefixtures("unset")
def test_processes_of_a_service_keep_their_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    with without_notes():
        pass
    assert "TF_CPP_MIN_LOG_LEVEL" not in os.environ


def test_a_command_that_loads_tensorflow_says_its_own_sentence_alone(tmp_path: Path) -> None:
    (tmp_path / "page.png").write_text("<html>")
    words = ["explain", str(tmp_path / "page.png"), "-o", str(tmp_path / "out.png")]
    quiet = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(
        [sys.executable, "-m", "cli", *words],
        capture_output=True,
        text=True,
        env=quiet,
        check=False,
    )
    assert done.returncode == 1
    (sentence,) = done.stderr.splitlines()
    assert str(tmp_path / "page.png") in sentence
