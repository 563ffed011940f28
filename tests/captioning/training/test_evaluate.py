"""What an evaluation reads, and what it leaves alone."""

from pathlib import Path

from PIL import Image

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
