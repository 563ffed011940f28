"""Learning from the score of whole sentences.

Self-critical sequence training (Rennie et al. 2017, https://arxiv.org/abs/1612.00563): the
decoder says several sentences per picture by chance, and those that score better than the
others of the same picture become likelier. The baseline is the mean score of the picture's
other sentences (Luo 2020, https://arxiv.org/abs/2003.09971). The end mark counts as a word
in the score, or sentences would learn to break off after "in a".
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from captioning.decoder.packing import words_at
from captioning.training.metrics import ConsensusScorer, bleu_counts
from captioning.vocabulary import BEGIN, END, MARKS, NEVER_SAID, PAD, Vocabulary

END_WORD = MARKS[END]


def make_sampler(decoder: Any, *, sentences: int, longest: int) -> Any:
    """grid (B, G, C), seed (2,) → sentences drawn word by word, (B, S, longest + 1) int32."""

    def sample(grid: Any, seed: Any) -> Any:
        scene = decoder.look(tf.cast(grid, tf.float32))
        pictures = tf.shape(grid)[0]
        words = tf.fill([pictures, sentences], BEGIN)
        said = tf.TensorArray(tf.int32, size=longest, element_shape=[None, sentences])
        going = tf.ones([pictures, sentences], tf.bool)
        state = decoder.begin(scene, sentences)

        def advance(position: Any, words: Any, going: Any, state: Any, said: Any) -> Any:
            state, logits, _ = decoder.step(scene, state, words)
            logits = _sayable(logits)
            drawn = tf.random.stateless_categorical(
                tf.reshape(logits, (-1, logits.shape[-1])), 1, seed + position, tf.int32
            )
            words = tf.where(going, tf.reshape(drawn, (-1, sentences)), PAD)
            said = said.write(position, words)
            return position + 1, words, going & (words != END), state, said

        _, _, _, _, said = tf.while_loop(
            lambda position, *_: position < longest,
            advance,
            (tf.constant(0), words, going, state, said),
        )
        begin = tf.fill([pictures, sentences, 1], BEGIN)
        return tf.concat([begin, tf.transpose(said.stack(), (1, 2, 0))], axis=-1)

    return tf.function(sample, autograph=False)


class Critic:
    """Scores sampled sentences against the captions of their pictures."""

    def __init__(
        self,
        captions: Sequence[Sequence[Sequence[str]]],
        vocabulary: Vocabulary,
        *,
        bleu_weight: float,
    ) -> None:
        self._vocabulary = vocabulary
        self._bleu_weight = bleu_weight
        self._references = [[[*words, END_WORD] for words in group] for group in captions]
        self._consensus = ConsensusScorer(self._references)

    def advantages(self, pictures: NDArray[np.int64], said: NDArray[np.int32]) -> Any:
        """said: (B, S, T + 1), begun by BEGIN → (mean score, advantages (B, S) float32)."""
        scores = np.array(
            [
                [self._score(int(picture), sentence[1:]) for sentence in group]
                for picture, group in zip(pictures, said, strict=True)
            ]
        )
        others = (scores.sum(axis=1, keepdims=True) - scores) / (scores.shape[1] - 1)
        return float(scores.mean()), (scores - others).astype(np.float32)

    def _score(self, picture: int, numbers: NDArray[np.int32]) -> float:
        words = self._vocabulary.decode(numbers)
        if END in numbers:
            words = [*words, END_WORD]
        score = self._consensus.score(picture, words)
        if self._bleu_weight:
            score += self._bleu_weight * sentence_bleu(words, self._references[picture])
        return score


def sentence_bleu(words: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """BLEU-4 of one sentence, one added to the counts of n > 1 (Lin and Och 2004)."""
    counts = bleu_counts(words, references)
    if not counts[0]:
        return 0.0
    ratios = [counts[0] / counts[4], *((counts[n] + 1) / (counts[4 + n] + 1) for n in (1, 2, 3))]
    brevity = min(1.0, math.exp(1 - counts[-1] / counts[-2]))
    return brevity * math.exp(sum(map(math.log, ratios)) / 4)


def advantage_loss(decoder: Any, grid: Any, said: Any, advantages: Any) -> Any:
    """REINFORCE: grid (B, G, C) float16, said (B, S, T + 1), advantages (B, S)."""
    # Without dropout, as they were drawn: REINFORCE holds for the network's own sentences only.
    vectors, packed = decoder.teach(tf.cast(grid, tf.float32), said, training=False)  # (M, E)
    # Among the words that could be drawn: a mark that never is would take up, unpunished,
    # whatever probability bad sentences lose, until no sentence has any left.
    chances = tf.nn.log_softmax(_sayable(decoder.say(vectors)))
    chances = tf.gather(chances, words_at(said, packed, offset=1), batch_dims=1)
    weights = tf.gather(tf.reshape(advantages, (-1,)), packed.places[:, 0])
    return -tf.reduce_mean(weights * chances)


def _sayable(logits: Any) -> Any:
    """(…, V) → the same, with no chance for the marks that a sentence never holds."""
    never = tf.reduce_sum(tf.one_hot(NEVER_SAID, logits.shape[-1]), axis=0)  # (V,)
    return logits - 1e9 * never
