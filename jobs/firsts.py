"""Where each URL of a long submission came first, in little memory.

A table of open addressing (linear probing, at most two thirds full) in two flat
arrays: 12 bytes a slot, where a dict of strings takes some 200 a URL. It knows
URLs by a 64-bit hash with a random key, so that nobody can aim at a collision;
that two of five million URLs share one by chance has a probability below 10⁻⁶,
and `jobs.ingest` compares the URLs themselves in the end.
"""

from array import array

EMPTY = 0
SMALLEST = 1 << 12


class Firsts:
    """Remembers the position at which each text was first seen."""

    def __init__(self) -> None:
        self._clear(SMALLEST)

    def add(self, text: str, position: int) -> int:
        """The position that had `text` first: `position`, if this is the first time."""
        # Python's own string hash: SipHash, keyed anew in each process.
        wanted = hash(text) or 1
        slot = self._slot(wanted)
        if self._hashes[slot] == wanted:
            return self._positions[slot]
        self._hashes[slot], self._positions[slot] = wanted, position
        self._count += 1
        if self._count * 3 > len(self._hashes) * 2:
            self._grow()
        return position

    def _slot(self, wanted: int) -> int:
        """The slot that holds the hash, or the free one where it belongs."""
        hashes, mask = self._hashes, len(self._hashes) - 1
        slot = wanted & mask
        while hashes[slot] != EMPTY and hashes[slot] != wanted:
            slot = (slot + 1) & mask
        return slot

    def _grow(self) -> None:
        hashes, positions = self._hashes, self._positions
        self._clear(2 * len(hashes))
        for wanted, position in zip(hashes, positions, strict=True):
            if wanted != EMPTY:
                slot = self._slot(wanted)
                self._hashes[slot], self._positions[slot] = wanted, position
                self._count += 1

    def _clear(self, size: int) -> None:
        self._hashes = array("q", bytes(8 * size))
        self._positions = array("i", bytes(4 * size))
        self._count = 0
