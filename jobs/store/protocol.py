"""What every object store can do, and how objects are named."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

CHUNK = 256 * 1024
_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")


class Store(Protocol):
    """Objects under keys such as `prepared/job_…/0-1.tar`. Threads share a store.

    Every method raises `StoreUnavailable` when the store does not answer; those
    that write raise `StoreFull`, those that read one object `ObjectMissing`.
    An object is whole or not there: a writer that dies leaves nothing under its key.
    """

    def put(self, key: str, data: bytes) -> None:
        """Keep `data` under `key`, in place of what was there."""

    def put_file(self, key: str, path: Path) -> None:
        """Keep a copy of the file under `key`."""

    def get(self, key: str) -> bytes:
        """The whole object."""

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """`length` bytes from `start`; fewer where the object ends before."""

    def stream(self, key: str) -> Iterator[bytes]:
        """The object in chunks."""

    def exists(self, key: str) -> bool: ...

    def size(self, key: str) -> int:
        """The object's length in bytes."""

    def delete(self, keys: Iterable[str]) -> None:
        """Remove the objects; those that are not there are no error."""

    def list(self, prefix: str) -> Iterator[str]:
        """The keys that start with `prefix` (a folder, ending in a slash), in order."""

    def presign(self, key: str, seconds: float, filename: str, content_type: str) -> str | None:
        """A URL from which anybody may download the object for so long; None if it has none."""

    def check(self) -> None:
        """Return if objects can be kept and read at this moment."""


def check_key(key: str) -> str:
    """`key`, if it is one: no empty, hidden or upward segment."""
    if not _KEY.fullmatch(key):
        raise ValueError(f"not an object key: {key!r}")
    return key


def prepared_key(job_id: str, number: int, attempt: int) -> str:
    """Where an attempt at a batch leaves its pictures: attempts never overwrite each other."""
    return f"prepared/{job_id}/{number}-{attempt}.tar"


def results_key(job_id: str, form: str) -> str:
    """Where the result file of an ended job lies; `form` is `jsonl` or `csv`."""
    return f"results/{job_id}/captions.{form}"


def upload_key(upload_id: str) -> str:
    return f"uploads/{upload_id}"
