"""TOML files that describe a training: read whole, or refused in a sentence."""

import tomllib
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from captioning.errors import TrainingError

Config = TypeVar("Config")


def read_config(path: Path, build: Callable[[dict[str, Any], Path], Config]) -> Config:
    """build(settings, folder of the file) → config. Raises TrainingError that names the file."""
    try:
        return build(tomllib.loads(path.read_text(encoding="utf-8")), path.parent)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise TrainingError(f"{path}: {error}") from error


def only_known(cls: Any, settings: dict[str, Any]) -> None:
    """Raises ValueError where a file has a section that `cls` does not."""
    unknown = settings.keys() - {part.name for part in fields(cls)}
    if unknown:
        raise ValueError(f"no such section: {', '.join(sorted(unknown))}")
