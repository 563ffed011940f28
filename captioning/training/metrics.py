"""BLEU-1…4, ROUGE-L and CIDEr-D, as the COCO caption evaluation defines them; METEOR-stem.

The definitions are those of the published reference implementation (pycocoevalcap), down
to its constants; words are split by `captioning.vocabulary.words_of` rather than by the
Penn Treebank's tokenizer, which needs Java.

BLEU: Papineni et al. 2002, closest reference length. ROUGE-L: Lin 2004, β = 1.2. CIDEr-D:
Vedantam et al. 2015 (https://arxiv.org/abs/1411.5726), σ = 6, times ten.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from captioning.training.meteor import meteor_stem

Words = Sequence[str]
Floats = NDArray[np.float64]

LONGEST_NGRAM = 4
ROUGE_BETA = 1.2
CIDER_SIGMA = 6.0
METRICS = ("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L", "METEOR-stem", "CIDEr-D")


@dataclass(frozen=True)
class Interval:
    """value: over all pictures; low, high: 95 % bootstrap interval over the pictures."""

    value: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float]:
        return {name: round(value, 4) for name, value in asdict(self).items()}


def ngrams_of(words: Words) -> Counter[tuple[str, ...]]:
    """How often each run of one to four words occurs."""
    return Counter(
        tuple(words[start : start + n])
        for n in range(1, LONGEST_NGRAM + 1)
        for start in range(len(words) - n + 1)
    )


class ConsensusScorer:
    """CIDEr-D against fixed references, prepared once.

    Document frequencies come from the references themselves, one document per picture.
    """

    def __init__(self, references: Sequence[Sequence[Words]]) -> None:
        counts = [[ngrams_of(reference) for reference in group] for group in references]
        self._documents: Counter[tuple[str, ...]] = Counter()
        for group in counts:
            self._documents.update(set().union(*group))
        self._log_pictures = math.log(float(len(references)))
        self._references = [[self._weigh(reference) for reference in group] for group in counts]

    def score(self, picture: int, words: Words) -> float:
        """CIDEr-D of one sentence for the picture of this number."""
        hypothesis = self._weigh(ngrams_of(words))
        references = self._references[picture]
        total = sum(_likeness(hypothesis, reference) for reference in references)
        return 10.0 * total / len(references)

    def _weigh(self, counts: Counter[tuple[str, ...]]) -> "_Weighed":
        weights = {}
        squares = [0.0] * LONGEST_NGRAM
        documents, log_pictures = self._documents, self._log_pictures
        for ngram, count in counts.items():
            weight = count * (log_pictures - math.log(max(1.0, documents.get(ngram, 0))))
            weights[ngram] = weight
            squares[len(ngram) - 1] += weight * weight
        # The reference implementation measures length in pairs of words.
        pairs = sum(count for ngram, count in counts.items() if len(ngram) == 2)
        return _Weighed(weights, [math.sqrt(square) for square in squares], pairs)


@dataclass(frozen=True, slots=True)
class _Weighed:
    weights: dict[tuple[str, ...], float]
    norms: list[float]
    length: int


def _likeness(hypothesis: _Weighed, reference: _Weighed) -> float:
    products = [0.0] * LONGEST_NGRAM
    theirs = reference.weights
    for ngram, weight in hypothesis.weights.items():
        other = theirs.get(ngram)
        if other is not None:
            products[len(ngram) - 1] += min(weight, other) * other
    shared = 0.0
    for product, one, two in zip(products, hypothesis.norms, reference.norms, strict=True):
        if one and two:
            shared += product / (one * two)
    difference = hypothesis.length - reference.length
    return shared / LONGEST_NGRAM * math.exp(-(difference**2) / (2 * CIDER_SIGMA**2))


def rouge_l(hypothesis: Words, references: Sequence[Words]) -> float:
    """Longest common subsequence: best precision and best recall over the references."""
    if not hypothesis:
        return 0.0
    common = [_longest_common(hypothesis, reference) for reference in references]
    precision = max(common) / len(hypothesis)
    recall = max(c / len(reference) for c, reference in zip(common, references, strict=True))
    if not precision or not recall:
        return 0.0
    return (1 + ROUGE_BETA**2) * precision * recall / (recall + ROUGE_BETA**2 * precision)


def _longest_common(one: Words, two: Words) -> int:
    row = [0] * (len(two) + 1)
    for word in one:
        corner = 0
        for place, other in enumerate(two, start=1):
            above = row[place]
            row[place] = corner + 1 if word == other else max(above, row[place - 1])
            corner = above
    return row[-1]


def bleu_counts(hypothesis: Words, references: Sequence[Words]) -> Floats:
    """What BLEU adds up: matches and guesses of n = 1…4, own length, closest reference's: (10,)."""
    own = ngrams_of(hypothesis)
    most: Counter[tuple[str, ...]] = Counter()
    for reference in references:
        most |= ngrams_of(reference)
    row = np.zeros(2 * LONGEST_NGRAM + 2)
    for ngram, count in own.items():
        row[len(ngram) - 1] += min(count, most[ngram])
        row[LONGEST_NGRAM + len(ngram) - 1] += count
    length = len(hypothesis)
    row[-2] = length
    row[-1] = min((abs(len(r) - length), len(r)) for r in references)[1]
    return row


def bleu(counts: Floats) -> Floats:
    """counts: sums of `bleu_counts`, (…, 10) → BLEU-1…4, (…, 4)."""
    matches = counts[..., :LONGEST_NGRAM] + 1e-15
    guesses = counts[..., LONGEST_NGRAM : 2 * LONGEST_NGRAM] + 1e-9
    means = np.cumsum(np.log(matches / guesses), axis=-1) / np.arange(1, LONGEST_NGRAM + 1)
    ratio = (counts[..., -2:-1] + 1e-15) / (counts[..., -1:] + 1e-9)
    brevity = np.where(ratio < 1, np.exp(1 - 1 / ratio), 1.0)
    return np.asarray(np.exp(means) * brevity)


@dataclass(frozen=True)
class Scores:
    """Per picture: counts (N, 10) for BLEU, rouge_l (N,), meteor_stem (N,), cider_d (N,)."""

    counts: Floats
    rouge_l: Floats
    meteor_stem: Floats
    cider_d: Floats

    def over(self, weights: Floats) -> Floats:
        """weights (R, N), how often each picture counts → METRICS of each row, (R, 7)."""
        totals = weights.sum(axis=1)
        rouge = weights @ self.rouge_l / totals
        meteor = weights @ self.meteor_stem / totals
        cider = weights @ self.cider_d / totals
        return np.column_stack([bleu(weights @ self.counts), rouge, meteor, cider])

    def intervals(self, *, resamples: int = 1000, seed: int = 0) -> dict[str, Interval]:
        """Each metric with its 95 % interval over bootstrap resamples of the pictures."""
        number = len(self.cider_d)
        value = self.over(np.ones((1, number)))[0]
        even = np.full(number, 1 / number)
        weights = np.random.default_rng(seed).multinomial(number, even, size=resamples)
        low, high = np.percentile(self.over(weights.astype(np.float64)), [2.5, 97.5], axis=0)
        return {
            name: Interval(float(value[i]), float(low[i]), float(high[i]))
            for i, name in enumerate(METRICS)
        }


def score(hypotheses: Sequence[Words], references: Sequence[Sequence[Words]]) -> Scores:
    """One hypothesis per picture against its references."""
    consensus = ConsensusScorer(references)
    pairs = list(zip(hypotheses, references, strict=True))
    return Scores(
        counts=np.stack([bleu_counts(*pair) for pair in pairs]),
        rouge_l=np.array([rouge_l(*pair) for pair in pairs]),
        meteor_stem=np.array([meteor_stem(*pair) for pair in pairs]),
        cider_d=np.array([consensus.score(i, words) for i, words in enumerate(hypotheses)]),
    )
