"""The few batch sizes that the network is ever run at.

A compiled function is traced once per input shape; padding every batch up to one
of these keeps that number small and known, so nothing is retraced after warm-up.
"""

import numpy as np
from numpy.typing import NDArray

BUCKETS = (1, 4, 16, 32)


def bucket_for(count: int) -> int:
    """The smallest bucket that holds `count` pictures (1 ≤ count ≤ the largest bucket)."""
    if not 1 <= count <= BUCKETS[-1]:
        raise ValueError(f"a device batch holds 1 to {BUCKETS[-1]} pictures, not {count}")
    return next(bucket for bucket in BUCKETS if bucket >= count)


def padded(batch: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(B, S, S, 3) filled up with black pictures to its bucket."""
    missing = bucket_for(len(batch)) - len(batch)
    return np.pad(batch, ((0, missing), (0, 0), (0, 0), (0, 0)))
