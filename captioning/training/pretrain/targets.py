"""Crops and what the teacher made of them, on disk: computed once, read in every pass.

    0/train-3.crops.npy     (N, S, S, 3) uint8    generation 0, view 3
    0/train-3.grid.npy      (N, G, G, P) float16  and low, middle, pooled, classes likewise
    standard.safetensors    means, scales and components, from the first pictures

A view grows batch by batch; a run that follows a kill goes on behind its last whole batch.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from captioning.pictures import Pixels
from captioning.tensor_files import write_tensors
from captioning.training.captioned import CaptionedPictures
from captioning.training.feature_files import Rows
from captioning.training.pretrain.config import PretrainConfig
from captioning.training.pretrain.crops import WHOLE, box_of, cut
from captioning.training.pretrain.teacher import Outputs, Standard, ask

SAMPLE = 512  # pictures for the standard
Table = dict[str, NDArray[Any]]  # name → (N, …), memory-mapped
Advance = Callable[[str, int, int], None]  # what, rows done, rows in all


class TargetCache:
    """Where crops and targets of a pretraining lie."""

    def __init__(
        self, folder: Path, config: PretrainConfig, teacher: keras.Model, advance: Advance
    ) -> None:
        self._folder = folder
        self._config = config
        self._teacher = teacher
        self._advance = advance

    def standard(self, train: CaptionedPictures) -> Standard:
        """Of the first pictures of train, whole; kept, so that it is the same ever after."""
        path = self._folder / "standard.safetensors"
        if not path.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            said = [
                ask(self._teacher, crops[0])
                for crops in self._batches(train, range(min(SAMPLE, len(train))), (0, WHOLE))
            ]
            sample = {name: np.concatenate([each[name] for each in said]) for name in said[0]}
            standard = Standard.of(sample, components=self._config.teacher.components)
            write_tensors(path, standard.tensors())
        return Standard(**load_file(path))

    def views(
        self,
        split: str,
        pictures: CaptionedPictures,
        standard: Standard,
        *,
        generation: int,
        views: int,
    ) -> list[Table]:
        """Each view as a table, computed where it is not there yet."""
        places = [(generation if view != WHOLE else 0, view) for view in range(views)]
        return [self._view(split, pictures, standard, place) for place in places]

    def forget_before(self, generation: int) -> None:
        """Remove earlier crops of train; whole pictures are the same in every generation."""
        for old in range(generation):
            for file in (self._folder / str(old)).glob("train-[!0]*"):
                file.unlink()

    def _view(
        self, split: str, pictures: CaptionedPictures, standard: Standard, place: tuple[int, int]
    ) -> Table:
        generation, view = place
        stem = self._folder / str(generation) / f"{split}-{view}"
        if not stem.with_suffix(".complete").exists():
            stem.parent.mkdir(parents=True, exist_ok=True)
            self._write(stem, pictures, standard, place)
        names = stem.with_suffix(".complete").read_text().split()
        return {name: np.load(f"{stem}.{name}.npy", mmap_mode="r") for name in names}

    def _write(
        self, stem: Path, pictures: CaptionedPictures, standard: Standard, place: tuple[int, int]
    ) -> None:
        mark = stem.with_suffix(".rows")
        done = int(mark.read_text() or 0) if mark.exists() else 0
        done = min(done, len(pictures) - 1)  # one row at least tells the shapes
        files: dict[str, Rows] = {}
        try:
            for large, small in self._batches(pictures, range(done, len(pictures)), place):
                rows = {"crops": small, **standard(ask(self._teacher, large))}
                files = files or _open(stem, rows, done)
                for name, file in files.items():
                    file.append(rows[name])
                done += len(small)
                mark.write_text(str(done))
                self._advance(stem.name, done, len(pictures))
        except BaseException:
            for file in files.values():
                file.close()
            raise
        for file in files.values():
            file.complete(done)
        stem.with_suffix(".complete").write_text(" ".join(files))
        mark.unlink()

    def _batches(
        self, pictures: CaptionedPictures, numbers: range, place: tuple[int, int]
    ) -> Iterator[tuple[Pixels, Pixels]]:
        """(B, S, S, 3) in the teacher's size and in the largest of the student's."""
        generation, view = place
        sizes = (self._config.teacher.input_size, self._config.largest)

        def crop(number: int) -> tuple[Pixels, ...]:
            image = pictures.open(number)
            key = (self._config.seed, generation, number)
            return cut(image, box_of(image, key, view=view, area=self._config.teacher.area), sizes)

        batch = self._config.teacher.batch
        with ThreadPoolExecutor() as decoders:
            for start in range(numbers.start, numbers.stop, batch):
                chosen = range(start, min(start + batch, numbers.stop))
                large, small = zip(*decoders.map(crop, chosen), strict=True)
                yield np.stack(large), np.stack(small)


def _open(stem: Path, rows: Outputs, done: int) -> dict[str, Rows]:
    return {
        name: Rows(Path(f"{stem}.{name}.npy"), each.shape[1:], done, dtype=each.dtype.str)
        for name, each in rows.items()
    }
