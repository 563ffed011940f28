"""An encoder that is small enough to be built in every test."""

from dataclasses import dataclass, field
from typing import Any

import keras
from keras import layers


@dataclass(frozen=True)
class TinyEncoder:
    """One convolution with the stride of the real encoders, from a fixed seed."""

    input_size: int = 64
    channels: int = 8
    name: str = "tiny"
    config: dict[str, Any] = field(default_factory=lambda: {"name": "tiny"})

    @property
    def side(self) -> int:
        return -(-self.input_size // 32)

    def build(self) -> keras.Model:
        picture = layers.Input((self.input_size, self.input_size, 3), dtype="uint8")
        x = layers.Rescaling(1 / 128, offset=-127 / 128)(picture)
        start = keras.initializers.GlorotUniform(seed=3)
        x = layers.Conv2D(
            self.channels, 32, 32, "same", kernel_initializer=start, activation="relu"
        )(x)
        return keras.Model(picture, x)
