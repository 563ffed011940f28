"""Which keys occurred before, among millions, in about sixteen bytes each."""

from array import array

SMALLEST = 1 << 16


class Seen:
    """A set of 64-bit hashes in one array (open addressing, at most half full).

    A Python set would take five times the memory. Among five million keys two different
    ones share a hash with a probability of about one in a million.
    """

    def __init__(self) -> None:
        self._slots = array("Q", bytes(8 * SMALLEST))
        self._mask = SMALLEST - 1
        self._filled = 0

    def add(self, key: str) -> bool:
        """Whether the key is new."""
        value = hash(key) & 0xFFFFFFFFFFFFFFFF or 1  # 0 marks an empty slot
        if not self._put(value):
            return False
        self._filled += 1
        if 2 * self._filled > len(self._slots):
            self._grow()
        return True

    def _put(self, value: int) -> bool:
        slots, mask = self._slots, self._mask
        at = value & mask
        while found := slots[at]:
            if found == value:
                return False
            at = (at + 1) & mask
        slots[at] = value
        return True

    def _grow(self) -> None:
        old = self._slots
        self._slots = array("Q", bytes(16 * len(old)))
        self._mask = len(self._slots) - 1
        for value in old:
            if value:
                self._put(value)
