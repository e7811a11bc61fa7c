"""Which cells of a world the player saw, and how often."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.schemas.arithmetic import ceil_div
from crafter_dataset.schemas.metadata import Metadata


def field_of_view(metadata: Metadata) -> tuple[int, int]:
    """Return how many cells of the world a picture shows: the view without the inventory's rows.

    Source: `crafter.Env.__init__`, whose inventory takes
    ceil(items / view width) rows.

    Parameters
    ----------
    metadata : Metadata
        Metadata of the dataset.

    Returns
    -------
    tuple of int
        Cells (x, y).
    """
    width, height = metadata.env.view
    return width, max(0, height - ceil_div(len(metadata.items), width))


def visits(positions: NDArray[np.integer], area: tuple[int, int]) -> NDArray[np.int64]:
    """Count the frames at which the player stood in each cell.

    Parameters
    ----------
    positions : ndarray, shape (frames, 2), integer
        Cells (x, y); those outside the world are not counted.
    area : tuple of int
        Size of the world (x, y), in cells.

    Returns
    -------
    ndarray, shape `area`, int64
        Indexed [x, y].
    """
    inside = ((positions >= 0) & (positions < area)).all(1)
    x, y = positions[inside].T.astype(np.int64)
    return np.bincount(x * area[1] + y, minlength=area[0] * area[1]).reshape(area)


def seen(stood: NDArray[np.int64], view: tuple[int, int]) -> NDArray[np.int64]:
    """Count the frames at which each cell was in view.

    Source: `crafter.engine.LocalView`: the view's first cell lies `view // 2`
    before the player, on each axis.

    Parameters
    ----------
    stood : ndarray, shape (width, height), int64
        What `visits` returns, indexed [x, y].
    view : tuple of int
        Size of the field of view (x, y), in cells.

    Returns
    -------
    ndarray, shape (width, height), int64
        Indexed [x, y].
    """
    return _sums(_sums(stood, view[0]).T, view[1]).T


def _sums(counts: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Sum `counts` along axis 0 over the places from which each cell is in view."""
    total = np.zeros((len(counts) + 1, counts.shape[1]), np.int64)
    np.cumsum(counts, 0, out=total[1:])
    cells = np.arange(len(counts))
    first = np.clip(cells + size // 2 - size + 1, 0, len(counts))
    after = np.clip(cells + size // 2 + 1, 0, len(counts))
    return total[after] - total[first]


def view_rect(position: NDArray[np.integer], view: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the cells in view, which may lie beyond the world.

    Parameters
    ----------
    position : ndarray, shape (2,), integer
        The player's cell (x, y).
    view : tuple of int
        Size of the field of view (x, y), in cells.

    Returns
    -------
    tuple of int
        First x and y, width and height, in cells.
    """
    x, y = (int(value) for value in position)
    return x - view[0] // 2, y - view[1] // 2, view[0], view[1]


def moved(positions: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return at which frames the player has moved since the one before; true for the first.

    Parameters
    ----------
    positions : ndarray, shape (frames, 2), integer
        Cells (x, y).

    Returns
    -------
    ndarray, shape (frames,), bool
        Whether the player has moved.
    """
    steps = np.ones(len(positions), np.bool_)
    steps[1:] = (positions[1:] != positions[:-1]).any(1)
    return steps
