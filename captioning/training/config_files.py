"""TOML files that describe a training: read whole, or refused in a sentence."""

import tomllib
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from captioning.errors import TrainingError

Config = TypeVar("Config")


def read_config(path: Path, build: Callable[[dict[str, Any], Path], Config]) -> Config:
    """build(settings, folder of the file) → config. Raises TrainingError that names the file."""
    try:
        return build(tomllib.loads(path.read_text(encoding="utf-8")), path.parent)
    except (OSError, ValueError, TypeError, KeyError) as error:
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
    return cls(**{name: _value(kinds[name], value, folder) for name, value in settings.items()})


def _required(cls: Any) -> set[str]:
    return {
        each.name
        for each in fields(cls)
        if each.default is MISSING and each.default_factory is MISSING
    }


def _value(kind: Any, value: Any, folder: Path) -> Any:
    if isinstance(kind, type) and is_dataclass(kind):
        return build_section(kind, value, folder)
    if get_origin(kind) is tuple:
        return tuple(_value(get_args(kind)[0], each, folder) for each in value)
    return folder / value if Path in (kind, *get_args(kind)) else value
