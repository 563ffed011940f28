"""A JSON document → the images and terms of a job, or everything that is wrong with it."""

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from api import terms
from api.errors import Fault, Invalid
from api.fields import key_fault, metadata_fault
from api.schemas import Submission, SubmittedImage
from api.urls import UrlRule
from api.wording import fault_of
from jobs.values import NewImage


def validate(document: Any, rule: UrlRule, max_images: int) -> Submission:
    """Raise Invalid with every fault; what comes back can be stored as it is."""
    _check_size(document, max_images)
    try:
        submission = Submission.model_validate(document)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise invalid([fault_of(each) for each in found]) from None
    faults = [*_image_faults(submission.images, rule), *terms.faults_of(submission)]
    if faults:
        raise invalid(faults)
    return submission


def images_of(submission: Submission) -> list[NewImage]:
    return [NewImage(image.url, image.key, image.metadata) for image in submission.images]


def _check_size(document: Any, max_images: int) -> None:
    images = document.get("images") if isinstance(document, dict) else None
    if isinstance(images, list) and len(images) > max_images:
        message = (
            f"holds {len(images):,} images; {max_images:,} fit into a JSON document: "
            "send application/x-ndjson or text/csv for more"
        )
        raise invalid([Fault("images", message)])


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
        if message := metadata_fault(image.metadata):
            yield Fault(f"{name}.metadata", message, position)


def invalid(faults: list[Fault]) -> Invalid:
    """The problem that tells all of them, the first one in its sentence."""
    first, others = faults[0], len(faults) - 1
    more = f" (and {others:,} more)" if others else ""
    return Invalid(f"{first.field} {first.message}{more}. Nothing was kept.", faults=faults)
