"""Pictures with their captions: those of a split that can be used, and why the rest cannot."""

import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from captioning.errors import DatasetError
from captioning.pictures import PICTURE_ERRORS, fault_of
from captioning.training.datasets import Captions, captions_of, find_captions, without_pictures
from captioning.training.picture_sets import PictureSet, find_picture_sets


@dataclass(frozen=True)
class CaptionedPictures:
    """Pictures of one split that can be read and have captions. names: sorted; captions: of
    these pictures, and what was left out."""

    names: tuple[str, ...]
    files: PictureSet
    captions: Captions

    def __len__(self) -> int:
        return len(self.names)

    def open(self, number: int) -> Image.Image:
        """The picture of this number, decoded, RGB."""
        with Image.open(io.BytesIO(self.files.read(self.names[number]))) as image:
            return image.convert("RGB")

    def words(self) -> Iterable[set[str]]:
        """The words of each picture."""
        groups = (self.captions.by_picture[name] for name in self.names)
        return ({word for said in group for word in said} for group in groups)


def read_pictures(dataset: Path, split: str, file: Path | None = None) -> CaptionedPictures:
    """Every picture is decoded once, so that a broken one is found now and not at night.

    file: of the captions, where it is not the one that lies in the data set. Raises
    DatasetError where the data set has no such split, or nothing in it can be used.
    """
    sets = find_picture_sets(dataset)
    if split not in sets:
        raise DatasetError(
            dataset, f"has no pictures of the split {split}, only of {', '.join(sorted(sets))}"
        )
    file = file or find_captions(dataset, split)
    captions = captions_of(file, split, {name: each.names for name, each in sets.items()})
    faults = _faults(sets[split], list(captions.by_picture))
    readable = captions.by_picture.keys() - faults.keys()
    captions = without_pictures(captions, readable, file, faults)
    if not captions.by_picture:
        reason = f"no picture of {split} has a caption and can be read"
        first = "".join(f"; first refused: {refusal}" for refusal in captions.refused[:1])
        raise DatasetError(dataset, reason + first)
    return CaptionedPictures(tuple(sorted(captions.by_picture)), sets[split], captions)


def _faults(pictures: PictureSet, names: list[str]) -> dict[str, str]:
    """Why pictures cannot be used, by their names."""
    with ThreadPoolExecutor() as decoders:
        faults = decoders.map(lambda name: _fault(pictures, name), names)
        return {name: fault for name, fault in zip(names, faults, strict=True) if fault}


def _fault(pictures: PictureSet, name: str) -> str:
    try:
        with Image.open(io.BytesIO(pictures.read(name))) as image:
            image.load()
    except PICTURE_ERRORS as error:
        return f"the picture {name} cannot be read: {fault_of(error)}"
    return ""
