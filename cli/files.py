"""Files of results: what their names say, and writing them complete or not at all."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

from cli.errors import OutputError

FORMS = ("csv", "jsonl")


def form_of(output: Path) -> str:
    """`csv` or `jsonl`, by the suffix. Raises OutputError for another one, or a folder."""
    try:
        is_folder = output.is_dir()
    except OSError as error:  # in a folder that may not be entered
        raise OutputError(output, f"cannot be written: {error.strerror}") from error
    if is_folder:
        raise OutputError(output, "is a folder; name a file in it, such as captions.csv")
    form = output.suffix.lower().lstrip(".")
    if form not in FORMS:
        raise OutputError(output, "its name must end in .csv or .jsonl")
    return form


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """A text file that takes the place of `path` once it is complete, also after a crash.

    Names of files that are not UTF-8 are written as the bytes that they are.
    """
    with replacing_bytes(path) as raw:
        file = io.TextIOWrapper(raw, encoding="utf-8", errors="surrogateescape", newline="")
        yield file
        file.flush()
        file.detach()


@contextmanager
def replacing_bytes(path: Path) -> Iterator[BinaryIO]:
    """The same for bytes. Raises OutputError where the file cannot be written."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise OutputError(path, f"cannot be written: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)
