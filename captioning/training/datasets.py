"""Captions as they are published."""

from pathlib import Path

from captioning.errors import DatasetError
from captioning.vocabulary import words_of

Captions = dict[str, list[tuple[str, ...]]]


def read_tsv(path: Path) -> Captions:
    """`name<TAB>caption` per line → words of each caption, by the picture's name."""
    captions: Captions = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DatasetError(path, f"cannot be read: {error}") from error
    for line in lines:
        name, _, caption = line.partition("\t")
        words = tuple(words_of(caption))
        if words:
            captions.setdefault(name, []).append(words)
    return captions
