"""Which words a pretraining learns to predict, and in which captions they stand."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from captioning.training.captioned import CaptionedPictures
from captioning.training.config_files import too_rare


def common_words(pictures: CaptionedPictures, *, minimum_count: int) -> tuple[str, ...]:
    """Words in the captions of at least so many pictures, in alphabetical order.

    Raises SettingError where no word is that common.
    """
    counts = Counter(word for words in pictures.words() for word in words)
    common = tuple(sorted(word for word, count in counts.items() if count >= minimum_count))
    if not common:
        raise too_rare(minimum_count)
    return common


def word_table(pictures: CaptionedPictures, words: Sequence[str]) -> NDArray[np.float16]:
    """(N, W): 1 where the word stands in a caption of the picture."""
    column = {word: number for number, word in enumerate(words)}
    table = np.zeros((len(pictures), len(words)), np.float16)
    for row, said in zip(table, pictures.words(), strict=True):
        row[[column[word] for word in said if word in column]] = 1
    return table
