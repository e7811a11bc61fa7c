"""Large arrays in memory that earlier ones have left: the system's own is cleared at each touch.

A batch of windows is some megabytes. Memory of that size goes back to the
system when it is freed, and comes anew page by page, which takes a quarter of
the time that reading the batch does.
"""

from __future__ import annotations

import math
import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST_BYTES = 2**20
"""Bytes of an array, at least, for which memory is kept."""

MOST_BYTES = 2**28
"""Bytes that are kept for arrays to come, at most."""

_free: dict[int, list[memoryview]] = {}
"""Memory that nobody has, by its size."""

_lent: dict[int, weakref.ref[NDArray[Any]]] = {}


def recycled_empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return an array whose content is undefined, as `numpy.empty` does.

    Its memory serves another one once it and all views of it are gone.

    Parameters
    ----------
    shape : tuple of int
        Its shape.
    dtype : numpy.dtype
        Its element type.

    Raises
    ------
    MemoryError
        If there is no memory left.
    """
    nbytes = math.prod(shape) * dtype.itemsize
    if nbytes < LEAST_BYTES:
        return np.empty(shape, dtype)
    block = _take(nbytes)
    # All views of an array that is made of a buffer refer to it, not to the buffer.
    array = np.frombuffer(block, dtype)
    key = id(array)

    def give_back(_: object) -> None:
        del _lent[key]
        if sum(size * len(blocks) for size, blocks in list(_free.items())) + nbytes <= MOST_BYTES:
            _free.setdefault(nbytes, []).append(block)

    _lent[key] = weakref.ref(array, give_back)
    return array.reshape(shape)


def _take(nbytes: int) -> memoryview:
    """Return memory of that size: what was left last, or new."""
    try:
        return _free[nbytes].pop()
    except (KeyError, IndexError):
        return np.empty(nbytes, np.uint8).data
