"""Long short-term memory (Hochreiter and Schmidhuber 1997), written out.

Written out because training and search use it differently: training multiplies the inputs
of all words at once and leaves only the recurrence to the loop, the search takes single
steps from gathered states.
"""

from typing import Any, NamedTuple

import keras
import tensorflow as tf


class State(NamedTuple):
    """What N sentences remember."""

    hidden: Any  # (N, H)
    cell: Any  # (N, H), float32


class _Orthogonal(keras.initializers.Orthogonal):  # type: ignore[misc]
    """In any number format: TensorFlow decomposes no matrix in bfloat16."""

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return keras.ops.cast(super().__call__(shape, "float32"), dtype or "float32")


class Memory(keras.layers.Layer):  # type: ignore[misc]
    """units: H."""

    def __init__(self, units: int, name: str) -> None:
        super().__init__(name=name)
        self.units = units
        self.heard = keras.layers.Dense(4 * units, name="heard")
        self.recalled = keras.layers.Dense(
            4 * units, use_bias=False, kernel_initializer=_Orthogonal(), name="recalled"
        )

    def build(self, input_shape: tuple[int | None, int]) -> None:
        self.heard.build(input_shape)
        self.recalled.build((None, self.units))
        self.built = True

    def empty(self, sentences: Any) -> State:
        shape = (sentences, self.units)
        return State(tf.zeros(shape, self.compute_dtype), tf.zeros(shape))

    def step(self, heard: Any, state: State) -> State:
        """heard: (N, 4H), what the layer `heard` makes of the inputs."""
        return self._advance(heard, state)

    def run(self, inputs: Any, counts: Any) -> Any:
        """inputs: (M, E), packed, counts: (T,) of them per position → hidden (M, H), packed."""
        heard = tf.split(self.heard(inputs), counts)  # T times (rows, 4H), ever fewer rows
        state = self.empty(counts[0])
        hidden = []
        for gates in heard:
            rows = tf.shape(gates)[0]
            state = self._advance(gates, State(state.hidden[:rows], state.cell[:rows]))
            hidden.append(state.hidden)
        return tf.concat(hidden, axis=0)

    def _advance(self, heard: Any, state: State) -> State:
        # Gates and cell are float32 whatever the rest is: a sum over many words, and on a CPU the
        # curves are faster so.
        gates = tf.cast(heard + self.recalled(state.hidden), tf.float32)  # (N, 4H)
        take, keep, tell, new = tf.split(gates, 4, axis=-1)
        # The one added keeps a fresh memory from forgetting before it has learnt to.
        cell = tf.sigmoid(keep + 1.0) * state.cell + tf.sigmoid(take) * tf.tanh(new)
        return State(tf.cast(tf.sigmoid(tell) * tf.tanh(cell), self.compute_dtype), cell)
