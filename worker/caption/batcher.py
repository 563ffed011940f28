"""Joins the pictures of several batches into what the device takes at once.

A device is only fast when it is full, and a batch of one picture fills none. Pictures of
different jobs go together wherever their options are the same.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from captioning.captioner import CaptionOptions, Picture


@dataclass(frozen=True, slots=True)
class Place:
    """Where a picture belongs: which of the joined batches, and its position in the job."""

    batch: int
    position: int


@dataclass(frozen=True, slots=True)
class DeviceBatch:
    """Pictures that go through the network together; `places` in the same order."""

    options: CaptionOptions
    places: tuple[Place, ...]
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """What one batch brings: its options, and its pictures by their position in the job."""

    options: CaptionOptions
    pictures: tuple[tuple[int, Picture], ...]


def join(shares: Sequence[Share], size: int) -> Iterator[DeviceBatch]:
    """Device batches of up to `size` pictures, each batch's pictures in order."""
    together: dict[CaptionOptions, list[tuple[Place, Picture]]] = defaultdict(list)
    for number, share in enumerate(shares):
        together[share.options].extend(
            (Place(number, position), picture) for position, picture in share.pictures
        )
    for options, placed in together.items():
        for start in range(0, len(placed), size):
            places, pictures = zip(*placed[start : start + size], strict=True)
            yield DeviceBatch(options, places, pictures)
