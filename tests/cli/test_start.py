"""Starting the command line: quick, complete, and readable when something is wrong."""

import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path

import pytest

from captioning.captioner import MAX_LENGTHS
from cli.__main__ import find, main
from cli.grammar import LENGTHS, build_parser

HEAVY = ("celery", "sqlalchemy", "tensorflow", "keras", "numpy", "httpx", "rich", "pydantic", "PIL")


def handlers(parser: ArgumentParser) -> Iterator[str]:
    """Of every command below a parser."""
    if parser.get_default("handler"):
        yield parser.get_default("handler")
    for action in parser._actions:
        if isinstance(action.choices, dict):
            for command in action.choices.values():
                yield from handlers(command)


def test_help_imports_nothing_heavy() -> None:
    # When help is asked for, in a process of its own
    script = (
        "import sys; from cli.__main__ import main\n"
        "try: main(['--help'])\n"
        f"except SystemExit: print('HEAVY', *(set(sys.modules) & set({HEAVY!r})))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    # Then it is there, and none of the heavy packages came with it
    assert "caption pictures into a file" in done.stdout
    assert done.stdout.splitlines()[-1].split() == ["HEAVY"]


def test_it_starts_in_a_folder_whose_packages_have_our_names(tmp_path: Path) -> None:
    # Given a web site's own source, where its owner stands
    for name in ("api", "cli", "worker"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError")
    # When the command that set-up made is called there
    command = Path(sys.executable).with_name("captions")
    done = subprocess.run([command, "migrate", "--help"], cwd=tmp_path, capture_output=True)
    # Then it is ours
    assert done.returncode == 0, done.stderr


def test_every_command_has_a_function_behind_it() -> None:
    found = sorted(handlers(build_parser()))
    assert len(found) == len(set(found)) > 15
    for handler in found:
        assert callable(find(handler))


def test_an_error_is_one_sentence_and_exit_code_1(
    tmp_path: object, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "no-such-folder", "-o", f"{tmp_path}/captions.csv"]) == 1
    assert capsys.readouterr().err == "captions: no-such-folder: there is no such file or folder\n"


def test_a_wrong_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CAPTIONS_BATCH_IMAGES", "many")
    assert main(["doctor"]) == 1
    assert "CAPTIONS_BATCH_IMAGES" in capsys.readouterr().err


def test_an_unknown_command_is_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["paint"])
    assert stopped.value.code == 2
    assert "invalid choice: 'paint'" in capsys.readouterr().err


@pytest.mark.parametrize("words", ["0", "3", "33", "-1", "many"])
def test_a_length_that_no_captioner_takes_is_refused(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["run", "photos", "-o", "captions.csv", "--max-length", words])
    assert stopped.value.code == 2
    assert f"{words} is not a number of words from 4 to 32" in capsys.readouterr().err


def test_lengths_are_those_that_the_captioner_takes() -> None:
    assert LENGTHS == MAX_LENGTHS
