"""The files of encoded pictures: float16 arrays that grow row by row and survive a kill.

    train.grid.npy      (N, G·G, C)      train.names.json     the N names, in order
    train.pooled.npy    (N, C)           train.refused.json   names and reasons of the rest
    manifest.json       the encoder that they come from

While a view is being written its rows carry the ending `.partial`, and a journal names each
picture after its row is on disk. A run that follows a kill cuts the rows back to what the
journal names and goes on from there.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from captioning.checkpoint import write_json
from captioning.errors import FeaturesError, reason_of
from captioning.output_places import make_folder
from captioning.training.picture_sets import SPLITS

MANIFEST = "manifest.json"
_GRID = ".grid.npy"
_ANEW = "encode anew, into another folder"

Json = TypeVar("Json", list[Any], dict[str, Any])


@dataclass(frozen=True)
class Refused:
    """A picture that could not be encoded."""

    name: str
    reason: str


class Rows:
    """A .npy file that is appended to. shape: of one row; dtype: as NumPy writes it.

    Raises FeaturesError where a row cannot be written, such as on a full disk.
    """

    def __init__(
        self, path: Path, shape: tuple[int, ...], rows: int, *, dtype: str = "<f2"
    ) -> None:
        self._path = path
        self._shape = shape
        self._dtype = np.dtype(dtype)
        self._part = path.with_name(path.name + ".partial")
        self._stream = self._part.open("r+b" if self._part.exists() else "w+b")
        self._write_header(rows)
        self._stream.truncate(
            self._stream.tell() + rows * self._dtype.itemsize * int(np.prod(shape))
        )
        self._stream.seek(0, 2)

    def append(self, rows: NDArray[Any]) -> None:
        try:
            self._stream.write(np.ascontiguousarray(rows, self._dtype).tobytes())
            self._stream.flush()
        except OSError as error:
            raise FeaturesError(self._part, f"cannot be written: {error.strerror}") from error

    def close(self) -> None:
        self._stream.close()

    def complete(self, rows: int) -> None:
        """Say how many rows there are, and take the final name."""
        self._write_header(rows)
        self._stream.close()
        self._part.replace(self._path)

    def _write_header(self, rows: int) -> None:
        # NumPy leaves room in a header for the first axis to grow, so its length is fixed.
        self._stream.seek(0)
        header = {"descr": self._dtype.str, "fortran_order": False, "shape": (rows, *self._shape)}
        npy.write_array_header_1_0(self._stream, header)


class ViewWriter:
    """Grid and pooled rows of one view of a split, with the journal that makes it resumable."""

    def __init__(self, folder: Path, view: str, cells: int, channels: int) -> None:
        self._folder = folder
        self._view = view
        self._journal_path = folder / f"{view}.journal.jsonl"
        self.names, self.refused = _read_journal(self._journal_path)
        rows = len(self.names)
        self._grid = Rows(folder / f"{view}.grid.npy", (cells, channels), rows)
        self._pooled = Rows(folder / f"{view}.pooled.npy", (channels,), rows)
        self._journal = self._journal_path.open("a", encoding="utf-8")

    @property
    def seen(self) -> int:
        """How many pictures were encoded or refused so far."""
        return len(self.names) + len(self.refused)

    def append(self, outcomes: Sequence[str | Refused], grid: NDArray[Any]) -> None:
        """outcomes: in the order of the pictures; grid: (B, G·G, C) of those not refused.

        Rows come before the journal, and the journal is in order: whatever part of it a kill
        leaves behind, the rows can be cut back to it.
        """
        self._grid.append(grid)
        self._pooled.append(grid.mean(axis=1, dtype=np.float32))
        self.names += [each for each in outcomes if isinstance(each, str)]
        self.refused += [each for each in outcomes if isinstance(each, Refused)]
        self._journal.writelines(json.dumps(_entry(each)) + "\n" for each in outcomes)
        self._journal.flush()

    def complete(self) -> None:
        self._journal.close()
        write_json(self._folder / f"{self._view}.names.json", self.names)
        write_json(self._folder / f"{self._view}.refused.json", [asdict(r) for r in self.refused])
        self._pooled.complete(len(self.names))
        self._grid.complete(len(self.names))
        self._journal_path.unlink()

    def close(self) -> None:
        """Leave off; a later writer goes on."""
        for part in (self._journal, self._grid, self._pooled):
            part.close()


def _entry(outcome: str | Refused) -> dict[str, str]:
    return asdict(outcome) if isinstance(outcome, Refused) else {"name": outcome}


def _read_journal(path: Path) -> tuple[list[str], list[Refused]]:
    if not path.exists():
        return [], []
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]  # a kill can leave half a line
    path.write_text(whole, encoding="utf-8")
    entries = [json.loads(line) for line in whole.splitlines()]
    names = [entry["name"] for entry in entries if "reason" not in entry]
    refused = [Refused(**entry) for entry in entries if "reason" in entry]
    return names, refused


def is_complete(folder: Path, view: str) -> bool:
    return (folder / f"{view}{_GRID}").exists()


def read_refused(folder: Path, view: str) -> list[Refused]:
    """What a complete view left out; nothing where no list says so."""
    path = folder / f"{view}.refused.json"
    entries = read_json(path, list) if path.exists() else []
    return [Refused(**entry) for entry in entries]


def read_pooled(folder: Path, view: str) -> dict[str, NDArray[np.float32]]:
    """A complete view's pooled vectors, by the pictures' names."""
    names = read_json(folder / f"{view}.names.json", list)
    path = folder / f"{view}.pooled.npy"
    try:
        pooled = np.load(path, allow_pickle=False).astype(np.float32)
        return dict(zip(names, pooled, strict=True))
    except (OSError, EOFError, ValueError) as error:
        raise FeaturesError(path, f"{reason_of(error)}; {_ANEW}") from error


def read_json(path: Path, kind: type[Json]) -> Json:
    """A file of features. Raises FeaturesError where it is missing, broken or of another kind."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FeaturesError(path, f"cannot be read: {reason_of(error)}; {_ANEW}") from error
    if not isinstance(content, kind):
        raise FeaturesError(path, f"is not what captions encode writes; {_ANEW}")
    return content


def require_views(folder: Path, views: Sequence[str]) -> None:
    """Raises FeaturesError that says how to make the first view which the folder lacks."""
    lacking = next((view for view in views if not is_complete(folder, view)), None)
    if lacking:
        there = sorted(path.name.removesuffix(_GRID) for path in folder.glob(f"*{_GRID}"))
        raise FeaturesError(folder, _lack_of(folder, lacking, there))


def _lack_of(folder: Path, view: str, there: Sequence[str]) -> str:
    command = f"captions encode DATASET -o {folder}"
    split, _, kind = view.partition("_")
    if any(folder.glob(f"*{_GRID}.partial")):
        return "its features are not complete; repeat the captions encode that made them"
    if not there:
        return f"there are no features; make them with {command}"
    lack = f"has no view {view}, only {', '.join(there)}"
    if split not in SPLITS:
        return f"{lack}; a view has the name of its split first, such as train_crop"
    adding = f" --views {kind or 'whole'}" if split == "train" else f", of a set that has {split}"
    return f"{lack}; add it, with the other options as before: {command}{adding}"


def claim_folder(folder: Path, encoder: dict[str, Any]) -> None:
    """Make the folder this encoder's; `FeaturesError` where it holds another one's features."""
    make_folder(folder)
    path = folder / MANIFEST
    manifest = {"encoder": encoder, "dtype": "float16"}
    if not path.exists():
        write_json(path, manifest)
    elif read_json(path, dict) != manifest:
        raise FeaturesError(path, "these features come from another encoder; choose a new folder")


def require_encoder(folder: Path, encoder: dict[str, Any]) -> None:
    """Raises FeaturesError where the features come from another encoder than this config's.

    Features that somebody else made have no manifest, and are taken at their word.
    """
    path = folder / MANIFEST
    if not path.exists():
        return
    found = _unplaced(read_json(path, dict).get("encoder", {}))
    for name in sorted(found.keys() | encoder.keys()):
        wanted = _unplaced(encoder).get(name)
        if found.get(name) == wanted:
            continue
        if name == "weights" and _are_files(found[name], wanted or {}):
            raise FeaturesError(
                path,
                "the features come from another file of weights than the config's [encoder] "
                "names, or that was cut short or changed since; name the copy beside the "
                "features if it is whole, or encode anew, into another folder",
            )
        raise FeaturesError(
            path,
            f"these features were made with {_shown(found.get(name))} as {name}, the config's "
            f"[encoder] has {_shown(wanted)}; write the encoder that stands here into the config, "
            "or encode anew, into another folder",
        )


def _shown(setting: Any) -> str:
    return "nothing" if setting is None else json.dumps(setting, ensure_ascii=False)


def _are_files(*weights: dict[str, Any]) -> bool:
    return all(each.get("source") == "file" for each in weights)


def _unplaced(encoder: dict[str, Any]) -> dict[str, Any]:
    """Without the place of its weights, which says nothing about them."""
    weights = {name: value for name, value in encoder.get("weights", {}).items() if name != "file"}
    return {**encoder, "weights": weights}
