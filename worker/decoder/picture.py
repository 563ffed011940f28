"""Bytes of a picture file → an upright sRGB JPEG with a short side of 256.

Runs inside the sandboxed child. The steps are sorted by cost: colours, turning and alpha are
put right on the shrunk picture, never on the full one.
"""

import contextlib
import io
from dataclasses import dataclass

from PIL import Image, ImageChops

from worker.decoder.colours import as_resizable, flat_rgb
from worker.decoder.formats import sniff
from worker.errors import PictureUnreadable

SHORT_SIDE = 256
LONG_SIDE = 2048
"""A panorama keeps its form up to 8:1; beyond, its short side gives way."""
QUALITY = 90
ORIENTATION = 0x0112
TURNED = (5, 6, 7, 8)
"""EXIF orientations that swap width and height."""

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation → what undoes it (Exif 2.3, table 6)."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """jpeg: the small picture. width, height: of the original, upright."""

    jpeg: bytes
    width: int
    height: int


def prepare(data: bytes | bytearray | memoryview, max_pixels: int) -> Prepared:
    """Decode, shrink, turn upright, convert to sRGB on white, encode.

    Raises:
        PictureUnreadable: `empty`, `not_a_picture`, `unsupported_format`, `too_many_pixels`,
            `truncated`.
    """
    kind = sniff(data)
    try:
        return _prepare(_open(data, kind, max_pixels))
    except PictureUnreadable:
        raise
    except (MemoryError, Image.DecompressionBombError) as error:
        raise PictureUnreadable("too_many_pixels") from error
    except Exception as error:  # broken files make Pillow raise nearly anything
        raise PictureUnreadable("truncated") from error


def target_size(width: int, height: int) -> tuple[int, int]:
    """The size to shrink to: short side 256 at most, long side 2048 at most, never enlarged."""
    scale = min(1.0, SHORT_SIDE / min(width, height), LONG_SIDE / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _open(data: bytes | bytearray | memoryview, kind: str, max_pixels: int) -> Image.Image:
    """Read the header alone, and refuse what it announces before anything is decoded."""
    image = Image.open(io.BytesIO(data), formats=(kind,))
    if image.width * image.height > max_pixels:
        raise PictureUnreadable("too_many_pixels")
    return image


def _prepare(image: Image.Image) -> Prepared:
    target = target_size(*image.size)
    width, height = image.size
    if image.format in ("JPEG", "MPO"):
        # DCT scaling: a large JPEG is decoded at an eighth, a quarter or half its size.
        image.draft(None, target)
    image.load()
    orientation = _orientation(image)
    if orientation in TURNED:
        width, height = height, width
    small = flat_rgb(_shrink(image, target), image.info.get("icc_profile"))
    if orientation in TURNS:
        small = small.transpose(TURNS[orientation])
    return Prepared(_encode(small), width, height)


def _orientation(image: Image.Image) -> int:
    """EXIF orientation after loading (TIFF and HEIF have turned themselves by then)."""
    with contextlib.suppress(Exception):  # a broken EXIF block costs the turn, not the picture
        return int(image.getexif().get(ORIENTATION, 1))
    return 1


def _shrink(image: Image.Image, target: tuple[int, int]) -> Image.Image:
    if image.mode == "CMYK" and image.format == "JPEG" and "adobe" not in image.info:
        # Pillow takes every CMYK JPEG for Adobe's inverted kind; only the marker says so.
        image = ImageChops.invert(image)
    image = as_resizable(image)
    if image.size == target:
        return image
    # Hamming: as sharp as bicubic when shrinking, at the cost of bilinear.
    return image.resize(target, Image.Resampling.HAMMING, reducing_gap=2.0)


def _encode(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()
