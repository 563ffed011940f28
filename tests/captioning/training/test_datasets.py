import json
from pathlib import Path

import pytest

from captioning.errors import DatasetError
from captioning.training.datasets import captions_of, read_captions, without_pictures

DOG = ("a", "dog", "runs")
KARPATHY = {
    "images": [
        {"filename": "1.jpg", "split": "train", "sentences": [{"raw": "A dog runs."}]},
        {"filename": "2.jpg", "split": "val", "sentences": [{"raw": "A cat."}]},
    ]
}
COCO = {
    "images": [{"id": 7, "file_name": "1.jpg"}],
    "annotations": [{"image_id": 7, "caption": "A dog runs."}],
}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("train.tsv", "1.jpg\tA dog runs .\n"),
        ("Flickr8k.token.txt", "1.jpg#0\tA dog runs .\n"),
        ("captions.txt", "image,caption\n1.jpg,A dog runs .\n"),
        ("dataset.json", json.dumps(KARPATHY)),
        ("captions_train.json", json.dumps(COCO)),
    ],
)
def test_every_published_form_is_read(tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    assert read_captions(file, split="train").by_picture == {"1.jpg": [DOG]}


def test_broken_lines_are_refused_by_number_and_the_others_read(tmp_path: Path) -> None:
    file = tmp_path / "train.tsv"
    file.write_text("1.jpg\tA dog runs\n2.jpg\n\tA cat\n", encoding="utf-8")
    captions = read_captions(file)
    assert list(captions.by_picture) == ["1.jpg"]
    assert [str(refusal).removeprefix(f"{file}, ") for refusal in captions.refused] == [
        "line 2: there is no tab between the picture's name and the caption",
        "line 3: names no picture",
    ]
    assert "1 captions of 1 pictures read, 2 refused" in captions.report()


def test_a_file_whose_every_line_is_refused_says_why_the_first_is(tmp_path: Path) -> None:
    file = tmp_path / "train.tsv"
    file.write_text("1.jpg A dog runs\n2.jpg A cat\n", encoding="utf-8")
    with pytest.raises(DatasetError, match="2 lines were refused, first line 1: there is no tab"):
        read_captions(file)


@pytest.mark.parametrize(
    "before", ["1.jpg\tA dog\n\n", "image,caption\r\n1.jpg,A dog\r\n", '{"images":\n[\n']
)
def test_a_line_that_is_not_utf_8_is_named(tmp_path: Path, before: str) -> None:
    file = tmp_path / "captions.txt"
    file.write_bytes(before.encode() + "2.jpg\tA café".encode("latin-1"))
    with pytest.raises(DatasetError, match=r"captions\.txt, line 3: is not in UTF-8; save"):
        read_captions(file)


def test_a_csv_whose_quote_never_ends_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "captions.txt"
    file.write_text('image,caption\n1.jpg,"' + "A dog runs " * 20_000, encoding="utf-8")
    with pytest.raises(DatasetError, match=r"captions\.txt, line 2: is not CSV"):
        read_captions(file)


def test_a_split_file_chooses_the_pictures(tmp_path: Path) -> None:
    file, names = tmp_path / "all.tsv", tmp_path / "names.txt"
    file.write_text("1.jpg\tA dog\n2.jpg\tA cat\n", encoding="utf-8")
    names.write_text("2.jpg\n", encoding="utf-8")
    assert list(read_captions(file, names=names).by_picture) == ["2.jpg"]


def test_a_caption_without_picture_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "all.tsv"
    file.write_text("1.jpg\tA dog\n2.jpg\tA cat\n", encoding="utf-8")
    captions = without_pictures(read_captions(file), ["1.jpg"], file)
    assert list(captions.by_picture) == ["1.jpg"]
    assert str(captions.refused[0]) == f"{file}, line 2: there is no picture 2.jpg"


def test_a_picture_of_the_same_name_in_another_split_takes_no_caption_away(tmp_path: Path) -> None:
    file = tmp_path / "dev.tsv"
    file.write_text("1.jpg\tA dog runs\n2.jpg\tA cat\n", encoding="utf-8")
    captions = captions_of(file, "dev", {"train": ["1.jpg", "2.jpg"], "dev": ["1.jpg"]})
    assert captions.by_picture == {"1.jpg": [DOG]}
    assert captions.refused == []


@pytest.mark.parametrize("text", ["", "{", '{"images": 3}', '{"a":' * 9_999])
def test_a_file_without_captions_is_refused_by_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "captions.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match=r"captions\.json"):
        read_captions(file)
