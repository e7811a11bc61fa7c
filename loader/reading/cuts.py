"""Many cuts of rows, read one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.schemas.container import Cuts
from crafter_dataset.schemas.errors import CorruptDataError


def copy_cuts(
    read: Callable[[str, int, int], NDArray[Any]], path: str, cuts: Cuts, out: NDArray[Any]
) -> None:
    """Read each cut and put it where it goes; see `Container.read_into`.

    Parameters
    ----------
    read : callable
        Takes a path, a first row and the row after the last, and returns these
        rows of the array.
    path : str
        Path of the array.
    cuts : Cuts
        What to read.
    out : ndarray, shape (items, rows, ...)
        Where to put it: cut i into `out[i]`.

    Raises
    ------
    CorruptDataError
        If the rows have another shape or dtype than those of `out`.
    """
    for item, (start, stop, place) in enumerate(cuts):
        if start < stop:
            rows = read(path, start, stop)
            if rows.dtype != out.dtype or rows.shape != (stop - start, *out.shape[2:]):
                raise CorruptDataError(
                    f"{path}: expected rows of {out.dtype}, shape "
                    f"{(stop - start, *out.shape[2:])}, found {rows.dtype}, shape {rows.shape}"
                )
            out[item, place : place + stop - start] = rows


def empty_rows(path: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return room for rows of an array, not filled yet.

    Parameters
    ----------
    path : str
        Path of the array, for messages.
    shape : tuple of int
        Shape, rows first.
    dtype : numpy.dtype
        Element type.

    Raises
    ------
    CorruptDataError
        If they do not fit into memory; metadata may claim any size.
    """
    try:
        return np.empty(shape, dtype)
    except (MemoryError, ValueError):
        raise CorruptDataError(
            f"{path}: expected rows that fit into memory, found {shape}"
        ) from None
