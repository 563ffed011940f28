"""Beam search as one compiled loop.

All pictures of a bucket search together. A beam that ended keeps its sentence and its
probability while the others go on; the loop ends early once all have ended. What is
compared at the end is the log-probability per word, since a bare sum prefers short
sentences (Wu et al. 2016, https://arxiv.org/abs/1609.08144, section 7).

Letters in shapes: B pictures, W beams, T words at most, V vocabulary, G cells.
"""

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from captioning.search_rules import LONGEST, SearchRules
from captioning.vocabulary import BEGIN, END, NEVER_SAID, PAD

IMPOSSIBLE = -1e9


class Found(NamedTuple):
    """The sentences of each picture, best first.

    words: (B, W, T) int32, ended by END where there was room, then PAD.
    log_probabilities: (B, W) float32, sums over the words and the end mark.
    attention: (B, W, T, G) float32, of no cells unless asked for.
    """

    words: NDArray[np.int32]
    log_probabilities: NDArray[np.float32]
    attention: NDArray[np.float32]


class _Beams(NamedTuple):
    words: Any  # (B, W, T)
    total: Any  # (B, W)
    ended: Any  # (B, W)
    state: Any  # each (B·W, H)
    attention: Any  # (B, W, T, G)


def search(decoder: Any, grid: Any, longest: Any, rules: SearchRules) -> tuple[Any, Any, Any]:
    """grid (B, G, C), longest: words at most, a scalar ≤ LONGEST → the tensors of `Found`.

    Meant to be called inside a tf.function: everything but the values is static there.
    """
    scene = decoder.look(grid)
    beams = _begin(decoder, scene, grid, rules)

    def goes_on(position: Any, beams: _Beams) -> Any:
        return tf.logical_and(position < longest, tf.logical_not(tf.reduce_all(beams.ended)))

    def advance(position: Any, beams: _Beams) -> tuple[Any, _Beams]:
        return position + 1, _advance(decoder, scene, position, beams, rules)

    _, beams = tf.while_loop(goes_on, advance, (tf.constant(0), beams))
    return _best_first(beams, rules)


def _begin(decoder: Any, scene: Any, grid: Any, rules: SearchRules) -> _Beams:
    pictures, cells = tf.shape(grid)[0], grid.shape[1] if rules.with_attention else 0
    width = rules.beam_width
    # All beams start alike: but for the first they are made impossible, or all would stay so.
    total = tf.concat([[0.0], tf.fill([width - 1], IMPOSSIBLE)], axis=0)
    return _Beams(
        words=tf.fill([pictures, width, LONGEST], PAD),
        total=tf.tile(total[tf.newaxis], [pictures, 1]),
        ended=tf.zeros([pictures, width], tf.bool),
        state=decoder.begin(scene, width),
        attention=tf.zeros([pictures, width, LONGEST, cells]),
    )


def _advance(decoder: Any, scene: Any, position: Any, beams: _Beams, rules: SearchRules) -> _Beams:
    last = tf.where(position == 0, BEGIN, beams.words[:, :, tf.maximum(position - 1, 0)])
    state, logits, attention = decoder.step(scene, beams.state, last)
    total, beam, word = _choose(logits, beams, position, rules)
    words = _write(tf.gather(beams.words, beam, batch_dims=1), word, position)
    history = beams.attention
    if rules.with_attention:
        history = _write(history, tf.cast(attention, tf.float32), position)
    ended = tf.gather(beams.ended, beam, batch_dims=1) | (word == END)
    state = tf.nest.map_structure(lambda part: _gather_state(part, beam), state)
    return _Beams(words, total, ended, state, tf.gather(history, beam, batch_dims=1))


def _choose(logits: Any, beams: _Beams, position: Any, rules: SearchRules) -> tuple[Any, Any, Any]:
    """logits (B, W, V) → of the beams that go on: total, the beam that each comes from, word,
    all (B, W). First the best words of each beam, then the best of those."""
    width = rules.beam_width
    allowed = logits + _forbidden(logits.shape[-1])
    if rules.blocked_ngram:
        allowed += _repeated(beams.words, position, rules.blocked_ngram, logits.shape[-1])
    steps, words = tf.math.top_k(allowed, width)  # (B, W, W)
    steps -= tf.reduce_logsumexp(logits, axis=-1, keepdims=True)
    # An ended beam goes on with PAD alone, and at no cost.
    ended = beams.ended[:, :, tf.newaxis]
    steps = tf.where(ended, tf.one_hot(0, width, on_value=0.0, off_value=IMPOSSIBLE), steps)
    words = tf.where(ended, PAD, words)
    total = tf.reshape(beams.total[:, :, tf.newaxis] + steps, (-1, width * width))
    total, choice = tf.math.top_k(total, width)
    word = tf.gather(tf.reshape(words, (-1, width * width)), choice, batch_dims=1)
    return total, choice // width, word


def _forbidden(vocabulary: int) -> Any:
    """To be added to logits so that marks are never said: (V,)."""
    return tf.reduce_sum(tf.one_hot(NEVER_SAID, vocabulary), axis=0) * IMPOSSIBLE


def _repeated(words: Any, position: Any, ngram: int, vocabulary: int) -> Any:
    """To be added to logits so that no n-gram is said which the sentence already has: (B, W, V)."""
    lead = ngram - 1
    latest = tf.maximum(position - lead, 0) + tf.range(lead)
    latest = tf.gather(words, latest, axis=2)  # (B, W, n-1)
    windows = tf.stack([words[:, :, i : LONGEST - lead + i] for i in range(lead)], axis=-1)
    same = tf.reduce_all(windows == latest[:, :, tf.newaxis], axis=-1)  # (B, W, T-n+1)
    same &= tf.range(LONGEST - lead) + lead < position
    following = tf.one_hot(tf.where(same, words[:, :, lead:], -1), vocabulary)
    return tf.reduce_max(following, axis=2) * IMPOSSIBLE


def _write(history: Any, entry: Any, position: Any) -> Any:
    """history (B, W, T, …), entry (B, W, …) → history with the entry at the position."""
    shape = (1, 1, LONGEST) + (1,) * (history.shape.rank - 3)
    here = tf.reshape(tf.range(LONGEST) == position, shape)
    return tf.where(here, tf.expand_dims(entry, 2), history)


def _gather_state(part: Any, beam: Any) -> Any:
    """(B·W, H) → the same, each beam with the memory of the beam that it came from."""
    width = beam.shape[1]
    beams = tf.reshape(part, (-1, width, part.shape[-1]))
    return tf.reshape(tf.gather(beams, beam, batch_dims=1), (-1, part.shape[-1]))


def _best_first(beams: _Beams, rules: SearchRules) -> tuple[Any, Any, Any]:
    length = tf.reduce_sum(tf.cast(beams.words != PAD, tf.float32), axis=-1)
    score = beams.total / tf.maximum(length, 1.0) ** rules.length_power
    order = tf.argsort(score, axis=-1, direction="DESCENDING", stable=True)
    return (
        tf.gather(beams.words, order, batch_dims=1),
        tf.gather(beams.total, order, batch_dims=1),
        tf.gather(beams.attention, order, batch_dims=1),
    )


class Searcher:
    """A compiled search: one trace per batch size, made when first needed."""

    def __init__(self, decoder: Any, rules: SearchRules) -> None:
        self.rules = rules
        self.traces = 0
        self._decoder = decoder
        # A function per batch size: TensorFlow warns of one that is traced again and again.
        self._searches: dict[int, Any] = {}

    def __call__(self, grid: Any, longest: int) -> Found:
        """grid: (B, G, C) → numpy arrays."""
        search = self._searches.setdefault(len(grid), tf.function(self._traced, autograph=False))
        found = search(tf.convert_to_tensor(grid), tf.constant(longest, tf.int32))
        return Found(*(tensor.numpy() for tensor in found))

    def _traced(self, grid: Any, longest: Any) -> tuple[Any, Any, Any]:
        self.traces += 1
        return search(
            self._decoder, tf.cast(grid, self._decoder.compute_dtype), longest, self.rules
        )
