"""Where a picture is cut.

A crop follows from seed, generation, view and the picture's number alone: teacher and student
see the same one, and so does a run that goes on after a kill.
"""

import numpy as np
from PIL import Image

from captioning.pictures import Box, Pixels, squashed

_ASPECT = (3 / 4, 4 / 3)
WHOLE = 0  # the first view


def box_of(image: Image.Image, key: tuple[int, ...], *, view: int, area: float) -> Box:
    """The whole picture in the first view, else a part of `area` to 1 of it, anywhere.

    key: seed, generation and number of the picture.
    """
    if view == WHOLE:
        return (0.0, 0.0, float(image.width), float(image.height))
    random = np.random.default_rng((*key, view))
    share = random.uniform(area, 1.0)
    aspect = np.exp(random.uniform(*np.log(_ASPECT)))
    width = min(1.0, (share * aspect) ** 0.5) * image.width
    height = min(1.0, (share / aspect) ** 0.5) * image.height
    left, top = random.uniform(0, image.width - width), random.uniform(0, image.height - height)
    return (left, top, left + width, top + height)


def cut(image: Image.Image, box: Box, sizes: tuple[int, ...]) -> tuple[Pixels, ...]:
    """The part of the picture in each of the sizes: (S, S, 3) uint8."""
    return tuple(squashed(image, size, box) for size in sizes)
