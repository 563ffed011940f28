"""What lies in a run folder beside the checkpoint."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from captioning.errors import DatasetError
from captioning.scripted import ScriptedCaptioner
from captioning.training import samples
from captioning.training.board import FOLDER, Board
from captioning.training.config import DataConfig, TrainingConfig
from captioning.training.stages import Progress
from tests.captioning.training.drawn import draw_dataset
from tests.captioning.training.tiny import make_tiny, train_tiny


def events(run: Path) -> Iterator[tuple[str, int, float]]:
    """Name, step and value of everything that TensorBoard would show."""
    for file in sorted((run / FOLDER).iterdir()):
        for record in tf.data.TFRecordDataset(str(file)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                assert value.metadata.plugin_data.plugin_name == "scalars"
                yield value.tag, event.step, float(tf.make_ndarray(value.tensor))


def log(run: Path, **row: Any) -> None:
    with (run / "log.jsonl").open("a") as stream:
        stream.write(json.dumps(row) + "\n")


def test_tensorboard_gets_every_tenth_step_and_every_pass(tmp_path: Path) -> None:
    # Given a run that goes on after a pass that was written about before
    log(tmp_path, stage="cross_entropy", **{"pass": 0, "loss": 5.0})
    step = Progress("cross_entropy", 1, 10, 40, 2.5, 0.0)
    with closing(Board(tmp_path)) as board:
        # When steps are reported, and a pass ends
        board.step(replace(step, step=9))
        board.step(step)
        log(tmp_path, stage="cross_entropy", **{"pass": 1, "loss": 2.0, "CIDEr-D": 0.5})
    # Then these are the events
    assert set(events(tmp_path)) == {
        ("cross_entropy/step", 50, 2.5),
        ("cross_entropy/loss", 2, 2.0),
        ("cross_entropy/CIDEr-D", 2, 0.5),
    }


@pytest.fixture
def config(tmp_path: Path) -> TrainingConfig:
    draw_dataset(tmp_path / "drawn", copies=1)
    data = DataConfig(tmp_path, tmp_path / "drawn/train.tsv", tmp_path / "drawn/dev.tsv")
    return TrainingConfig("drawn", data, encoder={}, decoder={})


def test_the_sample_sheet_shows_pictures_references_and_captions(
    config: TrainingConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a run whose checkpoint names colours
    asked = []
    monkeypatch.setattr(
        samples, "load_captioner", lambda place: asked.append(place) or ScriptedCaptioner()
    )
    # When the sheet is written
    page = samples.write_samples(config, tmp_path).read_text()
    # Then it has some pictures, what was said of them, and what is true
    assert asked == [tmp_path / "best/drawn"]
    assert page.count("<article>") == page.count("data:image/jpeg;base64,") == samples.NUMBER
    assert "a mostly " in page
    line = (tmp_path / "drawn/dev.tsv").read_text().splitlines()[0]
    assert line.split("\t")[1].split()[0] in page


def test_without_pictures_beside_the_captions_there_is_a_sentence(
    config: TrainingConfig, tmp_path: Path
) -> None:
    alone = tmp_path / "alone/dev.tsv"
    alone.parent.mkdir()
    alone.write_text("a.jpg\ta dog\n")
    config = replace(config, data=replace(config.data, dev=alone))
    with pytest.raises(DatasetError, match="pictures"):
        samples.write_samples(config, tmp_path)


def test_a_run_folder_says_how_the_training_went(tmp_path: Path) -> None:
    run = train_tiny(make_tiny(tmp_path))
    assert {path.name for path in run.iterdir()} == {
        "best",
        "config.json",
        "curves.png",
        "dev.refused.json",
        "log.jsonl",
        "metrics.json",
        "model_plot.png",
        "reliability.png",
        "state.safetensors",
        "train.refused.json",
    }
    # The metrics are those of the checkpoint, to the letter
    kept = run / "best" / "tiny" / "metrics.json"
    assert (run / "metrics.json").read_bytes() == kept.read_bytes()


def test_a_training_tells_what_it_could_not_use_and_keeps_the_list(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given an empty caption, one without a picture, one whose picture could not be encoded, and
    # one of another split
    work = make_tiny(tmp_path)
    with (work / "train.tsv").open("a") as file:
        file.write("train-0.png\t\ngone.png\ta dog\nbroken.png\ta cat\ndev-0.png\ta cat\n")
    refused = [{"name": "broken.png", "reason": "image file is truncated"}]
    (work / "features" / "train.refused.json").write_text(json.dumps(refused))
    # When a decoder is trained
    run = train_tiny(work)
    # Then it says so by file and line, and all of it lies in the run folder
    file = str(work / "train.tsv")
    expected = {
        9: "the caption of train-0.png has no word",
        10: "there is no picture gone.png",
        11: "the picture broken.png cannot be read: image file is truncated",
    }
    assert json.loads((run / "train.refused.json").read_text()) == [
        {"file": file, "place": line, "reason": reason} for line, reason in expected.items()
    ]
    told = capsys.readouterr().out
    assert "train: 8 captions of 8 pictures read, 3 refused" in told
    for line, reason in expected.items():
        assert f"{file}, line {line}: {reason}" in told
    assert "dev: 8 captions of 8 pictures read, 0 refused" in told
