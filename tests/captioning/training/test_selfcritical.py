"""Learning from the score of whole sentences."""

import numpy as np
import pytest
import tensorflow as tf

from captioning.decoder import make_decoder
from captioning.decoder.config import DecoderConfig
from captioning.training.selfcritical import Critic, advantage_loss, make_sampler
from captioning.vocabulary import BEGIN, END, MARKS, NEVER_SAID, PAD, Vocabulary

WORDS = Vocabulary((*MARKS, "a", "dog", "cat", "runs", "sleeps"))
SENTENCES, LONGEST = 6, 5


@pytest.fixture
def decoder():
    sizes = DecoderConfig(
        "attend", len(WORDS), channels=8, word_vector=8, memory=8, values=8, heads=2
    )
    return make_decoder(sizes, cells=4)


@pytest.fixture
def grid():
    return np.random.default_rng(5).normal(size=(3, 4, 8)).astype(np.float16)


def test_sentences_are_drawn_from_words_and_end_once(decoder, grid):
    said = make_sampler(decoder, sentences=SENTENCES, longest=LONGEST)(grid, [1, 2]).numpy()
    assert said.shape == (3, SENTENCES, LONGEST + 1)
    assert (said[:, :, 0] == BEGIN).all()
    for sentence in said[:, :, 1:].reshape(-1, LONGEST):
        ends = np.flatnonzero(sentence == END)
        words = sentence[: ends[0]] if len(ends) else sentence
        assert not np.isin(words, NEVER_SAID).any()
        assert len(ends) <= 1
        assert (sentence[len(words) + 1 :] == PAD).all()


def test_marks_gain_nothing_from_what_bad_sentences_lose(decoder, grid):
    # Given drawn sentences that all were worse than expected
    said = make_sampler(decoder, sentences=SENTENCES, longest=LONGEST)(grid, [1, 2])
    worse = tf.fill([3, SENTENCES], -1.0)
    # When the decoder learns from them
    with tf.GradientTape() as tape:
        loss = advantage_loss(decoder, grid, said, worse)
    slope = tape.gradient(loss, decoder.word_bias).numpy()
    # Then probability moves among the words that can be said, and to no mark
    assert np.abs(slope[list(NEVER_SAID)]).max() < 1e-7
    assert np.abs(slope).max() > 1e-4


def test_the_better_sentence_of_a_picture_is_the_one_to_learn():
    # Given a picture of a dog, and one of a cat
    captions = [[["a", "dog", "runs"]] * 2, [["a", "cat", "sleeps"]] * 2]
    critic = Critic(captions, WORDS, bleu_weight=0.0)
    # When the first gets a right sentence and a wrong one
    right = [BEGIN, *WORDS.encode(["a", "dog", "runs"]), END]
    wrong = [BEGIN, *WORDS.encode(["a", "cat", "runs"]), END]
    _, advantages = critic.advantages(np.array([0]), np.array([[right, wrong]]))
    # Then what one is better by, the other is worse by
    assert advantages[0, 0] > 0
    assert advantages[0, 0] == pytest.approx(-advantages[0, 1])
