"""What is said of features that are missing, broken, or of another kind than the rest."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from captioning.encoder.encoder import pretrained
from captioning.errors import DatasetError, FeaturesError
from captioning.training.examples import load_examples
from captioning.training.feature_files import ViewWriter
from captioning.training.features import encode_dataset
from tests.captioning.training.disk import room_for
from tests.captioning.training.tiny import CONFIG, make_tiny, train_tiny


@pytest.fixture
def work(tmp_path: Path) -> Path:
    return make_tiny(tmp_path)


def test_a_picture_without_caption_is_named(work: Path) -> None:
    lines = (work / "train.tsv").read_text().splitlines(keepends=True)
    (work / "train.tsv").write_text("".join(lines[1:]))
    with pytest.raises(DatasetError, match=r"1 pictures have no caption, first train-0\.png"):
        train_tiny(work)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "cannot be read"), (b"", "cannot be read"), (np.zeros((7, 4, 8)), "has shape")],
)
def test_a_view_that_is_missing_or_broken_is_named(work: Path, content: Any, reason: str) -> None:
    path = work / "features" / "train.grid.npy"
    path.unlink()
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        np.save(path, content)
    captions = {f"train-{i}.png": [("a", "dog")] for i in range(8)}
    with pytest.raises(DatasetError, match=rf"train\.grid\.npy: {reason}"):
        load_examples(work / "features", ["train"], captions)


def test_a_full_disk_stops_the_encoding_where_it_goes_on_later(tmp_path: Path) -> None:
    # Given features of one picture, and room for no more
    grid = np.ones((1, 4, 50), np.float16)
    writer = ViewWriter(tmp_path, "train", 4, 50)
    writer.append(["1.png"], grid)
    with (
        room_for(700),
        pytest.raises(FeaturesError, match=r"grid\.npy\.partial: cannot be written"),
    ):
        writer.append(["2.png"], grid)
    writer.close()
    # When there is room again
    writer = ViewWriter(tmp_path, "train", 4, 50)
    assert writer.names == ["1.png"]
    writer.append(["2.png"], grid * 2)
    writer.complete()
    # Then nothing of the broken row is left
    assert np.load(tmp_path / "train.grid.npy").mean(axis=(1, 2)).tolist() == [1, 2]


def test_features_of_another_encoder_are_refused_and_the_checkpoint_stays(work: Path) -> None:
    # Given a finished run on features that say where they come from
    manifest = {"encoder": {"name": "none", "input_size": 260}, "dtype": "float16"}
    (work / "features/manifest.json").write_text(json.dumps(manifest))
    encoder = '[encoder]\nname = "none"'
    (work / "tiny.toml").write_text(CONFIG.replace(encoder, f"{encoder}\ninput_size = 260"))
    best = train_tiny(work) / "best/tiny"
    before = {path.name: path.read_bytes() for path in best.iterdir()}
    # When the config names another size
    (work / "tiny.toml").write_text(CONFIG.replace(encoder, f"{encoder}\ninput_size = 224"))
    # Then it is refused before anything is written
    with pytest.raises(FeaturesError, match=r"manifest\.json: .*260 as input_size.*224"):
        train_tiny(work)
    assert {path.name: path.read_bytes() for path in best.iterdir()} == before


def test_features_that_are_not_there_are_named_with_the_command_that_makes_them(
    work: Path,
) -> None:
    (work / "features").rename(work / "elsewhere")
    command = rf"captions encode DATASET -o {work / 'features'}$"
    with pytest.raises(FeaturesError, match=rf"features: there are no features; make .*{command}"):
        train_tiny(work)


def test_features_that_are_still_being_made_are_not_complete(work: Path) -> None:
    (work / "features/dev.grid.npy").rename(work / "features/dev.grid.npy.partial")
    with pytest.raises(FeaturesError, match="features: its features are not complete; repeat"):
        train_tiny(work)


@pytest.mark.parametrize(
    ("views", "sentence"),
    [
        (["train", "train_crop"], "no view train_crop, only dev, train; .* --views crop$"),
        (["crop"], "no view crop, only dev, train; a view has the name of its split first"),
        (["test"], "no view test, only dev, train; .* of a set that has test"),
    ],
)
def test_a_view_that_there_is_not_is_named_with_those_that_there_are(
    work: Path, views: list[str], sentence: str
) -> None:
    (work / "tiny.toml").write_text(CONFIG.replace("[data]", f"[data]\nviews = {views}"))
    with pytest.raises(FeaturesError, match=f"features: has {sentence}"):
        train_tiny(work)


def test_views_of_other_sizes_are_refused_before_they_are_learnt_from(work: Path) -> None:
    np.save(work / "features/train_flip.grid.npy", np.ones((8, 9, 8), np.float16))
    views = '[data]\nviews = ["train", "train_flip"]'
    (work / "tiny.toml").write_text(CONFIG.replace("[data]", views))
    with pytest.raises(DatasetError, match=r"train_flip\.grid\.npy: has 9 cells of 8 channels"):
        train_tiny(work)


@pytest.mark.parametrize("name", ["manifest", "train.names", "train.refused"])
@pytest.mark.parametrize("content", ["[{", '"text"'])
def test_a_broken_file_of_features_is_named(work: Path, name: str, content: str) -> None:
    (work / f"features/{name}.json").write_text(content)
    with pytest.raises(FeaturesError, match=rf"{name}\.json: .*; encode anew, into another"):
        train_tiny(work)


def test_another_file_of_encoder_weights_than_that_of_the_features_is_named(work: Path) -> None:
    # Given features of an encoder's file
    weights = {"source": "file", "file": "encoder.safetensors", "sha256": "12ab"}
    manifest = {"encoder": {"name": "none", "weights": weights}}
    (work / "features/manifest.json").write_text(json.dumps(manifest))
    # When the config names one that is not whole
    (work / "cut.safetensors").write_bytes(b"half")
    named = 'name = "none"\nweights = {source = "file", file = "cut.safetensors"}'
    (work / "tiny.toml").write_text(CONFIG.replace('name = "none"', named))
    # Then it is said in words, and not in two hashes
    with pytest.raises(FeaturesError, match=r"manifest\.json: .*or that was cut short or changed"):
        train_tiny(work)


def test_train_is_not_encoded_without_whole_pictures(tmp_path: Path) -> None:
    (tmp_path / "set/train").mkdir(parents=True)
    encoder = pretrained("efficientnet-lite0")
    with pytest.raises(FeaturesError, match="no whole pictures of train yet; add whole to --views"):
        encode_dataset(tmp_path / "set", tmp_path / "out", encoder, lambda _: None, ["flip"])
    assert not (tmp_path / "out").exists()
