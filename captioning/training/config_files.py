"""TOML files that describe a training: read whole, or refused in a sentence.

Every refusal is a SettingError of one form, whether it is found while the file is read or
only when the pictures have been counted:

    tiny.toml: [cross_entropy] batch = 9: choose 1 to 8, as there are no more pictures …

What a setting may be is part of its type: `Count`, `Share`, `File` and their like.
"""

import json
import math
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import wraps
from pathlib import Path
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Concatenate,
    ParamSpec,
    Self,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from captioning.errors import SettingError, TrainingError, reason_of
from captioning.training.text_files import line_of

Config = TypeVar("Config")
Done = TypeVar("Done")
Rest = ParamSpec("Rest")


@dataclass(frozen=True)
class Allowed:
    """What a setting may be besides its kind. words: what to do instead, for people."""

    words: str
    admits: Callable[[Any], bool]


def at_least(least: int) -> Allowed:
    return Allowed(f"choose {least} or more", lambda value: value >= least)


def one_of(*names: str) -> Allowed:
    return Allowed(f"choose one of {', '.join(names)}", names.__contains__)


Count = Annotated[int, at_least(1)]
Share = Annotated[float, Allowed("choose 0 to 1", lambda value: value <= 1)]
File = Annotated[
    Path, Allowed("there is no such file; name one by its path from this file", Path.is_file)
]
Folder = Annotated[
    Path, Allowed("there is no such folder; name one by its path from this file", Path.is_dir)
]
FolderName = Annotated[
    str,
    Allowed(
        "choose the plain name of a folder",
        lambda name: name not in ("", "..") and name == Path(name).name,
    ),
]

_KINDS = {
    int: "write a whole number",
    float: "write a number",
    str: "write a text in quotes",
    bool: "write true or false",
}


class ConfigFile:
    """A dataclass whose fields are what stands in a TOML file."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Paths in the file are relative to its folder. Raises TrainingError."""
        with naming(path):
            return cls.of(_read_toml(path), path.parent)

    @classmethod
    def of(cls, settings: dict[str, Any], folder: Path) -> Self:
        """Raises SettingError."""
        return build_section(cls, settings, folder)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode())
    except UnicodeDecodeError as error:
        place = f"{path}, line {line_of(error)}"
        raise TrainingError(f"{place}: is not in UTF-8; save the file in this encoding") from error
    except OSError as error:
        raise TrainingError(f"{path}: cannot be read: {reason_of(error)}") from error
    except tomllib.TOMLDecodeError as error:
        raise TrainingError(f"{path}: {error}") from error


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Gives a SettingError on its way up the name of the file that the setting stands in."""
    try:
        yield
    except SettingError as error:
        raise error.of(path) from error


def names_its_config(
    work: Callable[Concatenate[Path, Rest], Done],
) -> Callable[Concatenate[Path, Rest], Done]:
    """The same for a whole training, whose first argument is the file."""

    @wraps(work)
    def named(config_path: Path, /, *args: Rest.args, **others: Rest.kwargs) -> Done:
        with naming(config_path):
            return work(config_path, *args, **others)

    return named


def refused(setting: str, found: Any, allowed: str) -> SettingError:
    """setting: with its section; found: shown as TOML would have it; allowed: what to do."""
    number = isinstance(found, float)  # JSON has other words for inf and nan
    shown = repr(found) if number else json.dumps(found, default=str, ensure_ascii=False)
    return SettingError(f"{setting} = {shown}", allowed)


def require_batch(setting: str, batch: int, pictures: int) -> None:
    """Raises SettingError where there are not enough pictures for one batch."""
    if batch > pictures:
        reason = f"choose 1 to {pictures}, as there are no more pictures to train on"
        raise refused(setting, batch, reason)


def too_rare(minimum_count: int) -> SettingError:
    """No word is as common as that."""
    reason = "no word stands in so many captions; choose a smaller number"
    return refused("[data] minimum_count", minimum_count, reason)


def build_section(
    cls: type[Config], settings: dict[str, Any], folder: Path, section: str = ""
) -> Config:
    """A file, or a section of one, as the dataclass that describes it; sections are nested.

    Paths are relative to `folder`. Raises SettingError for a name that `cls` does not have, for
    one that it lacks, and for a value that it does not take.
    """
    kinds = get_type_hints(cls, include_extras=True)
    before = f"{section} " if section else ""
    for name in settings.keys() - kinds.keys():
        raise SettingError(f"{before}{name}", f"is not known; there are {', '.join(kinds)}")
    for name in sorted(_required(cls) - settings.keys()):
        raise SettingError(f"{before}{_heading(kinds[name], name)}", "is missing")
    values = {
        name: _value(kinds[name], value, folder, f"{before}{name}")
        for name, value in settings.items()
    }
    try:
        return cls(**values)
    except ValueError as error:
        raise SettingError(section, str(error)) from error


def _required(cls: Any) -> set[str]:
    return {
        each.name
        for each in fields(cls)
        if each.default is MISSING and each.default_factory is MISSING
    }


def _heading(kind: Any, name: str) -> str:
    """As it is to be written in the file."""
    if get_origin(kind) is Annotated:
        return _heading(get_args(kind)[0], name)
    if get_origin(kind) is tuple and is_dataclass(get_args(kind)[0]):
        return f"[[{name}]]"
    return f"[{name}]" if is_dataclass(kind) or get_origin(kind) is dict else name


def _value(kind: Any, value: Any, folder: Path, place: str) -> Any:
    """place: section and name, or of a section its name alone."""
    if get_origin(kind) in (Union, UnionType):
        (kind,) = (each for each in get_args(kind) if each is not NoneType)
    if get_origin(kind) is Annotated:
        kind, *conditions = get_args(kind)
        found = _value(kind, value, folder, place)
        try:
            unmet = next((each for each in conditions if not each.admits(found)), None)
        except OSError as error:  # a path in a folder that may not be entered
            raise refused(place, found, f"cannot be read: {reason_of(error)}") from error
        if unmet:
            raise refused(place, found, unmet.words)
        return found
    if get_origin(kind) is tuple:
        return _values(get_args(kind)[0], value, folder, place)
    if kind is Path:
        return folder / _plain(str, value, place)
    if not (is_dataclass(kind) or get_origin(kind) is dict):
        return _plain(kind, value, place)
    if not isinstance(value, dict):
        raise refused(place, value, f"write a section [{place}]")
    return (
        build_section(cast(Any, kind), value, folder, f"[{place}]") if is_dataclass(kind) else value
    )


def _values(kind: Any, values: Any, folder: Path, place: str) -> tuple[Any, ...]:
    if is_dataclass(kind):
        if not isinstance(values, list) or not all(isinstance(each, dict) for each in values):
            raise refused(place, values, f"write sections [[{place}]]")
        return tuple(
            build_section(cast(Any, kind), each, folder, f"[[{place}]] {number},")
            for number, each in enumerate(values, start=1)
        )
    if not isinstance(values, list):
        raise refused(place, values, "write a list in [ ]")
    return tuple(_value(kind, each, folder, place) for each in values)


def _plain(kind: Any, value: Any, place: str) -> Any:
    """A number that is not negative, a string or a truth value, each as the setting's type says."""
    numbers = (int, float) if kind is float else kind
    if kind in _KINDS and (
        not isinstance(value, numbers) or (isinstance(value, bool) and kind is not bool)
    ):
        raise refused(place, value, _KINDS[kind])
    if kind in (int, float) and not 0 <= value < math.inf:
        raise refused(place, value, "choose a finite number, 0 or more")
    return value
