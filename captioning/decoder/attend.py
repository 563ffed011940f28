"""The decoder that looks again at every word.

An LSTM hears the words so far together with one glance at the whole picture; what it has
in mind after each word asks the grid, cell by cell, what to look at next. It may also look
at nothing: some words ("of", "the") follow from the sentence alone. This is the adaptive
attention of Lu et al. 2017 (https://arxiv.org/abs/1612.01887) with the scaled dot products
and heads of Vaswani et al. 2017 (https://arxiv.org/abs/1706.03762); its word layer shares
its weights with the word vectors (Press and Wolf 2017, https://arxiv.org/abs/1608.05859).

What is seen does not flow back into the LSTM, so in training all words of all captions are
computed at once, save the recurrence itself.

Letters in shapes: B pictures, S sentences per picture, T positions, M words in all of them,
Q questions to a grid, G its cells, C its channels, D values, E word vector, H memory,
A heads, V words of the vocabulary.
"""

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from captioning.decoder.config import DecoderConfig
from captioning.decoder.memory import Memory, State
from captioning.decoder.packing import Packed, pack, words_at

LOOK_AT_NOTHING = "nothing"


class Scene(NamedTuple):
    """One picture as the decoder sees it, computed once and shared by all its sentences."""

    keys: Any  # (B, A, G, D/A)
    values: Any  # (B, A, G, D/A)
    glance: Any  # (B, E)
    heard: Any  # (B, 4H), what the glance lets the LSTM hear beside every word


class AttendDecoder(keras.layers.Layer):  # type: ignore[misc]
    """Soft attention over the grid, per word and head."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__(name="attend")
        self.config = config
        self.grid_norm = keras.layers.LayerNormalization(epsilon=1e-5, name="grid_norm")
        self.value = keras.layers.Dense(config.values, activation="relu", name="value")
        self.key = keras.layers.Dense(config.values, use_bias=False, name="key")
        self.glance = keras.layers.Dense(config.word_vector, name="glance")
        self.memory = Memory(config.memory, name="memory")
        self.query = keras.layers.Dense(config.values, name="query")
        self.nothing = keras.layers.Dense(config.heads, name=LOOK_AT_NOTHING)
        self.blend = keras.layers.Dense(2 * config.word_vector, name="blend")
        self.drop_seen = keras.layers.Dropout(config.dropout_seen)
        self.drop_heard = keras.layers.Dropout(config.dropout_heard)
        self.drop_said = keras.layers.Dropout(config.dropout_said)
        self._heard: Any = None

    def build(self, grid_shape: tuple[int | None, int, int]) -> None:
        config = self.config
        self.word_vectors = self.add_weight(
            name="word_vectors",
            shape=(config.vocabulary, config.word_vector),
            initializer=keras.initializers.RandomNormal(stddev=config.word_vector**-0.5),
        )
        self.word_bias = self.add_weight(
            name="word_bias", shape=(config.vocabulary,), initializer="zeros"
        )
        self.grid_norm.build((None, None, grid_shape[-1]))
        self.value.build((None, None, grid_shape[-1]))
        self.key.build((None, None, config.values))
        self.glance.build((None, config.values))
        self.memory.build((None, config.word_vector))
        self.query.build((None, None, config.memory))
        self.nothing.build((None, None, config.memory))
        self.blend.build((None, None, config.memory + config.values))
        self.built = True

    def look(self, grid: Any, training: bool = False) -> Scene:
        """grid: (B, G, C)."""
        values = self._values(grid)  # (B, G, D)
        values = self.drop_seen(values, training=training)
        glance = self.glance(tf.reduce_mean(values, axis=1))  # (B, E)
        # The LSTM hears a word and the glance as one sum; its product with the glance is taken
        # here, once for all words.
        heard = tf.matmul(glance, self.memory.heard.kernel)
        return Scene(self.in_heads(self.key(values)), self.in_heads(values), glance, heard)

    def _values(self, grid: Any) -> Any:
        """value(grid_norm(grid)), normalised after the product with the kernel W, when C channels
        have become D, which are far fewer. With mean m and deviation s of a cell x:
        ((x - m) / s · γ + β) W = x V / s + β W, where V is γ W less the mean of each column."""
        kernel = self.value.kernel  # (C, D)
        scaled = self.grid_norm.gamma[:, tf.newaxis] * kernel
        centred = scaled - tf.reduce_mean(scaled, axis=0)
        cells = tf.cast(grid, tf.float32)
        mean = tf.reduce_mean(cells, axis=-1, keepdims=True)
        variance = tf.reduce_mean(tf.square(cells), axis=-1, keepdims=True) - tf.square(mean)
        variance = tf.nn.relu(variance)  # rounding may leave less than nothing
        shrunk = tf.cast(tf.math.rsqrt(variance + self.grid_norm.epsilon), self.compute_dtype)
        shift = tf.linalg.matvec(kernel, self.grid_norm.beta, transpose_a=True) + self.value.bias
        return tf.nn.relu(tf.matmul(tf.cast(grid, self.compute_dtype), centred) * shrunk + shift)

    def begin(self, scene: Scene, sentences: int) -> State:
        """An empty memory for each of the sentences: (B·S, H)."""
        return self.memory.empty(tf.shape(scene.glance)[0] * sentences)

    def step(self, scene: Scene, state: State, words: Any) -> tuple[State, Any, Any]:
        """words: (B, S), the last word of each sentence → state, logits (B, S, V) and
        attention (B, S, G), its mean over the heads."""
        heard = self.heard_words(words) if self._heard is None else tf.gather(self._heard, words)
        heard += scene.heard[:, tf.newaxis]  # (B, S, 4H)
        state = self.memory.step(tf.reshape(heard, (-1, 4 * self.config.memory)), state)
        minds = tf.reshape(state.hidden, (-1, words.shape[1], self.config.memory))
        seen, attention = self.attend(scene, self.query(minds), self.nothing(minds))
        return state, self.say(self.blend_in(minds, seen)), tf.reduce_mean(attention, axis=1)

    def attend(self, scene: Scene, queries: Any, nothing: Any) -> tuple[Any, Any]:
        """queries: (B, Q, D), nothing: (B, Q, A), the wish to look nowhere → what is seen
        (B, Q, D) and the attention per head (B, A, Q, G)."""
        queries = self.in_heads(queries)  # (B, A, Q, D/A)
        scores = tf.matmul(queries, scene.keys, transpose_b=True) * queries.shape[-1] ** -0.5
        nothing = tf.transpose(nothing, (0, 2, 1))[..., tf.newaxis]  # (B, A, Q, 1)
        attention = tf.nn.softmax(tf.concat([scores, nothing], axis=-1))[..., :-1]
        seen = tf.transpose(tf.matmul(attention, scene.values), (0, 2, 1, 3))  # (B, Q, A, D/A)
        return tf.reshape(seen, (-1, tf.shape(seen)[1], self.config.values)), attention

    def blend_in(self, minds: Any, seen: Any, training: bool = False) -> Any:
        """What is in mind and what is seen → a word vector (B, Q, E), through a gate."""
        blended, gate = tf.split(self.blend(tf.concat([minds, seen], axis=-1)), 2, axis=-1)
        return self.drop_said(blended * tf.sigmoid(gate), training=training)

    def heard_words(self, words: Any) -> Any:
        """words (…) → what they let the LSTM hear, (…, 4H)."""
        return self.memory.heard(self.vectors(words))

    def settle(self) -> None:
        """The weights stay from here on: work out once what each word lets the LSTM hear."""
        self._heard = self.heard_words(tf.range(self.config.vocabulary))  # (V, 4H)

    def say(self, vectors: Any) -> Any:
        """(…, E) → logits (…, V)."""
        logits = tf.matmul(vectors, self.word_vectors, transpose_b=True)
        return tf.cast(logits + self.word_bias, tf.float32)

    def teach(self, grid: Any, captions: Any, training: bool = True) -> tuple[Any, Packed]:
        """grid (B, G, C), captions (B, S, T + 1) → for each of the M words the vector that
        should say the next one, (M, E), and the words' places."""
        scene = self.look(grid, training=training)
        packed = pack(captions)
        picture = packed.places[:, 0] // captions.shape[1]  # (M,)
        words = words_at(captions, packed, offset=0)
        heard = self.vectors(words) + tf.gather(scene.glance, picture)  # (M, E)
        minds = self.memory.run(self.drop_heard(heard, training=training), packed.counts)
        minds = self.drop_heard(minds, training=training)  # (M, H)
        seen = self._attend_packed(scene, minds, captions, packed)  # (M, D)
        return self.blend_in(minds, seen, training=training), packed

    def _attend_packed(self, scene: Scene, minds: Any, captions: Any, packed: Packed) -> Any:
        """The grid is shared by all words of a picture: they ask together, hence unpacked."""
        pictures, places = tf.shape(captions)[0], captions.shape[1] * (captions.shape[2] - 1)
        flat = packed.places @ tf.constant([[captions.shape[2] - 1], [1]])  # (M, 1)

        def unpack(vectors: Any) -> Any:
            shape = [pictures * places, vectors.shape[-1]]
            return tf.reshape(tf.scatter_nd(flat, vectors, shape), (-1, places, shape[1]))

        seen, _ = self.attend(scene, unpack(self.query(minds)), unpack(self.nothing(minds)))
        return tf.gather_nd(tf.reshape(seen, (-1, self.config.values)), flat)

    def vectors(self, words: Any) -> Any:
        """words: (…) → (…, E)."""
        return tf.gather(self.word_vectors, words) * self.config.word_vector**0.5

    def in_heads(self, vectors: Any) -> Any:
        """(B, Q, D) → (B, A, Q, D/A), so that no word of a search turns the grid around again."""
        heads = self.config.heads
        split = (-1, tf.shape(vectors)[1], heads, vectors.shape[-1] // heads)
        return tf.transpose(tf.reshape(vectors, split), (0, 2, 1, 3))
