"""What the benches of the network share: untrained networks and pictures for them."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from captioning.checkpoint import ENCODER_WEIGHTS, CheckpointConfig, save_checkpoint
from captioning.confidence import Calibration
from captioning.decoder import make_decoder
from captioning.decoder.config import DecoderConfig
from captioning.encoder.encoder import ResNet50
from captioning.encoder.sources import FileWeights
from captioning.encoder.weights import save_weights
from captioning.search_rules import SearchRules
from captioning.vocabulary import MARKS, Vocabulary

SIZE = 224
WORDS = 2_540  # as many as the shipped checkpoint knows


@dataclass(frozen=True)
class RandomWeights:
    """Whatever the layers begin with: no slower and no faster than trained ones."""

    @property
    def config(self) -> dict[str, Any]:
        return {"source": "random"}

    def fill(self, model: keras.Model) -> None:
        """They are in place since the model was built."""


def untrained_resnet50() -> ResNet50:
    """At the size of the published one, 224."""
    keras.utils.set_random_seed(1)
    return ResNet50(SIZE, "caffe", RandomWeights())


def some_pictures(count: int, size: int) -> NDArray[np.uint8]:
    """(count, size, size, 3)."""
    return np.random.default_rng(1).integers(0, 256, (count, size, size, 3), np.uint8)


def make_resnet50_checkpoint(folder: Path) -> None:
    """A checkpoint of an untrained ResNet50 and an untrained decoder of default size."""
    encoder = untrained_resnet50()
    weights = folder.with_name(ENCODER_WEIGHTS)
    save_weights(encoder.build(), weights)
    config = CheckpointConfig(
        name=folder.name,
        encoder=replace(encoder, weights=FileWeights.of(weights)).config,
        decoder=DecoderConfig("attend", WORDS, encoder.channels),
        cells=encoder.side**2,
        search=SearchRules(),
        calibration=Calibration.uncalibrated(),
    )
    words = Vocabulary((*MARKS, *(f"word{number}" for number in range(len(MARKS), WORDS))))
    save_checkpoint(folder, config, words, make_decoder(config.decoder, config.cells), {})
    weights.rename(folder / ENCODER_WEIGHTS)
