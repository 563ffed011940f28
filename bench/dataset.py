"""What the benches of quality share: pictures with known captions, and how well they are said."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from bench.measure import Measurement
from captioning.captioner import Captioner, CaptionOptions
from captioning.training.datasets import find_captions, read_captions
from captioning.training.metrics import score
from captioning.training.picture_sets import find_picture_sets
from captioning.vocabulary import words_of

CHUNK = 32


@dataclass(frozen=True)
class Judged:
    """Some pictures of a dev split, as files, with the captions that people gave them."""

    pictures: list[bytes]
    references: list[list[tuple[str, ...]]]

    @classmethod
    def of(cls, dataset: Path, most: int | None = None) -> "Judged":
        """The first pictures of the split, all without `most`. Raises DatasetError."""
        pictures = find_picture_sets(dataset)["dev"]
        captions = read_captions(find_captions(dataset, "dev"), split="dev").by_picture
        names = list(islice((name for name in captions if name in pictures.names), most))
        return cls([pictures.read(name) for name in names], [captions[name] for name in names])

    def __len__(self) -> int:
        return len(self.pictures)

    def metrics(self, captioner: Captioner) -> dict[str, float]:
        """BLEU-1…4, ROUGE-L and CIDEr-D with beam 3."""
        said: list[str] = []
        for start in range(0, len(self), CHUNK):
            prepared = [captioner.prepare(data) for data in self.pictures[start : start + CHUNK]]
            said += [caption.text for caption in captioner.caption(prepared, CaptionOptions())]
        intervals = score([words_of(text) for text in said], self.references).intervals()
        return {name: round(interval.value, 4) for name, interval in intervals.items()}

    def prepared(self, captioner: Captioner, count: int) -> Any:
        """The first pictures as the captioner takes them: (count, S, S, 3)."""
        return np.stack([captioner.prepare(data) for data in self.pictures[:count]])


def missing(
    names: Iterable[str], goal: float | None, unit: str, *, higher_is_better: bool
) -> list[Measurement]:
    """What stands in place of figures that need a data set."""
    why = {"missing": "pictures with captions: make bench DATASET=folder (Flickr8k)"}
    return [Measurement(name, None, goal, unit, higher_is_better, why) for name in names]
