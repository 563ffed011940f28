"""Words and their numbers.

A word is a run of letters and digits, in lower case, hyphens inside kept (`t-shirt`);
the possessive `'s` stands alone. Everything else separates words and is dropped.
"""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from captioning.errors import CheckpointError, reason_of

WORD = re.compile(r"'s\b|[^\W_]+(?:-[^\W_]+)*(?:'(?!s\b)[^\W_]+)?")

PAD, BEGIN, END, UNKNOWN = 0, 1, 2, 3
MARKS = ("<pad>", "<begin>", "<end>", "<unknown>")
NEVER_SAID = (PAD, BEGIN, UNKNOWN)


def words_of(sentence: str) -> list[str]:
    """`A man's T-shirt.` → `a`, `man`, `'s`, `t-shirt`."""
    return WORD.findall(unicodedata.normalize("NFKC", sentence).lower().replace("’", "'"))


def sentence_of(words: Iterable[str]) -> str:
    """The opposite of `words_of`, as one line."""
    return " ".join(words).replace(" 's", "'s")


@dataclass(frozen=True)
class Vocabulary:
    """words: the marks first, then the rest from frequent to rare; the place is the number."""

    words: tuple[str, ...]

    @classmethod
    def of(cls, captions: Iterable[Sequence[str]], *, minimum_count: int) -> "Vocabulary":
        """Every word that stands at least `minimum_count` times in the captions."""
        counts = Counter(word for caption in captions for word in caption)
        kept = [word for word, count in counts.items() if count >= minimum_count]
        return cls((*MARKS, *sorted(kept, key=lambda word: (-counts[word], word))))

    @classmethod
    def load(cls, path: Path) -> "Vocabulary":
        """Raises CheckpointError where the file is not a list of distinct words."""
        try:
            words = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CheckpointError(
                path, f"cannot be read: {reason_of(error)}; copy it anew"
            ) from error
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise CheckpointError(path, "is not a list of words")
        if tuple(words[: len(MARKS)]) != MARKS or len(set(words)) != len(words):
            raise CheckpointError(path, f"does not begin with {MARKS}, or repeats a word")
        return cls(tuple(words))

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(self.words, ensure_ascii=False, indent=0), encoding="utf-8")

    def __len__(self) -> int:
        return len(self.words)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words)}

    def encode(self, words: Iterable[str]) -> list[int]:
        """Words → numbers, without marks around them."""
        return [self._numbers.get(word, UNKNOWN) for word in words]

    def decode(self, numbers: Iterable[int]) -> list[str]:
        """Numbers → words, up to the end mark."""
        words = []
        for number in numbers:
            if number == END:
                break
            if number >= len(MARKS):
                words.append(self.words[number])
        return words
