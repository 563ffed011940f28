"""Settings as the environment of a child process."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jobs.settings import PREFIX, Settings

PROJECT = Path(__file__).parents[2]


def environment(settings: Settings) -> Mapping[str, str]:
    """This process's environment, with every setting said anew."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    chosen = {
        PREFIX + name.upper(): _word(value)
        for name, value in settings.model_dump().items()
        if value is not None
    }
    paths = [str(PROJECT), inherited.get("PYTHONPATH", "")]
    return inherited | chosen | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


def _word(value: Any) -> str:
    return ",".join(str(part) for part in value) if isinstance(value, tuple) else str(value)
