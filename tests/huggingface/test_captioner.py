"""The captioner over Hugging Face's `transformers`, with a tiny network that is made here."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import BlipForConditionalGeneration, BlipImageProcessorPil

from captioning.captioner import Caption, Captioner, CaptionOptions, Picture, load_captioner
from captioning.errors import CheckpointError
from captioning.huggingface.captioner import HuggingFaceCaptioner
from jobs.settings import load_settings
from tests.huggingface.tiny import END, SIZE, WORDS, make_tiny
from worker.caption.process import load


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny(tmp_path_factory.mktemp("networks") / "tiny")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One that a test may break."""
    return make_tiny(tmp_path / "tiny")


@pytest.fixture(scope="module")
def captioner(shared: Path) -> Captioner:
    return load_captioner(f"huggingface:{shared}", batch_size=3)


def pictures(number: int) -> list[Picture]:
    random = np.random.default_rng(7)
    return list(random.integers(0, 256, (number, SIZE, SIZE, 3), np.uint8))


def jpeg(size: tuple[int, int] = (60, 40)) -> bytes:
    stream = io.BytesIO()
    Image.effect_mandelbrot(size, (-2, -1.5, 1, 1.5), 30).convert("RGB").save(stream, "JPEG")
    return stream.getvalue()


def sentences_of(caption: Caption) -> list[tuple[str, float]]:
    best = (caption.text, caption.log_probability)
    return [best, *((a.text, a.log_probability) for a in caption.alternatives)]


def log_probability_by_hand(folder: Path, picture: Picture, text: str, longest: int) -> float:
    """Of the words one after the other and the end mark, by the network's plain forward pass."""
    network: Any = BlipForConditionalGeneration.from_pretrained(folder).eval()
    pieces = [WORDS.index("[DEC]"), *map(WORDS.index, text.split())]
    if len(pieces) <= longest + 1:
        pieces.append(END)
    preparation = BlipImageProcessorPil.from_pretrained(folder)
    values = preparation(images=[picture], return_tensors="pt")["pixel_values"]
    with torch.inference_mode():
        grid = network.vision_model(values)[0]
        words = torch.tensor([pieces])
        logits = network.text_decoder(
            input_ids=words, encoder_hidden_states=grid, is_decoder=True
        ).logits
        chances = logits[0, :-1].log_softmax(-1)
        return float(chances[torch.arange(len(pieces) - 1), words[0, 1:]].sum())


@pytest.mark.parametrize("width", [1, 3, 5])
def test_log_probabilities_are_those_of_the_plain_forward_pass(
    captioner: Captioner, shared: Path, width: int
) -> None:
    # Given captions of several pictures
    options = CaptionOptions(beam_width=width, max_length=6)
    shown = pictures(4)
    for picture, caption in zip(shown, captioner.caption(shown, options), strict=True):
        # Then every sentence that is made of words has the log-probability found by hand
        for text, log_probability in sentences_of(caption):
            by_hand = log_probability_by_hand(shared, picture, text, options.max_length)
            assert log_probability == pytest.approx(by_hand, abs=1e-4)
        # And there is one for each place of the beam
        assert len(caption.alternatives) == width - 1


def test_confidence_is_the_geometric_mean_of_the_pieces(captioner: Captioner) -> None:
    (caption,) = captioner.caption(pictures(1), CaptionOptions(max_length=6))
    pieces = min(7, len(caption.text.split()) + 1)
    assert caption.confidence == pytest.approx(np.exp(caption.log_probability / pieces))


def test_any_number_of_pictures_is_captioned_in_order(captioner: Captioner) -> None:
    # Given seven pictures, more than two batches of three
    shown, options = pictures(7), CaptionOptions(max_length=8)
    together = captioner.caption(shown, options)
    # Then each has the caption that it gets alone, and they differ
    alone = [captioner.caption([picture], options)[0] for picture in shown]
    assert [caption.text for caption in together] == [caption.text for caption in alone]
    assert len({caption.text for caption in together}) > 1
    assert captioner.caption([], options) == []


def test_no_sentence_is_longer_than_asked(captioner: Captioner) -> None:
    for caption in captioner.caption(pictures(5), CaptionOptions(max_length=4)):
        assert all(len(text.split()) <= 5 for text, _ in sentences_of(caption))


def test_pictures_reach_the_network_as_its_own_preparation_makes_them(shared: Path) -> None:
    captioner = HuggingFaceCaptioner.load(str(shared), batch_size=1)
    with Image.open(io.BytesIO(jpeg())) as image:
        theirs = BlipImageProcessorPil.from_pretrained(shared)(images=image, return_tensors="np")
    ours = captioner._normalised([captioner.prepare(jpeg())]).numpy()
    assert ours == pytest.approx(theirs["pixel_values"], abs=1e-5)


def test_the_worker_takes_it_by_the_setting_alone(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an environment without TensorFlow, and the setting
    assert not {"tensorflow", "keras"} & set(sys.modules)
    monkeypatch.setenv("CAPTIONS_CHECKPOINT", f"huggingface:{shared}")
    monkeypatch.setenv("CAPTIONS_DEVICE_BATCH", "2")
    # When the caption process loads its captioner and warms it up
    captioner = load(load_settings(secret="unused"))
    # Then it captions
    (caption,) = captioner.caption([captioner.prepare(jpeg())], CaptionOptions())
    assert (captioner.name, len(captioner.sha256)) == ("tiny", 64)
    assert 0 < caption.confidence < 1


def test_the_same_files_have_the_same_hash_and_the_same_captions(
    shared: Path, folder: Path, tmp_path: Path
) -> None:
    one, two = (load_captioner(f"huggingface:{place}") for place in (shared, folder))
    other = load_captioner(f"huggingface:{make_tiny(tmp_path / 'other', seed=1)}")
    assert one.sha256 == two.sha256 != other.sha256
    assert one.caption(pictures(2), CaptionOptions()) == two.caption(pictures(2), CaptionOptions())


def test_a_name_is_taken_from_the_cache_without_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given Hugging Face's cache with one network in it
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    kept = tmp_path / "models--owner--tiny"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs/main").write_text("0123456789abcdef")
    make_tiny(kept / "snapshots/0123456789abcdef")
    # Then its name is enough
    assert load_captioner("huggingface:owner/tiny").name == "owner/tiny"
    # And one that is not there is a sentence
    with pytest.raises(CheckpointError, match="owner/other: is no folder, and cannot be had"):
        load_captioner("huggingface:owner/other")


def change(folder: Path, change_tensors: Any) -> None:
    tensors = load_file(folder / "model.safetensors")
    change_tensors(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


NAME = "text_decoder.bert.encoder.layer.0.output.dense.weight"


def test_weights_that_are_missing_are_not_made_up(folder: Path) -> None:
    change(folder, lambda tensors: tensors.pop(NAME))
    with pytest.raises(CheckpointError, match=f"lacks {NAME}"):
        load_captioner(f"huggingface:{folder}")


def test_weights_of_another_shape_are_refused(folder: Path) -> None:
    change(folder, lambda tensors: tensors.update({NAME: torch.zeros(3, 4)}))
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        load_captioner(f"huggingface:{folder}")


def test_weights_that_are_no_numbers_are_refused(folder: Path) -> None:
    change(folder, lambda tensors: tensors[NAME].fill_(float("nan")))
    with pytest.raises(CheckpointError, match="no numbers"):
        load_captioner(f"huggingface:{folder}")


def test_a_file_of_weights_that_is_cut_short_is_refused(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        load_captioner(f"huggingface:{folder}")


def test_pictures_that_are_not_squashed_to_a_square_are_refused(folder: Path) -> None:
    path = folder / "preprocessor_config.json"
    settings = json.loads(path.read_text())
    path.write_text(json.dumps({**settings, "size": {"height": 32, "width": 48}}))
    with pytest.raises(CheckpointError, match="square"):
        load_captioner(f"huggingface:{folder}")
