"""Files that are broken, lie, or are no pictures: each gets its code, and the decoder lives on."""

import io
import struct
import zlib
from collections.abc import Callable

import pillow_heif
import pytest
from PIL import Image

from worker.decoder.process import Decoded
from worker.errors import ImageRefused

pillow_heif.register_heif_opener()

Decode = Callable[[bytes], Decoded]

KINDS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "HEIF")


def noise(kind: str, **options: object) -> bytes:
    """A file whose data cannot be compressed away, so that every cut goes through some."""
    buffer = io.BytesIO()
    Image.effect_noise((96, 96), 120).convert("RGB").save(buffer, kind, **options)
    return buffer.getvalue()


def code(decode: Decode, data: bytes) -> str:
    with pytest.raises(ImageRefused) as refused:
        decode(data)
    assert refused.value.message
    return refused.value.code


def outcome(decode: Decode, data: bytes) -> str:
    """The code, or the width of what could be decoded."""
    try:
        return str(decode(data).width)
    except ImageRefused as refused:
        return refused.code


def png_header(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(bytes(1000))
    chunks = (struct.pack(">I", len(body) - 4) + body + _crc(body) for body in (header, data))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _crc(body: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(body))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", [0.3, 0.5, 0.9])
def test_a_file_cut_off_in_its_data_is_truncated(decode: Decode, kind: str, part: float) -> None:
    whole = noise(kind)
    assert code(decode, whole[: int(len(whole) * part)]) == "truncated"


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_cut_off_anywhere_is_refused_or_whole(decode: Decode, kind: str) -> None:
    whole = noise(kind)
    cuts = range(1, len(whole), max(1, len(whole) // 40))
    seen = {outcome(decode, whole[:end]) for end in cuts}
    assert seen <= {"96", "truncated", "not_a_picture", "unsupported_format"}


def test_a_progressive_jpeg_cut_in_a_late_scan_is_truncated(decode: Decode) -> None:
    whole = noise("JPEG", progressive=True)
    assert code(decode, whole[: int(len(whole) * 0.8)]) == "truncated"


@pytest.mark.parametrize("kind", KINDS)
def test_flipped_bytes_never_cost_the_decoder(decode: Decode, kind: str) -> None:
    whole = bytearray(noise(kind))
    seen = set()
    for at in range(16, len(whole), max(1, len(whole) // 60)):
        broken = bytearray(whole)
        broken[at] ^= 0xFF
        seen.add(outcome(decode, bytes(broken)))
    assert seen.isdisjoint({"decoder_crashed", "decoder_timeout"})


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "empty"),
        (b"\n", "not_a_picture"),
        (b"<!doctype html><title>Sign in</title>", "not_a_picture"),
        (b'{"error": "no"}', "not_a_picture"),
        (b"\x1f\x8b\x08\x00 a gzip file", "not_a_picture"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "not_a_picture"),
        (b"%PDF-1.7 ...", "unsupported_format"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unsupported_format"),
        (b"<?xml version='1.0'?><svg/>", "unsupported_format"),
        (b"8BPS\x00\x01", "unsupported_format"),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00", "unsupported_format"),
        (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "unsupported_format"),
        (b"P6 4 4 255 ", "unsupported_format"),
        (b"\xff\xd8\xff", "truncated"),
        (b"\x89PNG\r\n\x1a\n", "truncated"),
        (b"GIF89a", "truncated"),
        (b"BM", "truncated"),
    ],
)
def test_what_is_no_picture_is_told_by_its_first_bytes(
    decode: Decode, data: bytes, expected: str
) -> None:
    assert code(decode, data) == expected


def test_a_header_that_announces_too_many_pixels_is_believed_before_decoding(
    decode: Decode,
) -> None:
    assert code(decode, png_header(50_000, 50_000)) == "too_many_pixels"
    assert code(decode, png_header(2**31 - 1, 2**31 - 1)) == "too_many_pixels"


def test_a_gif_whose_frame_is_larger_than_its_canvas_is_refused(decode: Decode) -> None:
    canvas = b"GIF89a" + struct.pack("<2H3B", 1, 1, 0x80, 0, 0) + bytes(6)
    frame = b"," + struct.pack("<4HB", 0, 0, 65_000, 65_000, 0) + b"\x02\x02\x44\x01\x00;"
    assert code(decode, canvas + frame) == "too_many_pixels"


def test_a_header_that_announces_more_than_the_data_hold_is_truncated(decode: Decode) -> None:
    assert code(decode, png_header(1000, 1000)) == "truncated"


def test_a_png_whose_text_inflates_without_end_is_refused(decode: Decode) -> None:
    bomb = b"zTXtComment\x00\x00" + zlib.compress(bytes(50_000_000), 9)
    whole = noise("PNG")
    chunk = struct.pack(">I", len(bomb) - 4) + bomb + _crc(bomb)
    assert code(decode, whole[:33] + chunk + whole[33:]) == "truncated"


def test_after_all_that_the_same_decoder_reads_a_good_picture(decode: Decode) -> None:
    assert decode(noise("JPEG")).width == 96
