"""Rules for what clients attach: keys and metadata."""

from collections.abc import Iterator
from typing import Any

import orjson

from api.schemas import MAX_METADATA_BYTES

MAX_NESTING = 100
"""Levels of lists and objects in metadata: whoever reads JSON gives up at some depth."""


def metadata_fault(metadata: dict[str, Any] | None) -> str | None:
    """Why metadata cannot be kept: too much of it, or a NUL, which PostgreSQL cannot store."""
    if metadata is None:
        return None
    if _is_deep(metadata):
        return f"is nested more than {MAX_NESTING} levels deep"
    written = orjson.dumps(metadata)
    if len(written) > MAX_METADATA_BYTES:
        return f"has {len(written):,} bytes as JSON; {MAX_METADATA_BYTES:,} are allowed"
    if b"\\u0000" in written and _holds_nul(metadata):
        return "holds a NUL character"
    return None


def key_fault(key: str | None) -> str | None:
    """Keys stand in CSV cells and logs: no control characters."""
    if key is not None and not key.isprintable():
        return "holds a control character"
    return None


def _is_deep(metadata: dict[str, Any]) -> bool:
    level: list[Any] = [metadata]
    for _ in range(MAX_NESTING):
        level = [part for value in level for part in _parts(value)]
        if not level:
            return False
    return True


def _parts(value: dict[str, Any] | list[Any]) -> Iterator[Any]:
    """The lists and objects in a list or an object."""
    parts = value.values() if isinstance(value, dict) else value
    return (part for part in parts if isinstance(part, dict | list))


def _holds_nul(value: Any) -> bool:
    match value:
        case str():
            return "\0" in value
        case dict():
            return any(_holds_nul(part) for pair in value.items() for part in pair)
        case list():
            return any(_holds_nul(part) for part in value)
        case _:
            return False
