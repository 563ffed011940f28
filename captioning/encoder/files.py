"""Files of weights are taken only when they are the file that was meant."""

import hashlib
from pathlib import Path

from captioning.errors import WeightsError, reason_of


def sha256_of(path: Path) -> str:
    """Hex digest of a file; `WeightsError` when it cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(path, f"cannot be read: {reason_of(error)}") from error


def require_sha256(path: Path, expected: str, what: str, remedy: str) -> None:
    """Refuse a file whose content is not the one that was meant by this hash.

    what: the file should be, such as "the file that was published"; remedy: what to do.
    """
    if not path.is_file():
        raise WeightsError(path, f"is missing; {remedy}")
    found = sha256_of(path)
    if found != expected:
        hashes = f"its SHA-256 is {found}, expected {expected}"
        raise WeightsError(path, f"is not {what}, but cut short or changed; {remedy} ({hashes})")
