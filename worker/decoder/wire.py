"""What parent and child say to each other over a socket pair.

Child, once:  HELLO length, then JSON {"sandbox": [...], "error": null | "..."}
Parent:       REQUEST length, then the bytes of the file
Child:        ANSWER code, width, height, CPU seconds used so far, length, then the JPEG

The parent believes the child nothing beyond this: lengths are bounded, and a code must be one
that a decoder may answer with.
"""

import struct
from typing import Final

LENGTH: Final = struct.Struct("!I")
ANSWER: Final = struct.Struct("!BIIdI")

CODES: Final = (
    "",
    "empty",
    "not_a_picture",
    "unsupported_format",
    "too_many_pixels",
    "truncated",
)
"""A code's place here is its number on the wire; 0 is a picture."""

MAX_HELLO_BYTES: Final = 4096
MAX_JPEG_BYTES: Final = 4 * 1024 * 1024
JPEG_START: Final = b"\xff\xd8\xff"
