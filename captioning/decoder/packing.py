"""Sentences of different lengths without the empty places between them.

Half of a batch of captions is padding. Ordered by length, all sentences that still go on at
a position stand in front, so that the recurrence takes fewer rows from word to word and
every other product sees words only.
"""

from typing import Any, NamedTuple

import tensorflow as tf

from captioning.vocabulary import PAD


class Packed(NamedTuple):
    """N sentences of T positions that hold M words, all first words first.

    places: (M, 2), sentence and position of each word; counts: (T,), words per position.
    """

    places: Any
    counts: Any


def pack(captions: Any) -> Packed:
    """captions: (B, S, T + 1), begun by BEGIN, ended by END → the places that have a successor."""
    length = captions.shape[2] - 1
    following = tf.reshape(captions[:, :, 1:], (-1, length))  # (N, T)
    lengths = tf.reduce_sum(tf.cast(following != PAD, tf.int32), axis=1)
    order = tf.argsort(lengths, direction="DESCENDING", stable=True)
    goes_on = tf.gather(lengths, order) > tf.range(length)[:, tf.newaxis]  # (T, N)
    position, rank = tf.unstack(tf.cast(tf.where(goes_on), tf.int32), axis=1)
    places = tf.stack([tf.gather(order, rank), position], axis=1)
    return Packed(places, tf.reduce_sum(tf.cast(goes_on, tf.int32), axis=1))


def words_at(captions: Any, packed: Packed, *, offset: int) -> Any:
    """The words at the places (offset 0) or after them (offset 1): (M,)."""
    sentences = tf.reshape(captions, (-1, captions.shape[2]))
    return tf.gather_nd(sentences, packed.places + tf.constant([0, offset]))
