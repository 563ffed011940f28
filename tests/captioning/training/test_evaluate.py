"""What an evaluation reads, and what it leaves alone."""

import json
from pathlib import Path

import pytest
from PIL import Image

from captioning.errors import DatasetError, OutputError
from captioning.training.evaluate import evaluate

COLOURS = ("red", "blue", "lime", "yellow")


def published(folder: Path) -> Path:
    """A data set as Flickr8k is published: one file of captions, a list for each split."""
    (folder / "pictures").mkdir(parents=True)
    lines = []
    for number, colour in enumerate(COLOURS):
        Image.new("RGB", (80, 60), colour).save(folder / f"pictures/{number}.jpg")
        lines += [f"{number}.jpg#{place}\ta mostly {colour} picture" for place in range(5)]
    (folder / "Flickr8k.token.txt").write_text("\n".join(lines))
    (folder / "Flickr_8k.trainImages.txt").write_text("0.jpg\n1.jpg\n")
    (folder / "Flickr_8k.devImages.txt").write_text("2.jpg\n3.jpg\n")
    return folder


def test_pictures_of_other_splits_are_not_missed(tmp_path: Path) -> None:
    evaluation = evaluate("scripted:", published(tmp_path / "set"), split="dev")

    assert evaluation.pictures == 2
    assert evaluation.report == "10 captions of 2 pictures read, 0 refused"


def test_pictures_and_captions_that_cannot_be_used_are_told_and_listed(tmp_path: Path) -> None:
    # Given a picture that is none, one that nobody described, and a caption without words
    dataset = published(tmp_path / "set")
    (dataset / "pictures/4.jpg").write_bytes(b"no picture")
    (dataset / "pictures/5.jpg").write_bytes((dataset / "pictures/2.jpg").read_bytes())
    (dataset / "Flickr_8k.devImages.txt").write_text("2.jpg\n3.jpg\n4.jpg\n5.jpg\n")
    with (dataset / "Flickr8k.token.txt").open("a") as file:
        file.write("\n4.jpg#0\ta cat\n3.jpg#5\t\n")
    # When the others are judged
    evaluation = evaluate("scripted:", dataset, split="dev", output=tmp_path / "out")
    # Then each of them is named
    assert evaluation.pictures == 2
    told = evaluation.report.splitlines()
    tokens = dataset / "Flickr8k.token.txt"
    assert told[0] == "10 captions of 2 pictures read, 3 refused"
    assert told[1] == f"  {tokens}, line 22: the caption of 3.jpg has no word"
    assert told[2] == f"  {tokens}: the picture 5.jpg has no caption"
    reason = "it is no picture of a kind that can be read, such as JPEG or PNG"
    assert told[3] == f"  {tokens}, line 21: the picture 4.jpg cannot be read: {reason}"
    listed = json.loads((tmp_path / "out/dev.refused.json").read_text())
    assert [entry["place"] for entry in listed] == [22, 0, 21]


def test_a_folder_that_cannot_be_written_is_found_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("a file")
    steps: list[int] = []
    with pytest.raises(OutputError, match=r"notes/out: cannot be written: .*notes is a file; "):
        evaluate(
            "scripted:",
            published(tmp_path / "set"),
            output=tmp_path / "notes/out",
            advance=lambda done, _: steps.append(done),
        )
    assert steps == []


def test_where_nothing_can_be_used_the_first_reason_is_told(tmp_path: Path) -> None:
    dataset = published(tmp_path / "set")
    (dataset / "Flickr8k.token.txt").write_text("9.jpg#0\ta cat\n")
    with pytest.raises(DatasetError, match=r"can be read; first refused: .*the picture 2\.jpg has"):
        evaluate("scripted:", dataset, split="dev")
