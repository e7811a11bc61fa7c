"""Many cuts of rows by reading one after the other."""

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
    """Put each cut where it goes; `read` gives rows of the array at a path.

    Raises
    ------
    CorruptDataError
        If the rows are others than those that are expected.
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
    """Make room for rows of the array at a path.

    Raises
    ------
    CorruptDataError
        If there is not so much memory; metadata may claim anything.
    """
    try:
        return np.empty(shape, dtype)
    except (MemoryError, ValueError):
        raise CorruptDataError(
            f"{path}: expected rows that fit into memory, found {shape}"
        ) from None
