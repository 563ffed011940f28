"""Views: the ways in which one picture is shown to the encoder.

A view's randomness follows from the picture's name alone, so a run that goes on after a kill,
or another machine, sees the same crop.
"""

import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image

from captioning.pictures import Pixels, squashed

View = Callable[[Image.Image, str, int], Pixels]

_CROP_AREA = (0.6, 1.0)
_CROP_ASPECT = 0.15  # standard deviation of its logarithm


def whole(image: Image.Image, _name: str, size: int) -> Pixels:
    """All of the picture."""
    return squashed(image, size)


def flip(image: Image.Image, _name: str, size: int) -> Pixels:
    """All of it, mirrored left to right."""
    return squashed(image, size)[:, ::-1]


def crop(image: Image.Image, name: str, size: int) -> Pixels:
    """60 to 100 % of its area, anywhere in it, mirrored half of the time."""
    random = np.random.default_rng(zlib.crc32(name.encode()))
    area, aspect = random.uniform(*_CROP_AREA), np.exp(random.normal(0, _CROP_ASPECT))
    width = min(1.0, (area * aspect) ** 0.5) * image.width
    height = min(1.0, (area / aspect) ** 0.5) * image.height
    left, top = random.uniform(0, image.width - width), random.uniform(0, image.height - height)
    pixels = squashed(image, size, (left, top, left + width, top + height))
    return pixels[:, ::-1] if random.random() < 0.5 else pixels


VIEWS: dict[str, View] = {"whole": whole, "flip": flip, "crop": crop}
