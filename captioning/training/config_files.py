"""TOML files that describe a training: read whole, or refused in a sentence."""

import math
import tomllib
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from captioning.errors import TrainingError, reason_of
from captioning.training.text_files import line_of

Config = TypeVar("Config")

_KINDS = {int: "whole number", float: "number", str: "text", bool: "true or false"}


def read_config(path: Path, build: Callable[[dict[str, Any], Path], Config]) -> Config:
    """build(settings, folder of the file) → config. Raises TrainingError that names the file."""
    try:
        return build(tomllib.loads(path.read_bytes().decode()), path.parent)
    except UnicodeDecodeError as error:
        place = f"{path}, line {line_of(error)}"
        raise TrainingError(f"{place}: is not in UTF-8; save the file in this encoding") from error
    except OSError as error:
        raise TrainingError(f"{path}: cannot be read: {reason_of(error)}") from error
    except (ValueError, TypeError, KeyError) as error:
        raise TrainingError(f"{path}: {error}") from error


def build_section(cls: type[Config], settings: dict[str, Any], folder: Path) -> Config:
    """A file, or a section of one, as the dataclass that describes it; sections are nested.

    Paths are relative to `folder`. Raises ValueError for a name that `cls` does not have, and
    for one that it lacks.
    """
    if not isinstance(settings, dict):
        raise ValueError(f"{settings!r} stands where a section is expected")
    kinds = get_type_hints(cls)
    if unknown := sorted(settings.keys() - kinds.keys()):
        raise ValueError(f"no such section or setting: {', '.join(unknown)}")
    if missing := sorted(_required(cls) - settings.keys()):
        raise ValueError(f"missing: {', '.join(missing)}")
    return cls(
        **{name: _value(kinds[name], value, folder, name) for name, value in settings.items()}
    )


def require_plain_name(name: str) -> None:
    """A checkpoint's name becomes a folder's. Raises ValueError for one that leads elsewhere."""
    if not name or name != Path(name).name:
        raise ValueError(f"name = {name!r} is no name of a folder")


def require_start(start: Path) -> None:
    """Raises ValueError where the checkpoint to begin with is not there."""
    if not start.is_dir():
        reason = f"there is no folder {start}; name a checkpoint by its path from this file"
        raise ValueError(f"start: {reason}")


def require_captions(train: Path, dev: Path) -> None:
    """Raises ValueError where one of the files of captions is not there."""
    for name, file in (("train", train), ("dev", dev)):
        if not file.is_file():
            raise ValueError(f"[data] {name}: there is no file {file}; name one with captions")


def _required(cls: Any) -> set[str]:
    return {
        each.name
        for each in fields(cls)
        if each.default is MISSING and each.default_factory is MISSING
    }


def _value(kind: Any, value: Any, folder: Path, name: str) -> Any:
    if isinstance(kind, type) and is_dataclass(kind):
        try:
            return build_section(kind, value, folder)
        except ValueError as error:
            raise ValueError(f"[{name}] {error}") from error
    if get_origin(kind) is dict and not isinstance(value, dict):
        raise ValueError(f"{name} = {value!r} stands where a section is expected")
    if get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise ValueError(f"{name} = {value!r} is no list")
        return tuple(_value(get_args(kind)[0], each, folder, name) for each in value)
    if Path in (kind, *get_args(kind)):
        return folder / _plain(str, value, name)
    return _plain(kind, value, name)


def _plain(kind: Any, value: Any, name: str) -> Any:
    """A number that is not negative, a string or a truth value, each as the setting's type says."""
    numbers = (int, float) if kind is float else kind
    if kind in (int, float, str, bool) and (
        not isinstance(value, numbers) or (isinstance(value, bool) and kind is not bool)
    ):
        raise ValueError(f"{name} = {value!r} is no {_KINDS[kind]}")
    if kind in (int, float) and not 0 <= value < math.inf:
        raise ValueError(f"{name} = {value!r} is less than nothing, or no number")
    return value
