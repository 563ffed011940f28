"""A JSON document → the images and options of a job, or everything that is wrong with it."""

from collections.abc import Iterator
from typing import Any

import orjson
from pydantic import ValidationError

from api.errors import Fault, Invalid
from api.schemas import MAX_METADATA_BYTES, Submission, SubmittedImage
from api.urls import UrlRule
from api.wording import fault_of
from jobs.values import NewImage, Options


def validate(document: Any, rule: UrlRule, max_images: int) -> Submission:
    """Raise Invalid with every fault; what comes back can be stored as it is."""
    _check_size(document, max_images)
    try:
        submission = Submission.model_validate(document)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise _invalid([fault_of(each) for each in found]) from None
    faults = [*_image_faults(submission.images, rule), *_metadata_faults("", submission.metadata)]
    if faults:
        raise _invalid(faults)
    return submission


def images_of(submission: Submission) -> list[NewImage]:
    return [NewImage(image.url, image.key, image.metadata) for image in submission.images]


def options_of(submission: Submission) -> Options:
    return Options(**submission.options.model_dump())


def metadata_fault(metadata: dict[str, Any] | None) -> str | None:
    """Why metadata cannot be kept: too much of it, or a NUL, which PostgreSQL cannot store."""
    if metadata is None:
        return None
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


def _check_size(document: Any, max_images: int) -> None:
    images = document.get("images") if isinstance(document, dict) else None
    if isinstance(images, list) and len(images) > max_images:
        message = (
            f"holds {len(images):,} images; {max_images:,} fit into a JSON document: "
            "send application/x-ndjson or text/csv for more"
        )
        raise _invalid([Fault("images", message)])


def _image_faults(images: list[SubmittedImage], rule: UrlRule) -> Iterator[Fault]:
    seen: dict[str, int] = {}
    for position, image in enumerate(images):
        name = f"images[{position}]"
        if message := rule.fault(image.url):
            yield Fault(f"{name}.url", message, position)
        if message := key_fault(image.key):
            yield Fault(f"{name}.key", message, position)
        if image.key is not None and (first := seen.setdefault(image.key, position)) != position:
            yield Fault(f"{name}.key", f"is also the key of image {first}", position)
        yield from _metadata_faults(f"{name}.", image.metadata, position)


def _metadata_faults(
    prefix: str, metadata: dict[str, Any] | None, position: int | None = None
) -> Iterator[Fault]:
    if message := metadata_fault(metadata):
        yield Fault(f"{prefix}metadata", message, position)


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


def _invalid(faults: list[Fault]) -> Invalid:
    first, others = faults[0], len(faults) - 1
    more = f" (and {others:,} more)" if others else ""
    return Invalid(f"{first.field} {first.message}{more}. Nothing was kept.", faults=faults)
