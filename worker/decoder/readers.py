"""Loads all that decoding may ever need, before files can no longer be opened.

Importing alone is not enough: Pillow imports much of itself at first use, so that a small
picture of each kind goes through the whole of `prepare` once.
"""

import io

import pillow_heif
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageCms,
    ImagePalette,
    ImageSequence,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from worker.decoder.picture import ORIENTATION, prepare

SIZE = (8, 8)
WARM_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP")
WARM_MODES = ("RGB", "P", "L", "CMYK", "RGBA", "I;16", "1")
"""Each of these modes is written as PNG, or where PNG lacks it, as TIFF."""

PLUGINS = (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    ImagePalette,
    ImageSequence,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)


def load() -> None:
    """Import every codec, one thread each: the pool has as many processes as there are CPUs."""
    Image.preinit()
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    pillow_heif.register_heif_opener(
        decode_threads=1, thumbnails=False, depth_images=False, aux_images=False
    )
    Image.MAX_IMAGE_PIXELS = None  # `prepare` has its own limit, told before decoding
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for kind in WARM_FORMATS:
        _warm(Image.new("RGB", SIZE), kind, exif=exif, icc_profile=profile)
    for mode in WARM_MODES:
        _warm(Image.new(mode, SIZE), "TIFF" if mode == "CMYK" else "PNG")


def _warm(image: Image.Image, kind: str, **options: object) -> None:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    prepare(buffer.getvalue(), max_pixels=SIZE[0] * SIZE[1])
