"""Bytes of a picture → the pixels that an encoder takes. Needs no network.

The picture is squashed to a square, not cropped: nothing of it is lost, and it is what the
pictures of the training saw (Keras's `load_img(target_size=…)` does the same).
"""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from captioning.errors import reason_of

Pixels = NDArray[np.uint8]  # (S, S, 3), RGB
Box = tuple[float, float, float, float]  # left, top, right, bottom, in pixels

# Bicubic with Pillow's antialiasing, the filter that EfficientNet-Lite was trained with.
_FILTER = Image.Resampling.BICUBIC

# What Pillow raises for bytes that are no picture, or a broken one.
PICTURE_ERRORS = (OSError, KeyError, SyntaxError, ValueError, Image.DecompressionBombError)


def pixels_of(picture: bytes, size: int) -> Pixels:
    """Encoded picture → (size, size, 3).

    For JPEGs of a prepared batch, which are upright and sRGB already. Raises `PICTURE_ERRORS`
    for bytes that are no picture. Safe in any number of threads.
    """
    with Image.open(io.BytesIO(picture)) as image:
        return squashed(image, size)


def squashed(image: Image.Image, size: int, box: Box | None = None) -> Pixels:
    """Picture of any mode and shape, or a box of it → (size, size, 3)."""
    return np.asarray(image.convert("RGB").resize((size, size), _FILTER, box))


def fault_of(error: Exception) -> str:
    """Why a picture cannot be read, in words: Pillow names an object where it knows no kind."""
    if isinstance(error, UnidentifiedImageError):
        return "it is no picture of a kind that can be read, such as JPEG or PNG"
    return reason_of(error)
