"""Where each URL of a long submission came first, in little memory.

A table of open addressing (linear probing, at most two thirds full) in two flat
arrays: 12 bytes a slot, where a dict of strings takes some 200 a URL. It knows
URLs by a 64-bit hash with a random key, so that nobody can aim at a collision;
that two of five million URLs share one by chance has a probability below 10⁻⁶,
and `jobs.ingest` compares the URLs themselves in the end.
"""

from array import array
from collections.abc import Iterable

EMPTY = 0
SMALLEST = 1 << 12


class Firsts:
    """Remembers the position at which each text was first seen."""

    def __init__(self) -> None:
        self._count = 0
        self._clear(SMALLEST)

    def add(self, texts: Iterable[str], start: int) -> dict[int, int]:
        """The positions, from `start`, that repeat a text, with the one that had it first."""
        repeats = {}
        # One plain loop: what is called for each of a million rows had better be little.
        hashes, positions, mask = self._hashes, self._positions, len(self._hashes) - 1
        for position, text in enumerate(texts, start):
            # Python's own hash of a string is SipHash, keyed anew in each process.
            wanted = hash(text) or 1
            slot = wanted & mask
            while (found := hashes[slot]) != EMPTY and found != wanted:
                slot = (slot + 1) & mask
            if found == wanted:
                repeats[position] = positions[slot]
                continue
            hashes[slot], positions[slot] = wanted, position
            self._count += 1
            if self._count * 3 > mask * 2:
                self._grow()
                hashes, positions, mask = self._hashes, self._positions, len(self._hashes) - 1
        return repeats

    def _grow(self) -> None:
        old = zip(self._hashes, self._positions, strict=True)
        self._clear(2 * len(self._hashes))
        hashes, positions, mask = self._hashes, self._positions, len(self._hashes) - 1
        for wanted, position in old:
            if wanted != EMPTY:
                slot = wanted & mask
                while hashes[slot] != EMPTY:
                    slot = (slot + 1) & mask
                hashes[slot], positions[slot] = wanted, position

    def _clear(self, size: int) -> None:
        self._hashes = array("q", bytes(8 * size))
        self._positions = array("i", bytes(4 * size))
