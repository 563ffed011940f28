"""METEOR-stem: METEOR without Java, without synonyms and without paraphrases.

METEOR as Banerjee and Lavie described it in 2005 (https://aclanthology.org/W05-0909), computed
by NLTK: words match that are equal, or whose stems by Porter are. The usual METEOR 1.5 also
matches WordNet's synonyms and a table of paraphrases, and its figures are not comparable.
"""

from collections.abc import Sequence
from functools import lru_cache

from nltk.stem.porter import PorterStemmer
from nltk.translate.meteor_score import meteor_score

Words = Sequence[str]


class _Stemmer:
    """Porter's, which remembers: captions are made of few words."""

    stem = staticmethod(lru_cache(maxsize=None)(PorterStemmer().stem))


class _NoSynonyms:
    """In the place of WordNet, whose data is not on a package index."""

    @staticmethod
    def synsets(_word: str) -> list[object]:
        return []


def meteor_stem(hypothesis: Words, references: Sequence[Words]) -> float:
    """The best over the references, 0 to 1."""
    if not hypothesis:
        return 0.0
    return float(meteor_score(references, hypothesis, stemmer=_Stemmer(), wordnet=_NoSynonyms()))
