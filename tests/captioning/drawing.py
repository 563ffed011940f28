"""Pictures that the tests draw: the same numbers on every machine, and nobody's photograph."""

import numpy as np
from numpy.typing import NDArray


def drawn_picture(size: int) -> NDArray[np.uint8]:
    """(size, size, 3): waves of colour, a bright disc and a dark square, in integers alone."""
    y, x = np.mgrid[:size, :size]
    red = (x * x + 3 * x * y) // 97 % 256
    green = (5 * x + 11 * y) % 256
    blue = (y * y + 7 * x) // 31 % 256
    picture = np.stack([red, green, blue], axis=-1)
    picture[(x - size // 3) ** 2 + (y - size // 3) ** 2 < (size // 5) ** 2] = (250, 220, 40)
    picture[size // 2 : size * 3 // 4, size // 2 : size * 3 // 4] = (20, 30, 90)
    return picture.astype(np.uint8)
