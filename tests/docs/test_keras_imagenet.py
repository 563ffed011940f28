"""The page on Keras's ImageNet weights: its file is the one that the code asks for."""

import re
from pathlib import Path

from captioning.decoder.config import DecoderConfig
from captioning.encoder.encoder import from_config, pretrained
from captioning.encoder.resnet50 import IMAGENET_MD5, IMAGENET_URL
from captioning.training.config import TrainingConfig

PAGE = Path(__file__).parents[2] / "docs/keras-imagenet.md"


def test_the_file_and_its_hash_are_those_that_are_checked() -> None:
    text = PAGE.read_text()

    assert f"`{IMAGENET_URL}`" in text
    assert f"`~/.keras/models/{IMAGENET_URL.rpartition('/')[2]}`" in text
    assert f"`{IMAGENET_MD5}`" in text


def test_the_config_that_is_shown_describes_that_encoder(tmp_path: Path) -> None:
    # Given the config as it stands on the page, and captions where it says
    shown = re.search(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert shown
    path = tmp_path / "resnet50-keras.toml"
    path.write_text(shown[1])
    (tmp_path / "flickr8k").mkdir()
    (tmp_path / "flickr8k" / "Flickr8k.token.txt").touch()

    # When
    config = TrainingConfig.load(path)

    # Then it is what the first command encodes with, and a decoder takes its sizes
    assert from_config(config.encoder, tmp_path) == pretrained("resnet50")
    DecoderConfig.from_dict({**config.decoder, "vocabulary": 2500, "channels": 2048})
