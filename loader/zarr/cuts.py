"""Many cuts of rows by reading one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from schemas.container import Cuts


def copy_cuts(read: Callable[[int, int], NDArray[Any]], cuts: Cuts, out: NDArray[Any]) -> None:
    """Put each cut where it goes; `read` gives the rows from a start to a stop."""
    for item, (start, stop, place) in enumerate(cuts):
        if start < stop:
            out[item, place : place + stop - start] = read(start, stop)
