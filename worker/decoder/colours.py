"""Every way in which a file may hold colours → RGB in sRGB, on white."""

import functools
import io

from PIL import Image, ImageCms

WHITE = (255, 255, 255)
ALPHA_MODES = ("RGBA", "LA", "RGBa", "La", "PA")
WIDE_GREY_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
FULL_16_BIT = 65535
PROFILE_CACHE = 16

PROFILE_SPACES = {"RGB": "RGB ", "CMYK": "CMYK", "L": "GRAY", "LAB": "Lab "}
"""Pillow's mode → colour space that an ICC profile must name to fit it (ICC.1, 7.2.6)."""

ICC_SPACE = slice(16, 20)


def as_resizable(image: Image.Image) -> Image.Image:
    """A mode in which shrinking averages light: no palette, no key colour, no bits, 8 bit deep."""
    if image.mode in WIDE_GREY_MODES:
        return _eight_bit_grey(image)
    if image.mode == "1":
        return image.convert("L")
    if image.mode in ALPHA_MODES or image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode == "P":
        return image.convert("RGB")
    return image


def flat_rgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """sRGB without alpha; the file's ICC profile is honoured where it fits the mode."""
    if image.mode != "RGBA":
        return _srgb(image, profile)
    alpha = image.getchannel("A")
    opaque = Image.new("RGB", image.size, WHITE)
    opaque.paste(_srgb(image.convert("RGB"), profile), mask=alpha)
    return opaque


def _eight_bit_grey(image: Image.Image) -> Image.Image:
    """Scaled, where Pillow's own conversion would clip: to white at 65535, or at the maximum."""
    extrema = image.getextrema()
    low, high = float(extrema[0]), float(extrema[1])  # type: ignore[arg-type]
    if image.mode.startswith("I;16"):
        low, high = 0.0, float(FULL_16_BIT)
    elif low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    scale = 255 / (high - low) if high > low else 0.0
    wide = image.convert("F") if image.mode != "F" else image
    return wide.point(lambda value: value * scale + (0.5 - low * scale)).convert("L")


def _srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if profile and (transform := _transform(bytes(profile), image.mode)):
        return transform.apply(image)
    if image.mode == "LAB":
        return _lab_transform().apply(image)
    return image.convert("RGB")


@functools.lru_cache(PROFILE_CACHE)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """None: the profile is sRGB already, is broken, or is not one for this mode."""
    if profile[ICC_SPACE].decode("latin-1") != PROFILE_SPACES.get(mode):
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source):
            return None
        return ImageCms.buildTransform(source, _srgb_profile(), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


@functools.lru_cache(1)
def _lab_transform() -> ImageCms.ImageCmsTransform:
    lab = ImageCms.createProfile("LAB")
    return ImageCms.buildTransform(lab, _srgb_profile(), "LAB", "RGB")


@functools.lru_cache(1)
def _srgb_profile() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
