"""What pydantic finds wrong, in the words and the field names of this API."""

from collections.abc import Mapping
from typing import Any

from api.errors import Fault

SENTENCES = {
    "missing": "is needed",
    "extra_forbidden": "is not a known field",
    "string_type": "must be text",
    "string_too_short": "must not be empty",
    "string_too_long": "has more than {max_length} characters",
    "string_pattern_mismatch": "holds a character that it may not",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "list_type": "must be a list",
    "too_short": "must hold at least one",
    "literal_error": "must be one of {expected}",
    "enum": "must be one of {expected}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
}


def fault_of(error: Mapping[str, Any]) -> Fault:
    """One entry of pydantic's `errors()` as a fault."""
    place = error["loc"]
    sentence = SENTENCES.get(error["type"], error["msg"])
    message = sentence.format(**error.get("ctx", {})) if error["type"] in SENTENCES else sentence
    return Fault(field_name(place), message, position=position_of(place))


def field_name(place: tuple[str | int, ...]) -> str:
    """('images', 3, 'url') → `images[3].url`; the document itself is `body`."""
    name = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return name.removeprefix(".") or "body"


def position_of(place: tuple[str | int, ...]) -> int | None:
    """The image that ('images', 3, …) speaks of."""
    match place:
        case ("images", int(position), *_):
            return position
        case _:
            return None
