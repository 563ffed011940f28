"""Captions as data sets publish them, and what of them was read and refused.

| file                        | line or entry                                              |
|-----------------------------|------------------------------------------------------------|
| `*.token.txt` (Flickr8k)    | `name.jpg#0<TAB>caption`                                   |
| `captions.txt` (Kaggle)     | header `image,caption`, then CSV                           |
| `*.tsv`                     | `name<TAB>caption`                                         |
| Karpathy's JSON             | `images[].filename`, `.split`, `.sentences[].raw`          |
| COCO captions JSON          | `images[].id`, `.file_name`; `annotations[].image_id`, `.caption` |

Which one a file is, is seen from its content. A line that cannot be used is refused with
its number and a reason, and the others are read.
"""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from captioning.checkpoint import write_json
from captioning.errors import DatasetError
from captioning.training.text_files import read_text
from captioning.vocabulary import words_of

KARPATHY_SPLITS = {"train": {"train", "restval"}, "dev": {"val"}, "test": {"test"}}

SHOWN = 20  # refusals on the terminal

Tell = Callable[[str], None]
Faults = Mapping[str, str]
NO_FAULTS: Faults = {}
Entry = tuple[int, str, str | None]  # place in the file, name of the picture, caption

NO_TAB = "there is no tab between the picture's name and the caption"


@dataclass(frozen=True)
class Refusal:
    """place: line of a text file, number of the entry in JSON, both from 1; 0: the whole file."""

    file: Path
    place: int
    reason: str

    def __str__(self) -> str:
        place = f", line {self.place}" if self.place else ""
        return f"{self.file}{place}: {self.reason}"


@dataclass
class Captions:
    """What a file holds: the words of each caption by the picture's name, and the refused.

    places: where the first caption of each picture stands.
    """

    by_picture: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)

    def report(self) -> str:
        """One line on what was read, one on each of the first refusals."""
        captions = sum(map(len, self.by_picture.values()))
        first = [f"  {refusal}" for refusal in self.refused[:SHOWN]]
        total = f"{captions} captions of {len(self.by_picture)} pictures read"
        return "\n".join([f"{total}, {len(self.refused)} refused", *first])


def read_captions(file: Path, *, split: str | None = None, names: Path | None = None) -> Captions:
    """Read a file of captions.

    split: train, dev or test, for Karpathy's JSON, which holds all three. names: a file with
    one picture's name per line, such as Flickr8k's split files; others are left out.
    Raises DatasetError where the file cannot be read at all.
    """
    text = read_text(file)
    wanted = None if names is None else set(read_text(names).split())
    captions = Captions()
    for place, name, caption in _entries(file, text, split):
        words = tuple(words_of(caption or ""))
        if caption is None:
            captions.refused.append(Refusal(file, place, NO_TAB))
        elif not name:
            captions.refused.append(Refusal(file, place, "names no picture"))
        elif not words:
            captions.refused.append(Refusal(file, place, f"the caption of {name} has no word"))
        elif wanted is None or name in wanted:
            captions.by_picture.setdefault(name, []).append(words)
            captions.places.setdefault(name, place)
    if not captions.by_picture:
        raise DatasetError(file, _nothing_of(captions.refused))
    return captions


def _nothing_of(refused: Sequence[Refusal]) -> str:
    if not refused:
        return "holds no caption"
    first = f"line {refused[0].place}: {refused[0].reason}"
    return f"holds no caption; {len(refused)} lines were refused, first {first}"


def find_captions(dataset: Path, split: str) -> Path:
    """The file of captions in a folder: of the split, or of all splits. Raises DatasetError."""
    for pattern in (f"{split}.tsv", f"*{split}*.json", "*.token.txt", "captions.txt", "*.json"):
        if found := sorted(dataset.glob(pattern)):
            return found[0]
    raise DatasetError(dataset, f"has neither {split}.tsv, *.token.txt, captions.txt nor JSON")


def captions_of(
    file: Path, split: str, pictures: Mapping[str, Sequence[str]], faults: Faults = NO_FAULTS
) -> Captions:
    """The captions of a split's pictures, and what was refused of captions and pictures.

    pictures: names, by split. A caption of another split's picture is not refused but left out:
    many data sets have one file for all. faults: as in `without_pictures`.
    """
    captions = read_captions(file, split=split)
    mine = set(pictures[split])
    others = {name for names in pictures.values() for name in names} - mine
    ours = {name: group for name, group in captions.by_picture.items() if name not in others}
    bare = [name for name in pictures[split] if name not in ours]
    refused = [Refusal(file, 0, f"the picture {name} has no caption") for name in bare]
    captions = replace(captions, by_picture=ours, refused=[*captions.refused, *refused])
    return without_pictures(captions, mine, file, faults)


def without_pictures(
    captions: Captions, pictures: Iterable[str], file: Path, faults: Faults = NO_FAULTS
) -> Captions:
    """The captions whose pictures are there; the rest is refused, one entry per picture.

    faults: why a picture cannot be used although there is one, by its name.
    """
    there = set(pictures)
    kept = {name: group for name, group in captions.by_picture.items() if name in there}
    refused = [
        Refusal(file, captions.places[name], faults.get(name, f"there is no picture {name}"))
        for name in captions.by_picture
        if name not in there
    ]
    return replace(captions, by_picture=kept, refused=[*captions.refused, *refused])


def report_captions(run: Path, split: str, captions: Captions, tell: Tell) -> None:
    """Say what was read and refused; the whole list goes into the run folder."""
    write_refused(run, split, captions)
    tell(f"{split}: {captions.report()}")


def write_refused(folder: Path, split: str, captions: Captions) -> None:
    """SPLIT.refused.json, as the pictures that cannot be encoded are listed beside features."""
    entries = [{**asdict(each), "file": str(each.file)} for each in captions.refused]
    write_json(folder / f"{split}.refused.json", entries)


def _entries(file: Path, text: str, split: str | None) -> Iterator[Entry]:
    if text.lstrip().startswith("{"):
        yield from _json_entries(file, text, split)
    elif text.startswith("image,caption"):
        yield from _kaggle_entries(file, text)
    else:
        yield from _tab_entries(text)


def _tab_entries(text: str) -> Iterator[Entry]:
    """TSV; Flickr8k's token file is one whose names end in the caption's number."""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            name, tab, caption = line.partition("\t")
            yield number, name.partition("#")[0].strip(), caption if tab else None


def _kaggle_entries(file: Path, text: str) -> Iterator[Entry]:
    rows = csv.reader(text.splitlines())
    next(rows)
    try:
        for row in rows:
            if row:
                # Some published copies do not quote the commas of the captions.
                yield rows.line_num, row[0].strip(), ",".join(row[1:])
    except csv.Error as error:
        raise DatasetError(file, f"is not CSV: {error}", rows.line_num) from error


def _json_entries(file: Path, text: str, split: str | None) -> Iterator[Entry]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DatasetError(file, f"is not JSON: {error}") from error
    try:
        if "annotations" in content:
            yield from _coco_entries(content)
        else:
            yield from _karpathy_entries(content, split)
    except (KeyError, TypeError, AttributeError) as error:
        lack = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise DatasetError(file, f"is neither COCO's nor Karpathy's JSON: {lack}") from error


def _coco_entries(content: dict[str, Any]) -> Iterator[Entry]:
    names = {image["id"]: image["file_name"] for image in content["images"]}
    for number, annotation in enumerate(content["annotations"], start=1):
        yield number, names.get(annotation["image_id"], ""), annotation["caption"]


def _karpathy_entries(content: dict[str, Any], split: str | None) -> Iterator[Entry]:
    wanted = KARPATHY_SPLITS.get(split or "")
    for number, image in enumerate(content["images"], start=1):
        if wanted is None or image["split"] in wanted:
            for sentence in image["sentences"]:
                yield number, image["filename"], sentence["raw"]
