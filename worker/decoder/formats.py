"""What kind of file bytes are, told by their first bytes and never by a name or a header."""

from worker.errors import PictureUnreadable

HEAD_BYTES = 64
"""How much of a file `sniff` looks at."""

# Compatible brands at offset 8 and onwards of an ISO media file's first box (ISO/IEC 14496-12).
AVIF_BRANDS = (b"avif", b"avis")
HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1")

READ = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
    (b"BM", "BMP"),
)
"""First bytes → the name that Pillow has for the format."""

KNOWN_BUT_NOT_READ = (
    b"%PDF",
    b"%!PS",
    b"8BPS",
    b"\x00\x00\x00\x0cjP  ",
    b"\xff\x4f\xff\x51",
    b"\xff\x0a",
    b"\x00\x00\x00\x0cJXL ",
    b"\x00\x00\x01\x00",
    b"\x1a\x45\xdf\xa3",
    b"qoif",
    b"DDS ",
    b"P1",
    b"P2",
    b"P3",
    b"P4",
    b"P5",
    b"P6",
    b"v/1\x01",
    b"#?RADIANCE",
    b"FORM",
    b"\x0a\x05\x01",
    b"<svg",
)
"""PDF, PostScript, PSD, JPEG 2000, JPEG XL, icons, Matroska, QOI, DDS, PNM, EXR, HDR, IFF, SVG."""


def sniff(data: bytes | bytearray | memoryview) -> str:
    """Pillow's name for the format of a file that begins with `data`.

    Raises:
        PictureUnreadable: `empty`, `unsupported_format` (a picture, yet of no format that is
            read) or `not_a_picture`.
    """
    head = bytes(data[:HEAD_BYTES])
    if not head:
        raise PictureUnreadable("empty")
    for magic, name in READ:
        if head.startswith(magic):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        return _iso_media(head)
    if head.startswith(KNOWN_BUT_NOT_READ) or b"<svg" in head:
        raise PictureUnreadable("unsupported_format")
    raise PictureUnreadable("not_a_picture")


def _iso_media(head: bytes) -> str:
    brands = [head[at : at + 4] for at in range(8, len(head), 4)]
    if any(brand in AVIF_BRANDS for brand in brands):
        return "AVIF"
    if any(brand in HEIF_BRANDS for brand in brands):
        return "HEIF"
    raise PictureUnreadable("unsupported_format")
