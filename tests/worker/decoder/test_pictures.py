"""Every form in which a picture may come, through the real sandboxed decoder."""

import io
import struct
import zlib
from collections.abc import Callable

import pillow_heif
import pytest
from PIL import Image, ImageChops, ImageCms

from worker.decoder.picture import ORIENTATION, TURNS, target_size
from worker.decoder.process import Decoded

pillow_heif.register_heif_opener()

Decode = Callable[[bytes], Decoded]
Colour = tuple[int, int, int]

RED, GREEN, BLUE, YELLOW = (220, 20, 20), (20, 180, 20), (20, 20, 220), (220, 220, 20)
WHITE, BLACK, GREY = (255, 255, 255), (0, 0, 0), (128, 128, 128)
CORNERS = (RED, GREEN, BLUE, YELLOW)
INVERSE = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
"""Of the turns, only these two do not undo themselves."""


def four_colours(size: tuple[int, int] = (64, 48)) -> Image.Image:
    """Red, green, blue, yellow: top left, top right, bottom left, bottom right."""
    width, height = size
    image = Image.new("RGB", size)
    for number, colour in enumerate(CORNERS):
        column, row = number % 2, number // 2
        box = (column * width // 2, row * height // 2, (column + 1) * width // 2, height)
        image.paste(colour, box)
    return image


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def opened(decoded: Decoded) -> Image.Image:
    image = Image.open(io.BytesIO(decoded.jpeg))
    assert (image.format, image.mode) == ("JPEG", "RGB")
    return image


def corners(decoded: Decoded) -> list[Colour]:
    image = opened(decoded)
    right, bottom = image.width - 1, image.height - 1
    return [image.getpixel(at) for at in ((0, 0), (right, 0), (0, bottom), (right, bottom))]


def near(seen: Colour, expected: Colour, tolerance: int = 12) -> bool:
    return all(abs(one - other) <= tolerance for one, other in zip(seen, expected, strict=True))


def assert_four_colours(decoded: Decoded, tolerance: int = 12) -> None:
    seen = corners(decoded)
    assert all(near(one, other, tolerance) for one, other in zip(seen, CORNERS, strict=True)), seen


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {"quality": 95, "subsampling": 0}),
        ("JPEG", {"quality": 95, "progressive": True}),
        ("PNG", {}),
        ("PNG", {"bits": 8}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"quality": 95}),
        ("GIF", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "jpeg", "quality": 95}),
        ("TIFF", {"big_tiff": True}),
        ("BMP", {}),
        ("AVIF", {"quality": 95}),
        ("HEIF", {"quality": 95}),
    ],
)
def test_every_format_keeps_its_colours_in_place(
    decode: Decode, kind: str, options: dict[str, object]
) -> None:
    decoded = decode(encoded(four_colours(), kind, **options))
    assert (decoded.width, decoded.height) == (64, 48)
    assert_four_colours(decoded)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_picture_stands_upright(decode: Decode, kind: str, orientation: int) -> None:
    stored = four_colours()
    if orientation in TURNS:
        stored = stored.transpose(INVERSE.get(orientation, TURNS[orientation]))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    decoded = decode(encoded(stored, kind, exif=exif))
    assert (decoded.width, decoded.height) == (64, 48)
    assert opened(decoded).size == (64, 48)
    assert_four_colours(decoded, tolerance=40)


def test_a_heic_picture_is_turned_once_and_not_twice(decode: Decode) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # HEIF: what counts is in its own boxes, of which this one has none
    assert_four_colours(decode(encoded(four_colours(), "HEIF", exif=exif, quality=95)))


def test_an_orientation_that_does_not_exist_is_passed_over(decode: Decode) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 99
    assert_four_colours(decode(encoded(four_colours(), "PNG", exif=exif)))


@pytest.mark.parametrize("block", [b"Exif\x00\x00garbage", b"Exif\x00\x00II*\x00\xff\xff\xff\xff"])
def test_a_broken_exif_block_costs_only_the_turn(decode: Decode, block: bytes) -> None:
    assert_four_colours(decode(encoded(four_colours(), "JPEG", exif=block, quality=95)), 40)


def test_adobe_cmyk_is_read_as_inverted(decode: Decode) -> None:
    jpeg = encoded(four_colours().convert("CMYK"), "JPEG", quality=95)
    assert b"Adobe" in jpeg
    assert_four_colours(decode(jpeg), tolerance=25)


def test_cmyk_without_the_adobe_marker_is_read_as_it_stands(decode: Decode) -> None:
    jpeg = encoded(ImageChops.invert(four_colours().convert("CMYK")), "JPEG", quality=95)
    at = jpeg.index(b"\xff\xee")
    length = int.from_bytes(jpeg[at + 2 : at + 4])
    assert_four_colours(decode(jpeg[:at] + jpeg[at + 2 + length :]), tolerance=25)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_and_not_clipped(decode: Decode, kind: str) -> None:
    image = Image.new("I;16", (8, 8), 0x8000)
    assert near(corners(decode(encoded(image, kind)))[0], GREY)


def test_16_bit_colour_is_scaled_and_not_clipped(decode: Decode) -> None:
    row = b"\x00" + struct.pack(">3H", 0x8000, 0x4000, 0xC000) * 4
    assert near(corners(decode(png(row * 4, (4, 4), depth=16, colour_type=2)))[0], (128, 64, 192))


def test_floats_are_scaled(decode: Decode) -> None:
    assert near(corners(decode(encoded(Image.new("F", (8, 8), 0.5), "TIFF")))[0], GREY)


def test_one_bit_pictures_become_black_and_white(decode: Decode) -> None:
    image = Image.new("1", (32, 32), 1)
    image.paste(0, (16, 0, 32, 32))
    left, right, *_ = corners(decode(encoded(image, "PNG")))
    assert near(left, WHITE)
    assert near(right, BLACK)


def test_greyscale_stays_grey(decode: Decode) -> None:
    assert near(corners(decode(encoded(Image.new("L", (8, 8), 128), "JPEG")))[0], GREY)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_what_is_transparent_becomes_white(decode: Decode, mode: str, kind: str) -> None:
    image = Image.new(mode, (32, 32), 0)
    assert near(corners(decode(encoded(image, kind)))[0], WHITE)


def test_half_transparent_red_becomes_pink(decode: Decode) -> None:
    image = Image.new("RGBA", (16, 16), (255, 0, 0, 128))
    assert near(corners(decode(encoded(image, "PNG")))[0], (255, 127, 127))


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_transparent_palette_entry_becomes_white(decode: Decode, kind: str) -> None:
    image = Image.new("P", (32, 32), 0)
    image.putpalette([0, 0, 0, *RED])
    image.paste(1, (16, 0, 32, 32))
    left, right, *_ = corners(decode(encoded(image, kind, transparency=0)))
    assert near(left, WHITE)
    assert near(right, RED, 40)


def test_a_transparent_key_colour_becomes_white(decode: Decode) -> None:
    image = Image.new("RGB", (16, 16), RED)
    assert near(corners(decode(encoded(image, "PNG", transparency=RED)))[0], WHITE)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_of_an_animation_the_first_frame_counts(decode: Decode, kind: str) -> None:
    first, second = Image.new("RGB", (32, 32), RED), Image.new("RGB", (32, 32), BLUE)
    decoded = decode(encoded(first, kind, save_all=True, append_images=[second], duration=100))
    assert near(corners(decoded)[0], RED, 20)


def test_an_icc_profile_is_honoured(decode: Decode) -> None:
    image = Image.new("RGB", (32, 32), (255, 0, 0))
    seen = corners(decode(encoded(image, "PNG", icc_profile=swapped_profile())))[0]
    assert near(seen, (0, 255, 0), 30)


@pytest.mark.parametrize("profile", [b"not a profile", b"\x00" * 200])
def test_a_broken_icc_profile_is_passed_over(decode: Decode, profile: bytes) -> None:
    assert_four_colours(decode(encoded(four_colours(), "PNG", icc_profile=profile)))


def test_a_profile_of_another_colour_space_is_passed_over(decode: Decode) -> None:
    image = Image.new("L", (16, 16), 128)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert near(corners(decode(encoded(image, "PNG", icc_profile=profile)))[0], GREY)


def test_lab_becomes_rgb(decode: Decode) -> None:
    assert near(
        corners(decode(encoded(Image.new("LAB", (8, 8), (255, 128, 128)), "TIFF")))[0], WHITE
    )


@pytest.mark.parametrize(
    ("size", "small"),
    [
        ((500, 375), (341, 256)),
        ((375, 500), (256, 341)),
        ((256, 256), (256, 256)),
        ((100, 50), (100, 50)),
        ((1, 1), (1, 1)),
        ((4000, 3000), (341, 256)),
        ((10_000, 100), (2048, 20)),
        ((5000, 1), (2048, 1)),
        ((1, 5000), (1, 2048)),
    ],
)
def test_the_short_side_becomes_256_and_nothing_is_enlarged(
    decode: Decode, size: tuple[int, int], small: tuple[int, int]
) -> None:
    decoded = decode(encoded(Image.new("RGB", size, GREEN), "JPEG"))
    assert target_size(*size) == small
    assert opened(decoded).size == small
    assert (decoded.width, decoded.height) == size
    assert near(corners(decoded)[0], GREEN)


def swapped_profile() -> bytes:
    """sRGB with red and green exchanged, under another name so that it is not taken for sRGB."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"????").replace(b"gXYZ", b"rXYZ").replace(b"????", b"gXYZ")
    return swapped.replace("sRGB".encode("utf-16-be"), "GRBs".encode("utf-16-be"))


def png(rows: bytes, size: tuple[int, int], *, depth: int, colour_type: int) -> bytes:
    header = struct.pack(">2I5B", *size, depth, colour_type, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
