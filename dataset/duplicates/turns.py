"""The eight ways to turn and mirror a picture, by number.

4 exchanges rows and columns, then 2 reverses the rows, then 1 the columns. So 0 leaves a picture as it is, 1 mirrors
it, 3 turns it by 180 degrees, 5 and 6 turn it by 90.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

TURNS = tuple(range(8))
MIRRORED = 1


def turned(picture: NDArray[Any], turn: int) -> NDArray[Any]:
    """The picture, (height, width), in one of TURNS."""
    rows = picture.T if turn & 4 else picture
    rows = rows[::-1] if turn & 2 else rows
    return rows[:, ::-1] if turn & 1 else rows


def turned_back(turn: int) -> int:
    """The turn that undoes a turn."""
    return 4 | ((turn & 1) << 1) | ((turn & 2) >> 1) if turn & 4 else turn


def turned_frequencies(low: NDArray[np.floating], turn: int) -> NDArray[np.floating]:
    """Frequencies of pictures in one of TURNS, from those of the pictures, (..., n, n): only signs and order change."""
    signs = np.where(np.arange(low.shape[-1]) % 2, -1, 1).astype(low.dtype)
    rows = low.swapaxes(-1, -2) if turn & 4 else low
    rows = rows * signs[:, None] if turn & 2 else rows
    return rows * signs if turn & 1 else rows
