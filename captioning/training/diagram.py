"""A checkpoint's network as Keras sees it: one picture, one sentence, one word further.

    picture → encoder → grid ┐
    last word ───────────────┤ decoder → logits of the next word
    memory ──────────────────┘

Made only to be drawn. The layers are the decoder's own, called one after the other; where a
step of it is no Keras layer, a box around its method stands for it. Dropout does nothing
when a caption is made, and is left out.

Letters in shapes: B pictures, G cells of the grid, C its channels, H memory, V words.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from captioning.checkpoint import Checkpoint, CheckpointConfig
from captioning.decoder import make_decoder
from captioning.decoder.attend import AttendDecoder, Scene
from captioning.decoder.memory import State
from captioning.decoder.merge import MergeDecoder
from captioning.encoder.encoder import from_config
from captioning.output_places import require_writable
from captioning.training.graphviz import dot_on_path

DOTS_PER_INCH = 96


def plot_checkpoint(checkpoint: str | Path, path: Path) -> None:
    """Draw a checkpoint's network as PNG. Raises CheckpointError, WeightsError or
    OutputError."""
    require_writable(path)
    opened = Checkpoint.open(checkpoint)
    from_config(opened.config.encoder, opened.folder)  # what it refuses cannot be drawn either
    plot_network(opened.config, path)


def plot_network(config: CheckpointConfig, path: Path) -> None:
    """Draw it as PNG, from top to bottom, each layer with its shapes."""
    with dot_on_path():
        keras.utils.plot_model(
            network_of(config),
            path,
            show_shapes=True,
            show_layer_names=True,
            dpi=DOTS_PER_INCH,
        )


def network_of(config: CheckpointConfig) -> keras.Model:
    """picture (B, S, S, 3), last word (B,), memory 2 × (B, H) → logits (B, V).

    Its weights are fresh, and of its encoder there is only the outside: nothing is loaded.
    """
    size = config.encoder.get("input_size")
    picture = keras.Input((size, size, 3), dtype="uint8", name="picture")
    word = keras.Input((), dtype="int32", name="last_word")
    hidden, cell = (
        keras.Input((config.decoder.memory,), name=f"memory_{part}") for part in State._fields
    )
    grid = Encoder(_grids_of(config), config.encoder.get("name", "encoder"))(picture)
    decoder = make_decoder(config.decoder, config.cells)
    logits = next_word(decoder, grid, word, State(hidden, cell))
    return keras.Model([picture, word, hidden, cell], logits, name="captioner")


def _grids_of(config: CheckpointConfig) -> Callable[[Any], Any]:
    """Pictures → grids (B, G, C) of nothing but shape."""

    def encode(pictures: Any) -> Any:
        return tf.zeros((tf.shape(pictures)[0], config.cells, config.decoder.channels))

    return encode


def next_word(decoder: AttendDecoder | MergeDecoder, grid: Any, word: Any, state: State) -> Any:
    """grid: (B, G, C), word: (B,), state: each (B, H), all symbolic → logits (B, V)."""
    advance = _attend if isinstance(decoder, AttendDecoder) else _merge
    return advance(decoder, grid, word, state)


def _attend(decoder: AttendDecoder, grid: Any, word: Any, state: State) -> Any:
    values = decoder.value(decoder.grid_norm(grid))  # (B, G, D)
    keys = decoder.key(values)
    glance = decoder.glance(_mean_of_cells(values))  # (B, E)
    heard = layers.Add(name="heard")([Embedding(decoder.vectors, "words")(word), glance])
    mind = _remember(decoder, heard, state)

    def attend(keys: Any, values: Any, query: Any, nothing: Any) -> Any:
        scene = Scene(decoder.in_heads(keys), decoder.in_heads(values), glance=None, heard=None)
        seen, _ = decoder.attend(scene, query[:, None], nothing[:, None])
        return seen[:, 0]

    seen = Attention(attend, "attention")(
        keys, values, decoder.query(mind), decoder.nothing(mind)
    )  # (B, D)
    blended = Gate(decoder.blend_in, "blend")(mind, seen)  # (B, E)
    return WordLayer(decoder.say, "word")(blended)


def _merge(decoder: MergeDecoder, grid: Any, word: Any, state: State) -> Any:
    glance = decoder.glance(_mean_of_cells(grid))  # (B, H)
    mind = _remember(decoder, decoder.words(word), state)
    met = decoder.meet(layers.Add(name="mind_and_glance")([mind, glance]))
    return WordLayer(decoder.say, "word")(met)


def _mean_of_cells(grid: Any) -> Any:
    return layers.GlobalAveragePooling1D(name="mean_of_cells")(grid)


def _remember(decoder: AttendDecoder | MergeDecoder, heard: Any, state: State) -> Any:
    """What is in mind after the word: (B, H)."""

    def remember(heard: Any, hidden: Any, cell: Any) -> Any:
        return decoder.memory.step(decoder.memory.heard(heard), State(hidden, cell)).hidden

    return LSTM(remember, "memory")(heard, *state)


class Step(layers.Layer):  # type: ignore[misc]
    """A box around a method. The class says in the drawing what kind of step it is."""

    def __init__(self, method: Callable[..., Any], name: str) -> None:
        super().__init__(name=name)
        self._method = method

    def call(self, *inputs: Any) -> Any:
        return self._method(*inputs)


class Encoder(Step):
    """Picture → grid."""


class Embedding(Step):
    """Number of a word → its vector."""


class LSTM(Step):
    """What is heard, what was in mind → what is in mind."""


class Attention(Step):
    """Keys, values, a question, the wish to look at nothing → what is seen."""


class Gate(Step):
    """What is in mind, what is seen → a word vector."""


class WordLayer(Step):
    """A vector → a number for each word that could be next."""
