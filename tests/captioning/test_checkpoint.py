import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from captioning.checkpoint import Checkpoint, CheckpointConfig, round_off, save_checkpoint
from captioning.confidence import Calibration
from captioning.decoder import make_decoder
from captioning.decoder.config import DecoderConfig
from captioning.errors import CheckpointError
from captioning.search_rules import SearchRules
from captioning.vocabulary import MARKS, Vocabulary


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A complete checkpoint of a tiny decoder."""
    sizes = DecoderConfig("attend", 6, 4, word_vector=4, memory=4, values=4, heads=2)
    config = CheckpointConfig(
        "tiny", {"name": "none"}, sizes, 4, SearchRules(), Calibration.uncalibrated()
    )
    vocabulary = Vocabulary((*MARKS, "a", "dog"))
    save_checkpoint(tmp_path / "tiny", config, vocabulary, make_decoder(sizes, 4), {})
    return tmp_path / "tiny"


def edit_config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_checkpoint_comes_back_as_it_was_saved(folder: Path) -> None:
    weights = load_file(folder / "decoder.safetensors")
    decoder = Checkpoint.open(folder).load_decoder()
    for weight in decoder.weights:
        np.testing.assert_array_equal(weight.numpy(), weights[weight.path].astype(np.float32))


def test_a_rounded_decoder_comes_back_to_half_a_step_from_a_file_of_half_the_size(
    tmp_path: Path,
) -> None:
    sizes = DecoderConfig("attend", 400, 60, word_vector=40, memory=40, values=40, heads=2)
    config = CheckpointConfig("r", {}, sizes, 4, SearchRules(), Calibration.uncalibrated())
    decoder = make_decoder(sizes, 4)
    words = Vocabulary((*MARKS, *map(str, range(396))))
    save_checkpoint(tmp_path / "rounded", config, words, decoder, {}, rounded=True)
    save_checkpoint(tmp_path / "plain", config, words, decoder, {})
    back = Checkpoint.open(tmp_path / "rounded").load_decoder()
    for weight, before in zip(back.weights, decoder.weights, strict=True):
        off = np.abs(weight.numpy() - before.numpy()).max()
        assert off <= np.abs(before.numpy()).max() / 127 * 0.51
    rounded, plain = (
        (tmp_path / name / "decoder.safetensors").stat().st_size for name in ("rounded", "plain")
    )
    assert rounded < 0.6 * plain


@pytest.mark.parametrize("rounded", [True, False])
def test_rounded_off_a_decoder_is_what_its_file_will_hold(folder: Path, rounded: bool) -> None:
    checkpoint = Checkpoint.open(folder)
    decoder = make_decoder(checkpoint.config.decoder, 4)
    round_off(decoder, rounded=rounded)
    save_checkpoint(folder, checkpoint.config, checkpoint.vocabulary, decoder, {}, rounded=rounded)
    back = Checkpoint.open(folder).load_decoder()
    for weight, judged in zip(back.weights, decoder.weights, strict=True):
        np.testing.assert_allclose(weight.numpy(), judged.numpy(), rtol=1e-6)


def test_steps_of_nothing_are_refused(folder: Path) -> None:
    weights = load_file(folder / "decoder.safetensors")
    name = next(name for name, tensor in weights.items() if tensor.ndim == 2)
    weights[f"{name}.steps"] = np.ones((3, 1), np.float32)
    save_file(weights, folder / "decoder.safetensors")
    with pytest.raises(CheckpointError, match=f"{name}.steps are steps of nothing"):
        Checkpoint.open(folder).load_decoder()


def test_integers_without_their_steps_are_refused(folder: Path) -> None:
    weights = load_file(folder / "decoder.safetensors")
    name = next(name for name, tensor in weights.items() if tensor.ndim == 2)
    weights[name] = weights[name].astype(np.int8)
    save_file(weights, folder / "decoder.safetensors")
    with pytest.raises(CheckpointError, match=f"{name} is in steps"):
        Checkpoint.open(folder).load_decoder()


def test_the_hash_follows_the_weights(folder: Path) -> None:
    before = Checkpoint.open(folder).sha256
    weights = load_file(folder / "decoder.safetensors")
    save_file(
        {name: tensor + 1 for name, tensor in weights.items()}, folder / "decoder.safetensors"
    )
    assert Checkpoint.open(folder).sha256 != before


@pytest.mark.parametrize("file", ["config.json", "vocabulary.json", "metrics.json"])
def test_a_missing_file_is_named(folder: Path, file: str) -> None:
    (folder / file).unlink()
    with pytest.raises(CheckpointError, match=file):
        Checkpoint.open(folder)


def test_a_vocabulary_of_another_length_is_refused(folder: Path) -> None:
    (folder / "vocabulary.json").write_text(json.dumps([*MARKS, "a"]))
    with pytest.raises(CheckpointError, match=r"vocabulary\.json: has 5 words.*made for 6"):
        Checkpoint.open(folder)


@pytest.mark.parametrize(
    "changes", [{"format": 2}, {"decoder": {}}, {"search": {"x": 1}}, {"calibration": {}}]
)
def test_a_config_that_makes_no_sense_is_refused(folder: Path, changes: dict[str, Any]) -> None:
    edit_config(folder, **changes)
    with pytest.raises(CheckpointError, match=r"config\.json"):
        Checkpoint.open(folder)


@pytest.mark.parametrize(
    ("tensor", "reason"),
    [
        (None, "lacks attend/word_bias"),
        (np.zeros(7, np.float16), "shape"),
        (np.full(6, np.nan, np.float16), "no numbers"),
    ],
)
def test_weights_that_do_not_fit_are_refused(folder: Path, tensor: Any, reason: str) -> None:
    path = folder / "decoder.safetensors"
    weights = load_file(path)
    del weights["attend/word_bias"]
    save_file(weights if tensor is None else {**weights, "attend/word_bias": tensor}, path)
    with pytest.raises(CheckpointError, match=reason):
        Checkpoint.open(folder).load_decoder()


def test_a_file_that_was_cut_short_is_named_with_what_to_do(folder: Path) -> None:
    path = folder / "decoder.safetensors"
    path.write_bytes(path.read_bytes()[:99])
    with pytest.raises(CheckpointError, match=r"decoder\.safetensors: is damaged, .*; copy the"):
        Checkpoint.open(folder).load_decoder()


def test_a_run_folder_is_told_from_the_checkpoint_in_it(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "run/best").mkdir(parents=True)
    folder.rename(tmp_path / "run/best/tiny")
    with pytest.raises(CheckpointError, match=r"run: is a run folder; its checkpoint is .*/tiny$"):
        Checkpoint.open(tmp_path / "run")


def test_a_folder_of_something_else_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"is no checkpoint, for it has no config\.json"):
        Checkpoint.open(tmp_path)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(CheckpointError, match="no such folder"):
        Checkpoint.open("no-such-checkpoint")
