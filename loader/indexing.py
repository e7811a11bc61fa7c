"""Choosing some of a number of things, as one indexes an array of them: by mask or by numbers."""

from __future__ import annotations

import reprlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.schemas.arguments import as_integer


def index_of(what: str, key: Any, count: int, where: str) -> int | None:
    """Return the index that a single integer stands for, or None if the key is none.

    Parameters
    ----------
    what : str
        Name of the whole, for messages.
    key : object
        What it is indexed by.
    count : int
        How many there are.
    where : str
        Where they are stored, for messages.

    Returns
    -------
    int or None
        From 0 to `count - 1`.

    Raises
    ------
    IndexError
        If it is out of range.
    """
    # A tensor of one element says that it is an integer.
    index = None if getattr(key, "ndim", 0) else as_integer(key)
    if index is None:
        return None
    if not -count <= index < count:
        expected = f"an index from {-count} to {count - 1}" if count else "an episode"
        found = f"{index}" if count else "none"
        raise IndexError(f"{what}: expected {expected}, found {found} ({where})")
    return index % count


def chosen(what: str, key: Any, count: int, where: str) -> NDArray[np.intp]:
    """Return the indices that a mask or an array of integers chooses.

    Parameters
    ----------
    what : str
        Name of the whole, for messages.
    key : array_like, shape (count,) of bool, or shape (n,) of int
        Which to choose; integers may count from the end.
    count : int
        How many there are.
    where : str
        Where they are stored, for messages.

    Returns
    -------
    ndarray, shape (n,), intp
        The indices, from 0 to `count - 1`, in the order of the key.

    Raises
    ------
    TypeError
        If the key is neither.
    IndexError
        If the mask is of another length, or an index out of range.
    """
    array = _array(key)
    if array is None or array.ndim != 1 or (array.dtype.kind not in "biu" and array.size):
        found = reprlib.repr(key) if array is None else f"shape {array.shape} of {array.dtype}"
        raise TypeError(
            f"{what}: expected an index, a slice, a mask or indices, found {found} ({where})"
        )
    if array.dtype.kind == "b":
        if len(array) != count:
            raise IndexError(
                f"{what}: expected a mask of {count} bools, found one of {len(array)} ({where})"
            )
        return np.flatnonzero(array)
    wrong = array[(array < -count) | (array >= count)] if array.size else array
    if wrong.size:
        expected = f"indices from {-count} to {count - 1}" if count else "no index, as it is empty"
        raise IndexError(f"{what}: expected {expected}, found {wrong[0]} ({where})")
    indices = array.astype(np.intp)
    return np.where(indices < 0, indices + count, indices)


def _array(key: Any) -> NDArray[Any] | None:
    """Return what is meant as an array; None for texts, mappings, tuples, numbers and the like."""
    if isinstance(key, list | range | np.ndarray) or hasattr(key, "__array__"):
        try:
            return np.asarray(key)
        except (TypeError, ValueError):  # lists of different lengths, tensors on a GPU
            return None
    return None
