"""`captions caption`: pictures named on the command line, no service."""

from pathlib import Path

import pytest
from PIL import Image

from cli import network
from cli.__main__ import main

SCRIPTED = ("--checkpoint", "scripted:")


def caption(*words: str | Path) -> int:
    return main(["caption", *SCRIPTED, *map(str, words)])


def test_each_picture_gets_a_line_and_each_that_is_none_a_reason(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given pictures, a file that is none, one that is missing, and a folder
    names = [photos / name for name in ("c.png", "d.jpg", "e.png", "a.png")]
    # When they are captioned
    code = caption(*names, photos)
    # Then pictures have a caption in the order given, and the rest a sentence
    said = capsys.readouterr()
    assert code == network.SOME_FAILED
    lines = [line.split("\t") for line in said.out.splitlines()]
    assert [line[0] for line in lines] == [str(photos / "c.png"), str(photos / "a.png")]
    assert "blue" in lines[0][1]
    assert "red" in lines[1][1]
    assert said.err.splitlines() == [
        f"{photos / 'd.jpg'}: The file is not a picture.",
        f"{photos / 'e.png'}: No such file or directory",
        f"{photos}: is a folder; captions run takes folders",
    ]


def test_many_pictures_are_read_and_told_some_at_a_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given more pictures than are held together
    monkeypatch.setattr(network, "TOGETHER", 2)
    colours = ["red", "blue", "white", "black", "yellow"]
    for colour in colours:
        Image.new("RGB", (80, 60), colour).save(tmp_path / f"{colour}.png")
    reads: list[int] = []
    captioned = network._caption
    monkeypatch.setattr(
        network, "_caption", lambda *some: (reads.append(len(some[1])), captioned(*some))[1]
    )
    # When they are captioned
    code = caption(*(tmp_path / f"{colour}.png" for colour in colours))
    # Then some go after the others, and each has its own
    assert code == 0
    assert reads == [2, 2, 1]
    for colour, line in zip(colours, capsys.readouterr().out.splitlines(), strict=True):
        assert colour in line.split("\t")[1]


def test_a_checkpoint_that_is_not_there_is_refused_before_a_picture_is_read(
    photos: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(network, "_caption_all")
    assert main(["caption", "--checkpoint", "nowhere", str(photos / "a.png")]) == 1
    assert "nowhere: " in capsys.readouterr().err
