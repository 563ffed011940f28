"""The bytes of a picture as some source gave them, and what every source refuses alike."""

import hashlib
from dataclasses import dataclass

from worker.errors import ImageRefused


@dataclass(frozen=True, slots=True)
class Fetched:
    """sha256: of `data`, in hexadecimal."""

    data: bytes | bytearray
    sha256: str

    @classmethod
    def of(cls, data: bytes | bytearray) -> "Fetched":
        """Raises ImageRefused (`empty`) when there is nothing."""
        if not data:
            raise ImageRefused("empty")
        return cls(data, hashlib.sha256(data).hexdigest())


def check_size(size: int, most: int) -> None:
    """Raises ImageRefused (`too_large`) above `most` bytes."""
    if size > most:
        raise ImageRefused("too_large", f"The picture has more than {most:,} bytes.")
