"""Sources as people name them → the pictures they mean, in the order given.

A source is a picture, a folder (with all below it), a pattern, an http(s) or s3 URL, or a
text file with one of these on each line (empty lines and lines that begin with # count for
nothing; relative paths start at that file).
"""

import glob
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cli.errors import NothingToCaption, SourceError

PICTURE_SUFFIXES = (
    ".avif", ".bmp", ".gif", ".heic", ".heif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp",
)  # fmt: skip
URL_SCHEMES = ("http://", "https://", "s3://")
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
MAX_URL_CHARACTERS = 2_048
PATTERN_CHARACTERS = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture to be captioned.

    source: as people named it. url: as a job names it; `file://` for a local one.
    """

    source: str
    url: str

    @property
    def is_local(self) -> bool:
        return self.url.startswith("file://")

    @property
    def path(self) -> Path:
        """Of a local picture, with links followed."""
        return Path(self.source).resolve()


@dataclass(frozen=True)
class Sources:
    """pictures: in order. folders: those that hold every local picture, links followed."""

    pictures: tuple[Picture, ...]
    folders: tuple[Path, ...]


def find_pictures(sources: Sequence[str]) -> Sources:
    """Raises SourceError for one that cannot be read, NothingToCaption where all are empty."""
    pictures: list[Picture] = []
    folders: set[Path] = set()
    for source in sources:
        found = list(_expand(source))
        pictures += found
        folders.update(_roots(found))
    if not pictures:
        raise NothingToCaption(sources, PICTURE_SUFFIXES)
    return Sources(tuple(pictures), tuple(sorted(folders)))


def _expand(source: str) -> Iterator[Picture]:
    if SCHEME.match(source):
        yield _remote(source)
        return
    path = Path(source).expanduser()
    if path.is_dir():
        yield from map(_local, _below(path))
    elif path.suffix.lower() in PICTURE_SUFFIXES and path.is_file():
        yield _local(path)
    elif path.is_file():
        yield from _listed(path)
    elif PATTERN_CHARACTERS & set(source):
        yield from _matching(path)
    else:
        raise SourceError(source, "there is no such file or folder")


def _below(folder: Path) -> Iterator[Path]:
    """Pictures by their names, sorted, hidden files and folders left out."""
    for parent, folders, names in os.walk(folder, onerror=_unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.lower().endswith(PICTURE_SUFFIXES) and not name.startswith("."):
                yield Path(parent, name)


def _unreadable(error: OSError) -> None:
    raise SourceError(error.filename, error.strerror or "cannot be read") from error


def _matching(pattern: Path) -> Iterator[Picture]:
    # Path.glob takes no absolute pattern.
    for match in sorted(glob.glob(str(pattern), recursive=True)):  # noqa: PTH207
        path = Path(match)
        if path.suffix.lower() in PICTURE_SUFFIXES and path.is_file():
            yield _local(path)


def _listed(path: Path) -> Iterator[Picture]:
    try:
        # Not splitlines: a name may hold what only Unicode takes for the end of a line.
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise SourceError(
            path, f"neither a picture ({', '.join(PICTURE_SUFFIXES)}) nor a list in UTF-8"
        ) from error
    for number, line in enumerate(lines, start=1):
        entry = line.strip()
        if not entry or entry.startswith("#"):
            continue
        yield _entry(entry, path, number)


def _entry(entry: str, path: Path, number: int) -> Picture:
    """A line of a list names one picture: lists of lists and folders would hide mistakes."""
    if SCHEME.match(entry):
        try:
            return _remote(entry)
        except SourceError as error:
            raise SourceError(path, str(error), line=number) from error
    picture = path.parent / Path(entry).expanduser()
    if not picture.is_file():
        raise SourceError(path, f"{entry} is neither a URL nor a file", line=number)
    return _local(picture)


def _remote(url: str) -> Picture:
    if not url.lower().startswith(URL_SCHEMES):
        raise SourceError(url, f"a URL must begin with one of {', '.join(URL_SCHEMES)}")
    if len(url) > MAX_URL_CHARACTERS:
        raise SourceError(f"{url[:60]}…", f"longer than {MAX_URL_CHARACTERS:,} characters")
    return Picture(source=url, url=url)


def _local(path: Path) -> Picture:
    return Picture(source=str(path), url=path.resolve().as_uri())


def _roots(pictures: Sequence[Picture]) -> set[Path]:
    """The fewest folders that hold them: the one above all, however many there are."""
    parents = {picture.path.parent for picture in pictures if picture.is_local}
    return {Path(os.path.commonpath(parents))} if parents else set()
