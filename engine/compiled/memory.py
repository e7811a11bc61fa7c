"""Memory that compiled code is quick to read."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LINE = 64
"""Bytes that a processor takes at once, from multiples of that on."""


def aligned_zeros(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Make an array of zeros that starts at a multiple of 64 bytes."""
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    space = np.zeros(size + _LINE, np.uint8)
    start = -space.ctypes.data % _LINE
    return space[start : start + size].view(dtype).reshape(shape)
