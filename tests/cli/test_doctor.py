"""What is set, and what is wrong with it, in words."""

import os
from pathlib import Path

import pytest

from cli.__main__ import main
from cli.doctor import strangers


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in os.environ:
        if name.startswith("CAPTIONS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CAPTIONS_HOME", str(tmp_path))
    monkeypatch.setenv("CAPTIONS_CHECKPOINT", "scripted:")
    return tmp_path


def test_all_is_well_before_anything_was_started(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert f"sqlite:///{home}/captions.sqlite3" in out
    for part in ("database", "redis", "store", "checkpoint"):
        assert f"{part:<12} well" in out


def test_secrets_and_passwords_are_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CAPTIONS_SECRET", "hush-hush")
    monkeypatch.setenv("CAPTIONS_REDIS_URL", "redis://user:sesame@127.0.0.1:1/0")

    # A Redis that does not answer is said with its reason
    assert main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "hush-hush" not in out
    assert "sesame" not in out
    assert "Redis does not answer" in out


def test_a_checkpoint_that_is_not_there_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CAPTIONS_CHECKPOINT", str(home / "nothing"))
    assert main(["doctor"]) == 1
    assert f"checkpoint   {home}/nothing" in capsys.readouterr().out


def test_a_variable_that_is_no_setting_is_said_to_be_none() -> None:
    found = strangers(["CAPTIONS_FETCH_ALOW", "CAPTIONS_XYZ", "CAPTIONS_SERVER", "PATH"])
    assert [(each.part, each.reason) for each in found] == [
        ("CAPTIONS_FETCH_ALOW", "is no setting; CAPTIONS_FETCH_ALLOW is one"),
        ("CAPTIONS_XYZ", "is no setting"),
    ]
