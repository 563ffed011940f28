"""Where a data set keeps its pictures: a tar or a folder per split, or lists of one folder.

Understood are `train.tar`, `train/` and so on for `dev` and `test`, and Flickr8k as it is
published: one folder of pictures beside `Flickr_8k.trainImages.txt` and its like.
"""

import tarfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from captioning.errors import DatasetError, reason_of
from captioning.training.text_files import read_text

SPLITS = ("train", "dev", "test")
_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})


@dataclass(frozen=True)
class PictureSet:
    """The pictures of one split. names: sorted; read: name → the picture's bytes."""

    names: tuple[str, ...]
    read: Callable[[str], bytes]


def find_picture_sets(dataset: Path) -> dict[str, PictureSet]:
    """Every split that the data set has. Raises `DatasetError` where it has none."""
    if not dataset.is_dir():
        raise DatasetError(dataset, "is no folder; name the one with the pictures of the data set")
    sets = _published_lists(dataset)
    for split in SPLITS:
        if (dataset / f"{split}.tar").is_file():
            sets[split] = from_tar(dataset / f"{split}.tar")
        elif (dataset / split).is_dir():
            sets[split] = from_folder(dataset / split)
    if not sets:
        raise DatasetError(dataset, "has no train.tar, train/ or …trainImages.txt with pictures")
    return sets


def from_folder(folder: Path) -> PictureSet:
    """The pictures that lie directly in a folder."""
    names = (path.name for path in folder.iterdir())
    return PictureSet(_pictures(names), lambda name: (folder / name).read_bytes())


def from_tar(path: Path) -> PictureSet:
    """The pictures of an uncompressed tar, by their names without folders.

    Only where members lie is kept in memory. Raises `DatasetError` for what is no tar.
    """
    try:
        with tarfile.open(path, "r:") as archive:
            members = {
                Path(member.name).name: (member.offset_data, member.size)
                for member in archive
                if member.isfile()
            }
    except (OSError, tarfile.TarError) as error:
        raise DatasetError(path, f"is no uncompressed tar: {reason_of(error)}") from error

    def read(name: str) -> bytes:
        offset, size = members[name]
        with path.open("rb") as stream:
            stream.seek(offset)
            return stream.read(size)

    return PictureSet(_pictures(members), read)


def _published_lists(dataset: Path) -> dict[str, PictureSet]:
    sets = {}
    for split in SPLITS:
        for listed in dataset.glob(f"*{split}Images.txt"):
            folder = _picture_folder(dataset)
            names = read_text(listed).split()
            sets[split] = PictureSet(_pictures(names), from_folder(folder).read)
    return sets


def _picture_folder(dataset: Path) -> Path:
    folders = [path for path in sorted(dataset.iterdir()) if path.is_dir()]
    for folder in folders:
        if from_folder(folder).names:
            return folder
    raise DatasetError(dataset, "has lists of pictures, but no folder with pictures")


def _pictures(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(name for name in names if Path(name).suffix.lower() in _SUFFIXES))
