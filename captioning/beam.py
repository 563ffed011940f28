"""Beam search as one compiled loop.

All pictures of a bucket search together. A beam that ended keeps its sentence and its
probability while the others go on. Once a quarter of the pictures have all their beams ended,
they leave, and the rest goes on as a smaller bucket. What is compared at the end is the
log-probability per word, since a bare sum prefers short sentences (Wu et al. 2016,
https://arxiv.org/abs/1609.08144, section 7).

Letters in shapes: B pictures, W beams, T words at most, V vocabulary, G cells.
"""

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from captioning.search_rules import LONGEST, SearchRules
from captioning.vocabulary import BEGIN, END, NEVER_SAID, PAD

IMPOSSIBLE = -1e9
LEAST = -1e30  # below what is impossible
GROUP = 128  # words
STAY = 0.75  # share of the pictures that may be left before the others leave


class Found(NamedTuple):
    """The sentences of each picture, best first.

    words: (B, W, T) int32, ended by END where there was room, then PAD.
    log_probabilities: (B, W) float32, sums over the words and the end mark.
    attention: (B, W, T, G) float32, of no cells unless asked for.
    """

    words: NDArray[np.int32]
    log_probabilities: NDArray[np.float32]
    attention: NDArray[np.float32]


class _Sentences(NamedTuple):
    words: Any  # (B, W, T)
    total: Any  # (B, W)
    attention: Any  # (B, W, T, G)


class _Search(NamedTuple):
    """The pictures that still search, fewer than B after a while."""

    place: Any  # (B,), in the bucket
    scene: Any  # of the decoder
    sentences: _Sentences
    ended: Any  # (B, W)
    state: Any  # each (B·W, H)


def search(decoder: Any, grid: Any, longest: Any, rules: SearchRules) -> tuple[Any, Any, Any]:
    """grid (B, G, C), longest: words at most, a scalar ≤ LONGEST → the tensors of `Found`.

    Meant to be called inside a tf.function: everything but the values is static there.
    """
    begun = _begin(decoder, grid, rules)

    def some_are_left(position: Any, search: _Search, _found: _Sentences) -> Any:
        return (position < longest) & (tf.size(search.place) > 0)

    def advance_and_thin(
        position: Any, search: _Search, found: _Sentences
    ) -> tuple[Any, _Search, _Sentences]:
        position, search = _advance_until_few(decoder, position, longest, search, rules)
        return position, _thinned(search), _put(found, search)

    start = (tf.constant(0), begun, begun.sentences)
    _, _, found = tf.while_loop(
        some_are_left,
        advance_and_thin,
        start,
        shape_invariants=tf.nest.map_structure(_shape_of_any, start),
    )
    return _best_first(found, rules)


def _begin(decoder: Any, grid: Any, rules: SearchRules) -> _Search:
    pictures, cells = tf.shape(grid)[0], grid.shape[1] if rules.with_attention else 0
    width = rules.beam_width
    # All beams start alike: but for the first they are made impossible, or all would stay so.
    total = tf.concat([[0.0], tf.fill([width - 1], IMPOSSIBLE)], axis=0)
    scene = decoder.look(grid)
    return _Search(
        place=tf.range(pictures),
        scene=scene,
        sentences=_Sentences(
            words=tf.fill([pictures, width, LONGEST], PAD),
            total=tf.tile(total[tf.newaxis], [pictures, 1]),
            attention=tf.zeros([pictures, width, LONGEST, cells]),
        ),
        ended=tf.zeros([pictures, width], tf.bool),
        state=decoder.begin(scene, width),
    )


def _advance_until_few(
    decoder: Any, position: Any, longest: Any, search: _Search, rules: SearchRules
) -> tuple[Any, _Search]:
    """Word by word, until no more than `STAY` of the pictures go on."""
    few = tf.cast(tf.size(search.place), tf.float32) * STAY

    def goes_on(position: Any, search: _Search) -> Any:
        left = tf.math.count_nonzero(_unfinished(search), dtype=tf.int32)
        return (position < longest) & (tf.cast(left, tf.float32) > few)

    def advance(position: Any, search: _Search) -> tuple[Any, _Search]:
        return position + 1, _advance(decoder, position, search, rules)

    position, search = tf.while_loop(goes_on, advance, (position, search))
    return position, search


def _shape_of_any(part: Any) -> Any:
    """The shape of a tensor of any number of pictures; a scalar is of none."""
    return tf.TensorShape([None, *part.shape[1:]] if part.shape.rank else [])


def _unfinished(search: _Search) -> Any:
    return tf.logical_not(tf.reduce_all(search.ended, axis=1))  # (B,)


def _thinned(search: _Search) -> _Search:
    """Without the pictures that have ended."""
    left = tf.where(_unfinished(search))[:, 0]

    def keep(part: Any) -> Any:
        return tf.gather(part, left)

    def keep_beams(part: Any) -> Any:
        width, size = search.ended.shape[1], part.shape[-1]
        return tf.reshape(keep(tf.reshape(part, (-1, width, size))), (-1, size))

    state = tf.nest.map_structure(keep_beams, search.state)
    thinned: _Search = tf.nest.map_structure(keep, search._replace(state=()))
    return thinned._replace(state=state)


def _put(found: _Sentences, search: _Search) -> _Sentences:
    """The sentences so far, at their pictures' places."""
    place = search.place[:, tf.newaxis]

    def put(all_: Any, part: Any) -> Any:
        nothing = 0 in part.shape  # attention that nobody asked for
        return all_ if nothing else tf.tensor_scatter_nd_update(all_, place, part)

    sentences: _Sentences = tf.nest.map_structure(put, found, search.sentences)
    return sentences


def _advance(decoder: Any, position: Any, search: _Search, rules: SearchRules) -> _Search:
    words, _, history = search.sentences
    last = tf.where(position == 0, BEGIN, words[:, :, tf.maximum(position - 1, 0)])
    state, logits, attention = decoder.step(search.scene, search.state, last)
    total, beam, word = _choose(logits, search, position, rules)
    words = _write(tf.gather(words, beam, batch_dims=1), word, position)
    if rules.with_attention:
        history = _write(history, tf.cast(attention, tf.float32), position)
    return search._replace(
        sentences=_Sentences(words, total, tf.gather(history, beam, batch_dims=1)),
        ended=tf.gather(search.ended, beam, batch_dims=1) | (word == END),
        state=tf.nest.map_structure(lambda part: _gather_state(part, beam), state),
    )


def _choose(
    logits: Any, search: _Search, position: Any, rules: SearchRules
) -> tuple[Any, Any, Any]:
    """logits (B, W, V) → of the beams that go on: total, the beam that each comes from, word,
    all (B, W). First the best words of each beam, then the best of those."""
    width = rules.beam_width
    allowed = logits + _forbidden(logits.shape[-1])
    if rules.blocked_ngram:
        said = search.sentences.words
        allowed += _repeated(said, position, rules.blocked_ngram, logits.shape[-1])
    steps, words = _best(allowed, width)  # (B, W, W)
    steps -= _log_sum(logits)
    # An ended beam goes on with PAD alone, and at no cost.
    ended = search.ended[:, :, tf.newaxis]
    steps = tf.where(ended, tf.one_hot(0, width, on_value=0.0, off_value=IMPOSSIBLE), steps)
    words = tf.where(ended, PAD, words)
    total = tf.reshape(search.sentences.total[:, :, tf.newaxis] + steps, (-1, width * width))
    total, choice = tf.math.top_k(total, width)
    word = tf.gather(tf.reshape(words, (-1, width * width)), choice, batch_dims=1)
    return total, choice // width, word


def _best(values: Any, count: int) -> tuple[Any, Any]:
    """values (B, W, V) → the greatest and their places, (B, W, count), as `top_k` has them.

    They lie in the groups that have the greatest maxima. Maxima are found much faster than a
    sorted few, which then are looked for in those groups alone.
    """
    width, vocabulary = values.shape[1:]
    if vocabulary <= count * GROUP:
        return tuple(tf.math.top_k(values, count))
    values = tf.pad(values, ((0, 0), (0, 0), (0, -vocabulary % GROUP)), constant_values=LEAST)
    groups = tf.reshape(values, (-1, width, values.shape[2] // GROUP, GROUP))
    _, group = tf.math.top_k(tf.reduce_max(groups, axis=-1), count)  # (B, W, count)
    few = tf.reshape(tf.gather(groups, group, batch_dims=2), (-1, width, count * GROUP))
    best, place = tf.math.top_k(few, count)
    return best, tf.gather(group, place // GROUP, batch_dims=2) * GROUP + place % GROUP


def _log_sum(logits: Any) -> Any:
    """(…, V) → (…, 1). TensorFlow's reduce_logsumexp passes over them twice as often, for the
    sake of values that are not finite."""
    peak = tf.reduce_max(logits, axis=-1, keepdims=True)
    return peak + tf.math.log(tf.reduce_sum(tf.exp(logits - peak), axis=-1, keepdims=True))


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


def _best_first(found: _Sentences, rules: SearchRules) -> tuple[Any, Any, Any]:
    length = tf.reduce_sum(tf.cast(found.words != PAD, tf.float32), axis=-1)
    score = found.total / tf.maximum(length, 1.0) ** rules.length_power
    order = tf.argsort(score, axis=-1, direction="DESCENDING", stable=True)
    return (
        tf.gather(found.words, order, batch_dims=1),
        tf.gather(found.total, order, batch_dims=1),
        tf.gather(found.attention, order, batch_dims=1),
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
        return search(self._decoder, grid, longest, self.rules)
