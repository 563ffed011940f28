"""The decoder that looks once.

The pooled picture and the LSTM's state after each word meet before the word layer and
nowhere else ("merge", Tanti et al. 2017, https://arxiv.org/abs/1703.09137): the LSTM never
sees the picture. Kept as the plain measure that attention has to beat.

Letters in shapes: B pictures, S sentences per picture, T positions, M words in all of them,
G cells of the grid, C its channels, E word vector, H memory, V words of the vocabulary.
"""

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from captioning.decoder.config import DecoderConfig
from captioning.decoder.memory import Memory, State
from captioning.decoder.packing import Packed, pack, words_at


class Picture(NamedTuple):
    """One picture as the decoder sees it, shared by all its sentences."""

    glance: Any  # (B, H)
    cells: Any  # (B, G), zeros: this decoder looks nowhere in particular


class MergeDecoder(keras.layers.Layer):  # type: ignore[misc]
    """Picture vector and memory are added, then a word is said."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__(name="merge")
        self.config = config
        self.glance = keras.layers.Dense(config.memory, name="glance")
        self.words = keras.layers.Embedding(config.vocabulary, config.word_vector, name="words")
        self.memory = Memory(config.memory, name="memory")
        self.meet = keras.layers.Dense(config.memory, activation="relu", name="meet")
        self.word = keras.layers.Dense(config.vocabulary, name="word")
        self.drop_seen = keras.layers.Dropout(config.dropout_seen)
        self.drop_heard = keras.layers.Dropout(config.dropout_heard)
        self.drop_said = keras.layers.Dropout(config.dropout_said)
        self._heard: Any = None

    def build(self, grid_shape: tuple[int | None, int, int]) -> None:
        config = self.config
        self.glance.build((None, grid_shape[-1]))
        self.words.build((None, None))
        self.memory.build((None, config.word_vector))
        self.meet.build((None, None, config.memory))
        self.word.build((None, None, config.memory))
        self.built = True

    def look(self, grid: Any, training: bool = False) -> Picture:
        """grid: (B, G, C)."""
        pooled = tf.cast(tf.reduce_mean(grid, axis=1), self.compute_dtype)  # (B, C)
        pooled = self.drop_seen(pooled, training=training)
        return Picture(self.glance(pooled), tf.zeros(tf.shape(grid)[:2]))

    def begin(self, picture: Picture, sentences: int) -> State:
        """An empty memory for each of the sentences: (B·S, H)."""
        return self.memory.empty(tf.shape(picture.glance)[0] * sentences)

    def step(self, picture: Picture, state: State, words: Any) -> tuple[State, Any, Any]:
        """words: (B, S), the last word of each sentence → state, logits (B, S, V) and
        attention (B, S, G), nothing but zeros."""
        heard = self.heard_words(words) if self._heard is None else tf.gather(self._heard, words)
        state = self.memory.step(tf.reshape(heard, (-1, 4 * self.config.memory)), state)
        minds = tf.reshape(state.hidden, (-1, words.shape[1], self.config.memory))
        logits = self.say(self.meet(minds + picture.glance[:, tf.newaxis]))
        return state, logits, tf.tile(picture.cells[:, tf.newaxis], [1, words.shape[1], 1])

    def heard_words(self, words: Any) -> Any:
        """words (…) → what they let the LSTM hear, (…, 4H)."""
        return self.memory.heard(self.words(words))

    def settle(self) -> None:
        """The weights stay from here on: work out once what each word lets the LSTM hear."""
        self._heard = self.heard_words(tf.range(self.config.vocabulary))  # (V, 4H)

    def say(self, vectors: Any) -> Any:
        """(…, H) → logits (…, V)."""
        return tf.cast(self.word(vectors), tf.float32)

    def teach(self, grid: Any, captions: Any, training: bool = True) -> tuple[Any, Packed]:
        """grid (B, G, C), captions (B, S, T + 1) → for each of the M words the vector that
        should say the next one, (M, H), and the words' places."""
        glance = self.look(grid, training=training).glance
        packed = pack(captions)
        heard = self.words(words_at(captions, packed, offset=0))  # (M, E)
        minds = self.memory.run(self.drop_heard(heard, training=training), packed.counts)
        glances = tf.gather(glance, packed.places[:, 0] // captions.shape[1])  # (M, H)
        met = self.meet(self.drop_heard(minds, training=training) + glances)
        return self.drop_said(met, training=training), packed
