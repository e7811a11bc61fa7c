"""Whole numbers, rounded up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Count = TypeVar("Count", "int", "NDArray[np.integer[Any]]")
"""An integer, or an array of them."""


def ceil_div(count: Count, size: int) -> Count:
    """Return how many pieces of a size hold a count.

    Parameters
    ----------
    count : int or ndarray of int
        The count to hold, 0 or more.
    size : int
        What one piece holds, 1 or more.
    """
    return -(-count // size)


def round_up(count: Count, multiple: int) -> Count:
    """Return the least multiple that is not less than a count.

    Parameters
    ----------
    count : int or ndarray of int
        The count, 0 or more.
    multiple : int
        The number to be a multiple of, 1 or more.
    """
    return ceil_div(count, multiple) * multiple
