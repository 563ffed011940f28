"""Features and captions, side by side, as batches.

Every order and every choice follows from the seed and the number of the pass alone, so a
training that was killed sees after its resumption what it would have seen.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from captioning.errors import DatasetError, reason_of
from captioning.training.datasets import Captions, captions_of
from captioning.training.feature_files import read_json, read_refused
from captioning.training.picture_sets import SPLITS
from captioning.vocabulary import BEGIN, END, PAD, Vocabulary

Grid = NDArray[np.float16]  # (N, G, C)


@dataclass(frozen=True)
class Examples:
    """Pictures with their captions.

    views: grids of the same pictures in the same order; captions: words, per picture.
    """

    names: tuple[str, ...]
    views: tuple[Grid, ...]
    captions: tuple[tuple[tuple[str, ...], ...], ...]

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class Batch:
    """pictures: their numbers (B,); grid: (B, G, C)."""

    pictures: NDArray[np.int64]
    grid: Grid


def split_of(views: Sequence[str]) -> str:
    """Of the views of one split, such as `train` and `train_flip`."""
    return views[0].partition("_")[0]


def read_encoded(features: Path, views: Sequence[str], file: Path) -> Captions:
    """The captions of the pictures that were encoded, and what was refused of the others.

    Raises DatasetError where the captions cannot be read, FeaturesError where the pictures'
    names cannot.
    """
    split = split_of(views)
    files = {name: _names_file(features, name) for name in {*SPLITS, split}}
    names = {
        name: _read_names(path) for name, path in files.items() if name == split or path.exists()
    }
    faults = {
        each.name: f"the picture {each.name} cannot be read: {each.reason}"
        for each in read_refused(features, split)
    }
    return captions_of(file, split, names, faults)


def load_examples(
    features: Path, views: Sequence[str], captions: dict[str, list[tuple[str, ...]]]
) -> Examples:
    """Join the feature cache with captions by the pictures' names.

    Raises DatasetError where a view is missing or unlike the others, or a picture has no caption.
    """
    names_file = _names_file(features, split_of(views))
    names = _read_names(names_file)
    bare = [name for name in names if not captions.get(name)]
    if bare:
        lack = f"{len(bare)} pictures have no caption, first {bare[0]}"
        raise DatasetError(names_file, f"{lack}; add captions, or encode without these pictures")
    files = [features / f"{view}.grid.npy" for view in views]
    grids = tuple(_load_grid(file, len(names)) for file in files)
    for file, grid in zip(files, grids, strict=True):
        require_shape(file, grid, grids[0])
    return Examples(tuple(names), grids, tuple(tuple(captions[name]) for name in names))


def _names_file(features: Path, split: str) -> Path:
    return features / f"{split}.names.json"


def _read_names(path: Path) -> list[str]:
    names: list[str] = read_json(path, list)
    return names


def _load_grid(path: Path, pictures: int) -> Grid:
    try:
        grid: Grid = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, EOFError, ValueError) as error:
        reason = f"cannot be read: {reason_of(error)}"
        raise DatasetError(path, f"{reason}; encode anew, into another folder") from error
    if grid.ndim != 3 or len(grid) != pictures:
        raise DatasetError(path, f"has shape {grid.shape}, expected ({pictures}, cells, channels)")
    return grid


def require_shape(file: Path, grid: Grid, like: Grid) -> None:
    """Raises DatasetError where the cells or channels are not those of the other grid."""
    if grid.shape[1:] != like.shape[1:]:
        raise DatasetError(
            file,
            f"has {grid.shape[1]} cells of {grid.shape[2]} channels, other features of this "
            f"training {like.shape[1]} of {like.shape[2]}; encode all with one encoder",
        )


def batches(examples: Examples, size: int, *, seed: int, number: int) -> Iterator[Batch]:
    """One pass in random order, a random view of each picture; a last part batch is left out."""
    random = np.random.default_rng((seed, number))
    order = random.permutation(len(examples))
    view = random.integers(len(examples.views), size=len(examples))
    for start in range(0, len(order) - size + 1, size):
        pictures = order[start : start + size]
        grid = np.stack([examples.views[view[p]][p] for p in pictures])
        yield Batch(pictures, grid)


def caption_table(examples: Examples, vocabulary: Vocabulary, longest: int) -> NDArray[np.int32]:
    """All captions as numbers: (N, S, longest + 2), begin and end marked, padded.

    Pictures with fewer captions than others repeat theirs, so that S is the same for all.
    """
    most = max(len(group) for group in examples.captions)
    table = np.full((len(examples), most, longest + 2), PAD, np.int32)
    for row, group in zip(table, examples.captions, strict=True):
        for place in range(most):
            numbers = vocabulary.encode(group[place % len(group)])
            marked = [BEGIN, *numbers, END][: longest + 2]
            row[place, : len(marked)] = marked
    return table
