"""Files of weights are taken only when they are the file that was meant."""

import hashlib
from pathlib import Path

from captioning.errors import WeightsError


def sha256_of(path: Path) -> str:
    """Hex digest of a file; `WeightsError` when it cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(path, error.strerror or str(error)) from error


def require_sha256(path: Path, expected: str) -> None:
    """Refuse a file whose content is not the one that was published under this hash."""
    found = sha256_of(path)
    if found != expected:
        raise WeightsError(path, f"its SHA-256 is {found}, expected {expected}")
