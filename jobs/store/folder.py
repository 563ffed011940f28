"""The store of an embedded run: a folder, in which every key is a path."""

import errno
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from jobs.errors import ObjectMissing, StoreFull, StoreUnavailable
from jobs.store.protocol import CHUNK, check_key

#: Half-written objects; a key cannot start with a dot, so none can lie here.
DRAFTS = ".drafts"
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class FolderStore:
    """Objects as files; written beside, flushed to the disk, then moved into place."""

    def __init__(self, url: str) -> None:
        self.root = Path(unquote(urlsplit(url).path))

    def put(self, key: str, data: bytes) -> None:
        self._write(key, lambda file: file.write(data))

    def put_file(self, key: str, path: Path) -> None:
        with path.open("rb") as source:
            self._write(key, lambda file: shutil.copyfileobj(source, file, CHUNK))

    def get(self, key: str) -> bytes:
        with self._reading(key) as file:
            return file.read()

    def get_range(self, key: str, start: int, length: int) -> bytes:
        with self._reading(key) as file:
            file.seek(start)
            return file.read(length)

    def stream(self, key: str) -> Iterator[bytes]:
        with self._reading(key) as file:
            while chunk := file.read(CHUNK):
                yield chunk

    def exists(self, key: str) -> bool:
        with _mapped(key):
            return self._path(key).is_file()

    def size(self, key: str) -> int:
        with _mapped(key):
            return self._path(key).stat().st_size

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            with _mapped(key):
                path = self._path(key)
                path.unlink(missing_ok=True)
                self._remove_if_empty(path.parent)

    def list(self, prefix: str) -> Iterator[str]:
        folder = self.root / check_key(prefix.rstrip("/"))
        with _mapped(prefix):
            for where, folders, files in os.walk(folder):
                folders.sort()
                for name in sorted(files):
                    yield Path(where, name).relative_to(self.root).as_posix()

    def presign(self, key: str, seconds: float, filename: str, content_type: str) -> str | None:  # noqa: ARG002
        return None

    def check(self) -> None:
        self.put("check", b"")
        self.delete(["check"])

    def _path(self, key: str) -> Path:
        return self.root / check_key(key)

    @contextmanager
    def _reading(self, key: str) -> Iterator[BinaryIO]:
        with _mapped(key), self._path(key).open("rb") as file:
            yield file

    def _write(self, key: str, fill: Callable[[BinaryIO], object]) -> None:
        path = self._path(key)
        draft = self.root / DRAFTS / secrets.token_hex(16)
        with _mapped(key):
            draft.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                with draft.open("xb") as file:
                    fill(file)
                    file.flush()
                    os.fsync(file.fileno())
                self._move(draft, path)
            finally:
                draft.unlink(missing_ok=True)

    def _move(self, draft: Path, path: Path) -> None:
        while True:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                draft.replace(path)
            except FileNotFoundError:
                # Somebody deleted the folder's last object just now, and the folder with it.
                continue
            return

    def _remove_if_empty(self, folder: Path) -> None:
        try:
            folder.rmdir()
        except OSError:
            return


@contextmanager
def _mapped(key: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise ObjectMissing(key) from error
    except OSError as error:
        if error.errno in NO_ROOM:
            raise StoreFull() from error
        raise StoreUnavailable(f"{error.filename or key}: {error.strerror}") from error
