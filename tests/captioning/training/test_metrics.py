import numpy as np
import pytest

from captioning.training.meteor import meteor_stem
from captioning.training.metrics import METRICS, score
from captioning.vocabulary import words_of

HYPOTHESES = [
    words_of("a dog runs on the grass"),
    words_of("a man in a red shirt is climbing a rock"),
    words_of("two children play in the water"),
]
REFERENCES = [
    [words_of("a brown dog runs through the grass"), words_of("a dog is running on the lawn")],
    [words_of("a climber in a red shirt scales a rock"), words_of("a man is climbing up a cliff")],
    [words_of("two kids splash in the water"), words_of("children play in the sea")],
]
# Printed by pycocoevalcap 1.2 (Bleu(4), Rouge(), Cider()) for the sentences above.
PUBLISHED = {
    "BLEU-1": 1.0,
    "BLEU-2": 0.858395,
    "BLEU-3": 0.612926,
    "BLEU-4": 0.433838,
    "ROUGE-L": 0.747334,
    "CIDEr-D": 3.145949,
}


def test_the_metrics_are_those_of_the_published_implementation() -> None:
    values = score(HYPOTHESES, REFERENCES).intervals(resamples=10)
    for name, value in PUBLISHED.items():
        assert values[name].value == pytest.approx(value, abs=1e-3)


def test_a_perfect_caption_scores_one_and_an_empty_one_nothing() -> None:
    scores = score([REFERENCES[0][0], []], REFERENCES[:2])
    assert scores.rouge_l.tolist() == [1.0, 0.0]
    assert scores.cider_d[0] > 0
    assert scores.cider_d[1] == 0


def test_meteor_stem_matches_stems_and_prefers_whole_runs() -> None:
    # Given a hypothesis that shares five words of six with a reference of seven,
    # "runs" and "running" among them, in two runs of words
    precision, recall = 5 / 6, 5 / 7
    mean = precision * recall / (0.9 * precision + 0.1 * recall)
    by_hand = mean * (1 - 0.5 * (2 / 5) ** 3)
    # Then that reference counts, since the other shares as much in three runs
    assert meteor_stem(HYPOTHESES[0], REFERENCES[0]) == pytest.approx(by_hand)
    assert meteor_stem(HYPOTHESES[0], REFERENCES[0][:1]) < by_hand
    assert meteor_stem([], REFERENCES[0]) == meteor_stem(["zebra"], REFERENCES[0]) == 0


def test_an_interval_encloses_its_value_and_is_the_same_each_time() -> None:
    scores = score(HYPOTHESES, REFERENCES)
    one, two = scores.intervals(resamples=200), scores.intervals(resamples=200)
    assert one == two
    for name in METRICS:
        assert one[name].low <= one[name].value + 1e-9
        assert np.isfinite(one[name].high)
