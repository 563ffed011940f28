"""An encoder as a TensorFlow graph, which is what every runtime starts from."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

from captioning.encoder.encoder import Encoder


class Graph:
    """Traces an encoder, and counts how often: Python runs only while it traces."""

    def __init__(self, encoder: Encoder, policy: str = "float32") -> None:
        self.encoder = encoder
        self.traces = 0
        with _dtype_policy(policy):
            self._network = encoder.build()

    def trace(self, bucket: int | None) -> Any:
        """Concrete function: uint8 (B, S, S, 3) → float32 (B, G·G, C). bucket: B, None for any."""
        size = self.encoder.input_size
        spec = tf.TensorSpec((bucket, size, size, 3), tf.uint8, name="pictures")
        return tf.function(self._grid).get_concrete_function(spec)

    def _grid(self, pictures: Any) -> Any:
        self.traces += 1
        grid = self._network(pictures, training=False)  # (B, G, G, C)
        cells = self.encoder.side**2
        return tf.cast(tf.reshape(grid, (-1, cells, self.encoder.channels)), tf.float32)


@contextmanager
def _dtype_policy(policy: str) -> Iterator[None]:
    """Layers take their number format from a global setting, at the moment they are made."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
