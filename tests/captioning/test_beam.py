"""The compiled search against one that is written for reading: a sentence at a time."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from captioning.beam import Searcher, _best
from captioning.decoder import make_decoder
from captioning.decoder.config import DecoderConfig
from captioning.decoder.memory import State
from captioning.search_rules import SearchRules
from captioning.vocabulary import BEGIN, END, NEVER_SAID, PAD

CELLS, CHANNELS, WORDS, LONGEST = 4, 6, 10, 6


@pytest.fixture(scope="module", params=["attend", "merge"])
def decoder(request: pytest.FixtureRequest) -> Any:
    """A decoder with random weights, large enough that its words differ."""
    config = DecoderConfig(
        request.param, WORDS, CHANNELS, word_vector=8, memory=8, values=8, heads=2
    )
    decoder = make_decoder(config, CELLS)
    random = np.random.default_rng(7)
    for weight in decoder.weights:
        weight.assign(random.normal(size=weight.shape).astype(np.float32))
    return decoder


@pytest.fixture(scope="module")
def grid() -> NDArray[np.float32]:
    return np.random.default_rng(3).normal(size=(4, CELLS, CHANNELS)).astype(np.float32)


def reference(decoder: Any, grid: Any, rules: SearchRules) -> list[tuple[list[int], float]]:
    """One picture, (1, G, C) → the sentences of the beam, best first."""
    scene = decoder.look(tf.constant(grid))
    beams: list[tuple[list[int], float, State]] = [([], 0.0, decoder.begin(scene, 1))]
    for _ in range(LONGEST):
        if all(words and words[-1] == END for words, _, _ in beams):
            break
        beams = _extend(decoder, scene, beams, rules)
    ranked = sorted(beams, key=lambda b: -b[1] / len(b[0]) ** rules.length_power)
    return [(words, total) for words, total, _ in ranked]


def _extend(decoder: Any, scene: Any, beams: Any, rules: SearchRules) -> Any:
    candidates = []
    for words, total, state in beams:
        if words and words[-1] == END:
            candidates.append((words, total, state))
            continue
        last = tf.constant([[words[-1] if words else BEGIN]])
        after, logits, _ = decoder.step(scene, state, last)
        chances = tf.nn.log_softmax(logits)[0, 0].numpy()
        candidates += [
            ([*words, word], total + float(chances[word]), after)
            for word in range(WORDS)
            if word not in NEVER_SAID and not _repeats(words, word, rules.blocked_ngram)
        ]
    return sorted(candidates, key=lambda candidate: -candidate[1])[: rules.beam_width]


def _repeats(words: list[int], word: int, ngram: int) -> bool:
    grown = [*words, word]
    runs = [tuple(grown[i : i + ngram]) for i in range(len(grown) - ngram + 1)]
    return ngram > 0 and len(runs) > 1 and runs[-1] in runs[:-1]


@pytest.mark.parametrize(("width", "ngram"), [(1, 0), (3, 0), (3, 2)])
def test_the_compiled_search_finds_what_a_slow_one_finds(
    decoder: Any, grid: NDArray[np.float32], width: int, ngram: int
) -> None:
    rules = SearchRules(beam_width=width, blocked_ngram=ngram)
    found = Searcher(decoder, rules)(grid, LONGEST)
    for row in range(len(grid)):
        expected = reference(decoder, grid[row : row + 1], rules)
        said = [[int(w) for w in words if w != PAD] for words in found.words[row]]
        assert said == [words for words, _ in expected]
        totals = [total for _, total in expected]
        np.testing.assert_allclose(found.log_probabilities[row], totals, rtol=1e-4, atol=1e-4)


def test_a_settled_decoder_says_what_it_said_before(
    decoder: Any, grid: NDArray[np.float32]
) -> None:
    before = Searcher(decoder, SearchRules())(grid, LONGEST)
    settled = make_decoder(decoder.config, CELLS)
    settled.set_weights(decoder.get_weights())
    settled.settle()
    after = Searcher(settled, SearchRules())(grid, LONGEST)
    np.testing.assert_array_equal(after.words, before.words)
    np.testing.assert_allclose(after.log_probabilities, before.log_probabilities, rtol=1e-4)


def test_in_bfloat16_the_first_words_are_as_likely_to_a_twentieth(
    decoder: Any, grid: NDArray[np.float32]
) -> None:
    exact = Searcher(decoder, SearchRules(beam_width=1))(grid, 1)
    short = make_decoder(decoder.config, CELLS, "bfloat16")
    short.set_weights(decoder.get_weights())
    short.settle()
    found = Searcher(short, SearchRules(beam_width=1))(grid, 1)
    assert found.log_probabilities.dtype == np.float32
    np.testing.assert_allclose(found.log_probabilities, exact.log_probabilities, atol=0.05)


def test_pictures_whose_sentences_ended_leave_and_keep_their_places(decoder: Any) -> None:
    # Given pictures of which a decoder that likes to end says more or less
    brief = make_decoder(decoder.config, CELLS)
    brief.set_weights(decoder.get_weights())
    bias = next(weight for weight in brief.weights if weight.shape == (WORDS,))
    eager = 2 if decoder.config.kind == "attend" else 16
    bias.assign(bias.numpy() + eager * np.eye(WORDS)[END])
    many = np.random.default_rng(8).normal(scale=3, size=(16, CELLS, CHANNELS))
    searcher = Searcher(brief, SearchRules(with_attention=True))
    together = searcher(many.astype(np.float32), 2 * LONGEST)
    lengths = (together.words != PAD).sum(-1).max(-1)
    assert len(set(lengths.tolist())) > 1
    # Then each says and sees what it does alone
    for row in range(len(many)):
        alone = searcher(many[row : row + 1].astype(np.float32), 2 * LONGEST)
        np.testing.assert_array_equal(together.words[row], alone.words[0])
        np.testing.assert_allclose(together.attention[row], alone.attention[0], atol=1e-4)


def test_a_batch_size_is_traced_once(decoder: Any, grid: NDArray[np.float32]) -> None:
    searcher = Searcher(decoder, SearchRules())
    for size in (1, 4, 1, 4, 4):
        searcher(grid[:size], LONGEST)
    assert searcher.traces == 2


def test_a_picture_of_nothing_but_one_value_gets_a_sentence(decoder: Any) -> None:
    flat = np.full((1, CELLS, CHANNELS), 1234.567, np.float32)
    found = Searcher(decoder, SearchRules())(flat, LONGEST)
    assert np.isfinite(found.log_probabilities[0, 0])


def test_attention_is_a_share_of_the_cells(decoder: Any, grid: NDArray[np.float32]) -> None:
    found = Searcher(decoder, SearchRules(with_attention=True))(grid, LONGEST)
    assert found.attention.shape[-1] == CELLS
    assert found.attention.min() >= 0
    assert found.attention.sum(axis=-1).max() <= 1 + 1e-5


@pytest.mark.parametrize("vocabulary", [10, 500, 512])
def test_the_best_of_many_words_are_those_that_sorting_finds(vocabulary: int) -> None:
    values = np.random.default_rng(9).permutation(6 * vocabulary).reshape(2, 3, vocabulary)
    best, places = _best(tf.constant(values, tf.float32), 3)
    expected = np.argsort(-values)[:, :, :3]
    np.testing.assert_array_equal(places, expected)
    np.testing.assert_array_equal(best, np.take_along_axis(values, expected, axis=2))
