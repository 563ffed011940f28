"""An encoder from nothing, with the command, on pictures that we draw and a small teacher."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from captioning.encoder.folding import fold, pairs, unfold
from captioning.encoder.weights import load_weights, save_weights
from captioning.training.pretrain.student import build_student
from cli.__main__ import main
from tests.captioning.drawing import drawn_picture
from tests.captioning.training.commands import kill_at
from tests.captioning.training.drawn import draw_dataset

CONFIG = """
[data]
dataset = "drawn"
minimum_count = 2
[teacher]
encoder = "efficientnet-lite0"
input_size = 64
views = 2
components = 16
[student]
width = 8
blocks = [1, 1, 1, 1]
[[rounds]]
size = 32
passes = 1
batch = 30
[[rounds]]
size = 64
passes = 2
batch = 30
[learning]
rate = 3e-3
save_every = 2
"""

FIRST_ROUND = CONFIG[CONFIG.index("[[rounds]]\nsize = 32") : CONFIG.index("[[rounds]]\nsize = 64")]
SHORT = CONFIG.replace(FIRST_ROUND, "").replace("passes = 2", "passes = 1")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set, a config, and a run that went through without a stop."""
    folder = tmp_path_factory.mktemp("pretrain")
    draw_dataset(folder / "drawn", copies=1)
    (folder / "small.toml").write_text(CONFIG)
    (folder / "short.toml").write_text(SHORT)
    (folder / "absurd.toml").write_text(
        SHORT.replace("rate = 3e-3", "rate = 1e38").replace("save_every = 2", "")
    )
    assert main(["pretrain", str(folder / "small.toml"), "-o", str(folder / "whole")]) == 0
    return folder


@pytest.fixture
def run(work: Path, tmp_path: Path) -> Path:
    """A copy of that run, to be spoilt."""
    return shutil.copytree(work / "whole", tmp_path / "run")


def log_of(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def test_a_student_comes_nearer_to_its_teacher_and_finds_words(work: Path) -> None:
    rows = log_of(work / "whole")
    assert [row["size"] for row in rows] == [32, 64, 64]
    assert rows[-1]["distance"] < rows[0]["distance"]
    assert rows[-1]["average_precision"] > rows[0]["average_precision"]
    best = max(row["average_precision"] for row in rows)
    assert json.loads((work / "whole" / "metrics.json").read_text())["average_precision"] == best
    assert rows[-1]["parts"]["words"] < rows[0]["parts"]["words"]
    assert (work / "whole" / "curves.png").read_bytes().startswith(b"\x89PNG")
    encoder = json.loads((work / "whole" / "encoder.json").read_text())
    assert encoder["weights"]["file"] == "encoder.safetensors"


def test_a_killed_pretraining_ends_with_the_weights_of_one_that_was_not(
    work: Path, tmp_path: Path
) -> None:
    # Given a run that was killed while the teacher was asked, and in the middle of a pass
    run, command = tmp_path / "run", ("pretrain", work / "small.toml", "-o", tmp_path / "run")
    kill_at("teacher, train-1 96 of", *command)
    assert not (run / "targets" / "0" / "train-1.complete").exists()
    kill_at("pass 2 of 3, step 4", *command)
    assert len(log_of(run)) == 1
    # When it goes on
    assert main([str(word) for word in command]) == 0
    # Then all is equal to the whole run's, bit by bit
    files = ["state.safetensors", "encoder.safetensors", "targets/standard.safetensors"]
    for file in files:
        one, other = load_file(run / file), load_file(work / "whole" / file)
        assert one.keys() == other.keys()
        for name, tensor in one.items():
            assert tensor.tobytes() == other[name].tobytes(), f"{file}: {name}"
    for path in (work / "whole" / "targets" / "0").iterdir():
        assert (run / "targets" / "0" / path.name).read_bytes() == path.read_bytes(), path.name


def test_a_start_that_was_fine_tuned_is_not_lost(work: Path, tmp_path: Path) -> None:
    # Given the run's encoder as a fine-tuning would write it, without statistics
    size, usual = 64, build_student(8, (1, 1, 1, 1))
    load_weights(usual, work / "whole" / "encoder.safetensors")
    picture = (drawn_picture(size)[np.newaxis].astype(np.float32) - 127) / 64
    expected = usual(picture, training=False)["grid"].numpy()
    for convolution, norm in pairs(usual):
        unfold(convolution, norm, *fold(convolution, norm))
    save_weights(usual, tmp_path / "tuned.safetensors")
    # When a pretraining that hardly moves begins with it
    config = tmp_path / "again.toml"
    start = f'[student]\nstart = "{tmp_path / "tuned.safetensors"}"'
    slow = SHORT.replace("rate = 3e-3", "rate = 1e-7").replace("[student]", start)
    config.write_text(slow.replace('"drawn"', f'"{work / "drawn"}"'))
    assert main(["pretrain", str(config), "-o", str(tmp_path / "run")]) == 0
    # Then what it keeps still sees nearly the same
    kept = build_student(8, (1, 1, 1, 1))
    load_weights(kept, tmp_path / "run" / "encoder.safetensors")
    seen = kept(picture, training=False)["grid"].numpy()
    assert np.abs(seen - expected).mean() < 0.25 * np.abs(expected).mean()


def test_a_start_that_does_not_fit_is_refused_before_the_teacher_is_asked(
    work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given the weights of a narrower student
    save_weights(build_student(4, (1, 1, 1, 1)), tmp_path / "narrow.safetensors")
    config = work / "narrow.toml"
    start = f'[student]\nstart = "{tmp_path / "narrow.safetensors"}"'
    config.write_text(CONFIG.replace("[student]", start))
    # When a pretraining is to begin with them
    assert main(["pretrain", str(config), "-o", str(tmp_path / "run")]) == 1
    # Then it says so, and nobody has waited for the teacher
    assert "narrow.safetensors" in capsys.readouterr().err
    assert not (tmp_path / "run" / "targets").exists()


def test_a_better_encoder_is_never_replaced_by_a_worse_one(work: Path, run: Path) -> None:
    # Given an encoder that says to be better than any that this training makes
    before = (run / "encoder.safetensors").read_bytes()
    (run / "metrics.json").write_text('{"average_precision": 0.999}')
    # When the training is begun anew in its folder, its state having been lost
    (run / "state.safetensors").unlink()
    assert main(["pretrain", str(work / "short.toml"), "-o", str(run)]) == 0
    # Then it stays
    assert (run / "encoder.safetensors").read_bytes() == before


def test_an_encoder_of_unknown_quality_is_not_replaced_either(
    work: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "metrics.json").unlink()
    assert main(["pretrain", str(work / "small.toml"), "-o", str(run)]) == 1
    assert "does not say how good encoder.safetensors is" in capsys.readouterr().err


def test_a_loss_that_is_no_number_ends_the_training_and_changes_no_file(
    work: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a run that is to go on with an absurd rate
    kept = {name: (run / name).read_bytes() for name in ("encoder.safetensors", "metrics.json")}
    (run / "state.safetensors").unlink()
    # When it does
    assert main(["pretrain", str(work / "absurd.toml"), "-o", str(run)]) == 1
    # Then one sentence says what happened, and nothing was saved
    assert "no longer a number" in capsys.readouterr().err
    assert not (run / "state.safetensors").exists()
    assert {name: (run / name).read_bytes() for name in kept} == kept


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("width = 8", "width = 16"), "begun with another student"),
        (("\nsize = 64", "\nsize = 96"), "another size"),
        (("batch = 30", "batch = 3000"), "toml: [[rounds]] 1, batch = 3000: choose 1 to 211, as"),
    ],
)
def test_a_config_that_does_not_fit_is_refused_in_a_sentence(
    work: Path,
    run: Path,
    capsys: pytest.CaptureFixture[str],
    change: tuple[str, str],
    sentence: str,
) -> None:
    config = work / "changed.toml"
    config.write_text(CONFIG.replace(*change))
    assert main(["pretrain", str(config), "-o", str(run)]) == 1
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("count = 2", "count = 999"), "[data] minimum_count = 999: no word stands in so many"),
        (("-lite0", "-lite9"), '[teacher] encoder = "efficientnet-lite9": choose one of'),
    ],
)
def test_a_setting_that_only_the_pictures_refuse_is_named_with_its_file(
    work: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: tuple[str, str],
    sentence: str,
) -> None:
    config = work / "changed.toml"
    config.write_text(CONFIG.replace(*change))
    assert main(["pretrain", str(config), "-o", str(tmp_path / "run")]) == 1
    assert f"{config}: {sentence}" in capsys.readouterr().err
