"""Whether a result can be written where it is wanted: asked before the work, not after it."""

from pathlib import Path
from tempfile import TemporaryFile

from captioning.errors import OutputError, reason_of


def make_folder(folder: Path) -> None:
    """The folder, with all above it, where it is not there yet.

    Raises OutputError that says what is in the way, also where nothing may be written in it.
    """
    try:
        if in_the_way := next((path for path in (folder, *folder.parents) if path.is_file()), None):
            raise OutputError(folder, f"{in_the_way} is a file; choose another folder with -o")
        folder.mkdir(parents=True, exist_ok=True)
        _write_something(folder)
    except OSError as error:
        raise OutputError(folder, f"{reason_of(error)}; choose another folder with -o") from error


def require_writable(file: Path) -> None:
    """Raises OutputError where the file could not be written, or replaced."""
    try:
        if file.is_dir():
            raise OutputError(file, "it is a folder; name a file")
        if not file.parent.is_dir():
            lack = "is a file" if file.parent.is_file() else "is not there; make this folder first"
            raise OutputError(file, f"{file.parent} {lack}")
        _write_something(file.parent)
        if file.exists():
            file.open("ab").close()
    except OSError as error:
        raise OutputError(file, reason_of(error)) from error


def _write_something(folder: Path) -> None:
    """Only trying tells: an account may do more, and a disk less, than the folder's mode says."""
    with TemporaryFile(dir=folder):
        pass
