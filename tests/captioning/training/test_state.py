"""A run folder that is not this training's, or no longer whole: what is said, and what to do."""

from pathlib import Path

import pytest

from captioning.errors import TrainingError
from captioning.training.run_log import read_rows
from captioning.training.state import RunState
from captioning.training.train import train
from tests.captioning.training.tiny import CONFIG, make_tiny, tiny_learner, train_tiny


def test_a_folder_that_was_begun_from_another_checkpoint_is_refused(tmp_path: Path) -> None:
    # Given a run that began with some weights
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    first.write_bytes(b"first")
    second.write_bytes(b"second")
    RunState(tmp_path, first).save("fine_tune", 1, True, *tiny_learner(words=5))
    # When it is called again, then the same start goes on, and no other
    assert RunState(tmp_path, first).passes == 1
    for other in (second, None):
        with pytest.raises(TrainingError, match=r"begun from another checkpoint .*a new folder$"):
            RunState(tmp_path, other)


def test_a_damaged_state_is_named_with_what_to_do(tmp_path: Path) -> None:
    RunState(tmp_path).save("cross_entropy", 1, True, *tiny_learner(words=5))
    path = tmp_path / "state.safetensors"
    path.write_bytes(path.read_bytes()[:99])
    with pytest.raises(TrainingError, match=r"state\.safetensors: is damaged, .*; delete it to"):
        RunState(tmp_path)


def test_a_folder_of_another_kind_of_training_is_refused(tmp_path: Path) -> None:
    RunState(tmp_path).save("fine_tune", 1, True, *tiny_learner(words=5))
    with pytest.raises(TrainingError, match="a training with the stage fine_tune; choose a new"):
        RunState(tmp_path).require("tiny", ("cross_entropy", "self_critical"))


def test_another_name_in_a_used_folder_is_refused(tmp_path: Path) -> None:
    train_tiny(make_tiny(tmp_path))
    (tmp_path / "tiny.toml").write_text(CONFIG.replace('"tiny"', '"other"'))
    with pytest.raises(TrainingError, match=r"best: holds the checkpoint tiny, .* name is other"):
        train_tiny(tmp_path)


def test_a_checkpoint_that_is_gone_is_missed_before_the_training_goes_on(tmp_path: Path) -> None:
    RunState(tmp_path).save("cross_entropy", 1, True, *tiny_learner(words=5))
    with pytest.raises(TrainingError, match="the checkpoint tiny is gone; delete state"):
        RunState(tmp_path).require("tiny", ("cross_entropy",))


def test_a_start_of_other_sizes_is_refused_by_its_file(tmp_path: Path) -> None:
    run = train_tiny(make_tiny(tmp_path))
    start = f'start = "{run / "best/tiny"}"\n'
    (tmp_path / "tiny.toml").write_text(start + CONFIG.replace("memory = 4", "memory = 8"))
    sentence = r"tiny\.toml: start = .*its decoder\.safetensors does not fit the features or \[dec"
    with pytest.raises(TrainingError, match=sentence):
        train(tmp_path / "tiny.toml", tmp_path / "second", lambda _: None, print)


def test_a_line_of_the_log_that_is_broken_is_named(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"pass": 0}\n{"pass"\n')
    with pytest.raises(TrainingError, match=r"log\.jsonl, line 2: is not JSON .*; take the line"):
        read_rows(tmp_path)
