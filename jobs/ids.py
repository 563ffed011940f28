"""Identifiers that sort by time and cannot be guessed.

`job_` and 26 characters of Crockford's base32: 48 bits of milliseconds, then 80
random bits (the layout of a ULID, https://github.com/ulid/spec).
"""

import secrets
import time

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
LENGTH = 26
RANDOM_BITS = 80


def new_id(prefix: str) -> str:
    """A new identifier; those made later sort later, to the millisecond."""
    number = (time.time_ns() // 1_000_000) << RANDOM_BITS | secrets.randbits(RANDOM_BITS)
    characters = (ALPHABET[number >> shift & 31] for shift in range(5 * (LENGTH - 1), -1, -5))
    return f"{prefix}_{''.join(characters)}"
