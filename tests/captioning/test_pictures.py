import io

import numpy as np
import pytest
from PIL import Image

from captioning.pictures import pixels_of, squashed


def encoded(image, kind="PNG"):
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


def halves(width, height):
    """Left half red, right half blue."""
    image = Image.new("RGB", (width, height), (255, 0, 0))
    image.paste((0, 0, 255), (width // 2, 0, width, height))
    return image


def test_a_wide_picture_is_squashed_so_that_nothing_of_it_is_lost():
    pixels = pixels_of(encoded(halves(400, 100)), 64)

    assert pixels.shape == (64, 64, 3)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels[32, 1], (255, 0, 0))
    np.testing.assert_array_equal(pixels[32, 62], (0, 0, 255))


@pytest.mark.parametrize("mode", ["L", "P", "CMYK"])
def test_pictures_of_other_modes_come_out_as_rgb(mode):
    kind = "JPEG" if mode == "CMYK" else "PNG"
    grey = Image.new("L", (32, 32), 120).convert(mode)

    pixels = pixels_of(encoded(grey, kind), 16)

    assert np.abs(pixels.astype(int) - 120).max() <= 3


def test_a_box_of_the_picture_fills_the_square():
    pixels = squashed(halves(100, 100), 32, (50, 0, 100, 100))

    np.testing.assert_array_equal(pixels[:, 2:], np.full((32, 30, 3), (0, 0, 255)))


def test_bytes_that_are_no_picture_are_an_oserror():
    with pytest.raises(OSError, match="cannot identify"):
        pixels_of(b"not a picture", 64)
