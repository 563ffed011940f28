"""A rounding that is measured on a data set, and the checkpoint that captions with it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captioning.captioner import CaptionOptions
from captioning.checkpoint import Checkpoint, CheckpointConfig, save_checkpoint
from captioning.confidence import Calibration
from captioning.decoder import make_decoder
from captioning.decoder.config import DecoderConfig
from captioning.encoder.encoder import from_config, pretrained
from captioning.encoder.execution import compile_encoder
from captioning.errors import DatasetError, WeightsError
from captioning.network import NetworkCaptioner
from captioning.search_rules import SearchRules
from captioning.training.quantize import quantize
from captioning.vocabulary import MARKS, Vocabulary
from tests.captioning.drawing import drawn_picture

SIZE = 64


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint of EfficientNet-Lite0 on small pictures, with a decoder of few words."""
    encoder = replace(pretrained("efficientnet-lite0"), input_size=SIZE)
    sizes = DecoderConfig("attend", 6, 1280, word_vector=4, memory=4, values=4, heads=2)
    config = CheckpointConfig(
        "small", encoder.config, sizes, 4, SearchRules(), Calibration.uncalibrated()
    )
    words = Vocabulary((*MARKS, "a", "dog"))
    save_checkpoint(tmp_path / "small", config, words, make_decoder(sizes, 4), {})
    return tmp_path / "small"


def pictures(folder: Path, split: str) -> Path:
    (folder / split).mkdir(parents=True)
    for shift in range(6):
        picture = np.roll(drawn_picture(SIZE), 9 * shift, axis=1)
        Image.fromarray(picture).save(folder / split / f"{shift}.png")
    return folder


def test_a_checkpoint_captions_in_integers_once_it_is_measured(
    folder: Path, tmp_path: Path
) -> None:
    # Given a checkpoint as it was trained
    before = Checkpoint.open(folder)
    assert before.load_rounding() is None

    # When its rounding is measured on training pictures
    quantize(folder, pictures(tmp_path / "set", "train"), pictures=6)

    # Then it is another checkpoint, and its grid stays near the exact one
    after = Checkpoint.open(folder)
    assert after.sha256 != before.sha256
    encoder, rounding = from_config(after.config.encoder, folder), after.load_rounding()
    picture = drawn_picture(SIZE)
    exact = compile_encoder(encoder, "tensorflow")(picture[np.newaxis])
    rounded = compile_encoder(encoder, "openvino-int8", rounding)(picture[np.newaxis])
    assert 0 < np.linalg.norm(rounded - exact) < 0.3 * np.linalg.norm(exact)
    captioner = NetworkCaptioner(after, batch_size=1, runtime="openvino-int8")
    assert len(captioner.caption([picture], CaptionOptions())) == 1


def test_a_rounding_of_another_size_is_refused(folder: Path, tmp_path: Path) -> None:
    path = quantize(folder, pictures(tmp_path / "set", "train"), pictures=1)
    config = (folder / "config.json").read_text()
    (folder / "config.json").write_text(config.replace(f'"input_size": {SIZE}', '"input_size": 96'))
    with pytest.raises(WeightsError, match=f"{path.name}: it is for another encoder"):
        Checkpoint.open(folder).load_rounding()


def test_a_training_picture_that_is_none_is_named(folder: Path, tmp_path: Path) -> None:
    dataset = pictures(tmp_path / "set", "train")
    (dataset / "train/0.png").write_bytes(b"no picture")
    with pytest.raises(DatasetError, match=r"set: the picture 0\.png of train cannot be read: it"):
        quantize(folder, dataset)


def test_a_data_set_without_training_pictures_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="train"):
        quantize(folder, pictures(tmp_path / "set", "dev"))
