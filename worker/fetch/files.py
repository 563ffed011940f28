"""file:// → bytes, from the folders that the operator names and from nowhere else."""

import asyncio
import os
import stat
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from worker.errors import ImageRefused
from worker.fetch.fetched import Fetched, check_size
from worker.fetch.places import Places

LOCAL_HOSTS = ("", "localhost")


class FileSource:
    """Reads files under `folders`, symbolic links resolved first."""

    def __init__(self, folders: Sequence[Path], most_bytes: int, places: Places) -> None:
        self._folders = tuple(folder.resolve() for folder in folders)
        self._most_bytes = most_bytes
        self._places = places

    @asynccontextmanager
    async def open(self, url: str, headers: Mapping[str, str]) -> AsyncIterator[Fetched]:  # noqa: ARG002
        """The file that `url` names.

        Raises:
            ImageRefused: `file_not_allowed`, `file_missing`, `file_unreadable`, `too_large` or
                `empty`.
        """
        async with self._places.anywhere():
            yield await asyncio.to_thread(self._read, url)

    def _read(self, url: str) -> Fetched:
        try:
            path = _path(url).resolve(strict=True)
            folder = self._folder_of(path)
            with closing(_File(folder, path.relative_to(folder))) as file:
                return Fetched.of(file.read(self._most_bytes))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise ImageRefused("file_missing") from error
        except OSError as error:
            raise ImageRefused(
                "file_unreadable", f"The file cannot be read: {error.strerror}."
            ) from error

    def _folder_of(self, path: Path) -> Path:
        for folder in self._folders:
            if path.is_relative_to(folder) and path != folder:
                return folder
        raise ImageRefused("file_not_allowed")


class _File:
    """A regular file, reached from its folder without following any link.

    The path was resolved before; a link that somebody puts in its way since then is refused.
    """

    def __init__(self, folder: Path, inside: Path) -> None:
        at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        for name in inside.parts[:-1]:
            at = _step(at, name, os.O_DIRECTORY)
        # Not blocking: opening a pipe would otherwise wait for somebody to write to it.
        self._descriptor = _step(at, inside.name, os.O_NONBLOCK)

    def read(self, most_bytes: int) -> bytes:
        status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ImageRefused("file_unreadable", "It is not a regular file.")
        check_size(status.st_size, most_bytes)
        with os.fdopen(os.dup(self._descriptor), "rb") as file:
            data = file.read(most_bytes + 1)
        check_size(len(data), most_bytes)
        return data

    def close(self) -> None:
        os.close(self._descriptor)


def _step(parent: int, name: str, flags: int) -> int:
    """Open `name` in the folder `parent`, which is closed."""
    try:
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | flags, dir_fd=parent)
    finally:
        os.close(parent)


def _path(url: str) -> Path:
    parts = urlsplit(url)
    # Names are bytes: one that is not UTF-8 is a name all the same.
    path = os.fsdecode(unquote_to_bytes(parts.path))
    if parts.netloc not in LOCAL_HOSTS or not path.startswith("/") or "\0" in path:
        raise ImageRefused("url_not_valid", "The URL cannot be used. Write file:///folder/picture.")
    return Path(path)
