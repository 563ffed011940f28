"""What a training says of input that it cannot use, and what it leaves alone then."""

from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from captioning.checkpoint import CheckpointConfig, save_checkpoint
from captioning.confidence import Calibration
from captioning.decoder import make_decoder
from captioning.errors import (
    CaptioningError,
    DivergedError,
    OutputError,
    SettingError,
    TrainingError,
)
from captioning.explain import explain
from captioning.network import NetworkCaptioner
from captioning.pictures import pixels_of
from captioning.search_rules import SearchRules
from captioning.training.joint import JointLearner
from captioning.training.state import RunState
from captioning.vocabulary import MARKS, Vocabulary
from tests.captioning.training.disk import room_for
from tests.captioning.training.tiny import CONFIG, SIZES, make_tiny, tiny_learner, train_tiny


@pytest.fixture
def work(tmp_path: Path) -> Path:
    return make_tiny(tmp_path)


def test_features_that_are_no_numbers_end_the_training_and_change_no_file(work: Path) -> None:
    grid = np.full((8, 4, 8), np.nan, np.float16)
    np.save(work / "features" / "train.grid.npy", grid)
    with pytest.raises(DivergedError, match="no longer a number"):
        train_tiny(work)
    assert not (work / "run" / "state.safetensors").exists()
    assert not (work / "run" / "best").exists()


def test_a_better_checkpoint_is_never_replaced_by_a_worse_one(work: Path) -> None:
    # Given a checkpoint that says to be better than any that this training makes
    train_tiny(work)
    best = work / "run" / "best" / "tiny"
    before = (best / "decoder.safetensors").read_bytes()
    (best / "metrics.json").write_text('{"CIDEr-D": 99.0}')
    # When the training is begun anew in its folder with another seed, its state having been lost
    (work / "run" / "state.safetensors").unlink()
    (work / "tiny.toml").write_text("seed = 2\n" + CONFIG)
    train_tiny(work)
    # Then it stays
    assert (best / "decoder.safetensors").read_bytes() == before


def test_a_checkpoint_that_does_not_say_how_good_it_is_is_not_replaced_either(work: Path) -> None:
    folder = work / "run" / "best" / "tiny"
    folder.mkdir(parents=True)
    (folder / "metrics.json").write_text("{}")
    with pytest.raises(TrainingError, match=r"metrics\.json: says no CIDEr-D"):
        train_tiny(work)


def test_a_run_does_not_go_on_with_another_vocabulary(work: Path) -> None:
    # Given a run that stopped after a pass over five words
    keras.utils.set_random_seed(1)
    learner, optimizer = tiny_learner(words=5)
    RunState(work).save("cross_entropy", 1, True, learner, optimizer)
    # When the captions have changed, and it is called again
    learner, optimizer = tiny_learner(words=6)
    # Then it says so instead of filling one word's weights into another's
    with pytest.raises(TrainingError, match=r"state\.safetensors: this run was begun with another"):
        RunState(work).resume("cross_entropy", learner, optimizer)


def test_a_run_folder_that_is_a_file_is_named(work: Path) -> None:
    (work / "run").write_text("a file")
    with pytest.raises(OutputError, match=r"run: cannot be written: .*run is a file; choose an"):
        train_tiny(work)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("features", "it is a folder"),
        ("none/a.png", "make this folder"),
        ("no/a.png", "no is a file"),
    ],
)
def test_a_drawing_that_cannot_be_written_says_why_before_it_is_made(
    work: Path, name: str, reason: str
) -> None:
    (work / "no").write_text("a file")
    with pytest.raises(OutputError, match=f"{name}: cannot be written: .*{reason}"):
        explain(work / "picture.png", "no-such-checkpoint", work / name)


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "No such file"), (b"<svg/>", "it is no picture of a kind")]
)
def test_what_is_no_picture_cannot_be_explained_and_is_named(
    work: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, reason: str
) -> None:
    captioner = SimpleNamespace(prepare=lambda picture: pixels_of(picture, 64))
    monkeypatch.setattr(NetworkCaptioner, "load", lambda *_, **__: captioner)
    if content:
        (work / "a.svg").write_bytes(content)
    with pytest.raises(CaptioningError, match=rf"a\.svg: cannot be read: {reason}"):
        explain(work / "a.svg", "any", work / "a.png")


def test_a_full_disk_is_named_and_the_last_state_stays(work: Path) -> None:
    learner, optimizer = tiny_learner(words=5)
    RunState(work).save("cross_entropy", 1, True, learner, optimizer)
    with room_for(1000), pytest.raises(OSError, match=r"state\.safetensors cannot be written"):
        RunState(work).save("cross_entropy", 2, True, learner, optimizer)
    assert RunState(work).passes == 1


def test_a_full_disk_leaves_the_last_checkpoint_as_it_was(work: Path) -> None:
    config = CheckpointConfig(
        "tiny", {"name": "none"}, SIZES, 4, SearchRules(), Calibration.uncalibrated()
    )
    vocabulary = Vocabulary((*MARKS, "a"))
    save_checkpoint(work / "tiny", config, vocabulary, make_decoder(SIZES, 4), {})
    before = {path.name: path.read_bytes() for path in (work / "tiny").iterdir()}
    with room_for(1000), pytest.raises(OSError, match=r"decoder\.safetensors cannot be written"):
        save_checkpoint(work / "tiny", config, vocabulary, make_decoder(SIZES, 4), {})
    assert {path.name: path.read_bytes() for path in (work / "tiny").iterdir()} == before


def test_layers_to_freeze_that_there_are_not_are_named() -> None:
    with pytest.raises(SettingError, match="no layer of tiny begins with '_conv_stam'"):
        JointLearner(
            SIZES, 4, network=_named_tiny(), policy="float32", frozen=("_conv_stam",), seed=1
        )


def _named_tiny() -> keras.Model:
    picture = keras.Input((8, 8, 3), dtype="uint8")
    grid = keras.layers.Conv2D(4, 2, 4, name="conv")(keras.layers.Rescaling(1.0)(picture))
    return keras.Model(picture, grid, name="tiny")
