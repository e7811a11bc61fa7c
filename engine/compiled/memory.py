"""Memory that compiled code reads quickly."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

LINE = 64
"""Bytes of a line of the processor's cache."""


def aligned_zeros(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Make an array of zeros that starts at a multiple of 64 bytes.

    Parameters
    ----------
    shape : tuple of int
        Shape of the array.
    dtype : dtype-like
        Element type.

    Returns
    -------
    ndarray, shape `shape`, `dtype`
        C-contiguous.
    """
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    space = np.zeros(size + LINE, np.uint8)
    start = -space.ctypes.data % LINE
    return space[start : start + size].view(dtype).reshape(shape)
