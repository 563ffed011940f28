"""Text files of a data set, which must be UTF-8."""

from pathlib import Path

from captioning.errors import DatasetError, reason_of


def read_text(file: Path) -> str:
    """With or without a byte order mark. Raises DatasetError that names the line which is not
    UTF-8, or why the file cannot be read."""
    try:
        return file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        reason = "is not in UTF-8; save the file in this encoding"
        raise DatasetError(file, reason, line_of(error)) from error
    except OSError as error:
        raise DatasetError(file, f"cannot be read: {reason_of(error)}") from error


def line_of(error: UnicodeDecodeError) -> int:
    """The line, from 1, of the first byte that cannot be decoded."""
    return len((error.object[: error.start] + b".").splitlines())
