"""Which pictures a pretraining learns from, and which words stand in their captions."""

import io
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from captioning.errors import DatasetError
from captioning.training.datasets import Refusal, find_captions, read_captions, without_pictures
from captioning.training.picture_sets import PictureSet, find_picture_sets

Captions = dict[str, list[tuple[str, ...]]]


@dataclass(frozen=True)
class Pictures:
    """Pictures of one split that can be read and have captions. names: in order; refused: what
    was left out, and why."""

    names: tuple[str, ...]
    files: PictureSet
    captions: Captions
    refused: tuple[Refusal, ...]

    def __len__(self) -> int:
        return len(self.names)

    def open(self, number: int) -> Image.Image:
        """The picture of this number, decoded, RGB."""
        with Image.open(io.BytesIO(self.files.read(self.names[number]))) as image:
            return image.convert("RGB")

    def words(self) -> Iterable[set[str]]:
        """The words of each picture."""
        return ({word for said in self.captions[name] for word in said} for name in self.names)


def read_pictures(dataset: Path, split: str) -> Pictures:
    """Every picture is decoded once, so that a broken one is found now and not at night.

    Raises DatasetError where the data set has no such split, or nothing in it can be used.
    """
    sets, file = find_picture_sets(dataset), find_captions(dataset, split)
    if split not in sets:
        raise DatasetError(dataset, f"has no pictures of the split {split}")
    captions = without_pictures(read_captions(file, split=split), sets[split].names, file)
    with ThreadPoolExecutor() as decoders:
        names = sorted(captions.by_picture)
        faults = list(decoders.map(lambda name: _fault(sets[split], name), names))
    broken = [Refusal(Path(n), 0, fault) for n, fault in zip(names, faults, strict=True) if fault]
    kept = tuple(name for name, fault in zip(names, faults, strict=True) if not fault)
    if not kept:
        raise DatasetError(dataset, f"no picture of {split} has a caption and can be read")
    refused = (*captions.refused, *broken)
    return Pictures(kept, sets[split], captions.by_picture, refused)


def _fault(pictures: PictureSet, name: str) -> str:
    try:
        with Image.open(io.BytesIO(pictures.read(name))) as image:
            image.load()
    except (OSError, KeyError, SyntaxError, ValueError) as error:
        return f"the picture cannot be read: {error}"
    return ""


def common_words(pictures: Pictures, *, minimum_count: int) -> tuple[str, ...]:
    """Words in the captions of at least so many pictures, in alphabetical order.

    Raises DatasetError where no word is that common.
    """
    counts = Counter(word for words in pictures.words() for word in words)
    common = tuple(sorted(word for word, count in counts.items() if count >= minimum_count))
    if not common:
        reason = f"no word stands in the captions of {minimum_count} pictures"
        raise DatasetError(Path(pictures.names[0]), f"{reason}; lower minimum_count")
    return common


def word_table(pictures: Pictures, words: Sequence[str]) -> NDArray[np.float16]:
    """(N, W): 1 where the word stands in a caption of the picture."""
    column = {word: number for number, word in enumerate(words)}
    table = np.zeros((len(pictures), len(words)), np.float16)
    for row, said in zip(table, pictures.words(), strict=True):
        row[[column[word] for word in said if word in column]] = 1
    return table
