"""One picture of an episode: frames spread over it, in a grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.loader.episode import Episode
from crafter_dataset.viewer.track import READING_FAILS

COLUMNS, ROWS = 8, 2
"""Size of the grid, by default."""

DAMAGED = 74, 26, 28
"""Colour (RGB) shown instead of a frame that cannot be read."""


def contact_sheet(
    episode: Episode,
    first: int = 0,
    columns: int = COLUMNS,
    rows: int = ROWS,
    scale: int = 2,
    gap: int = 4,
    problems: dict[str, None] | None = None,
) -> NDArray[np.uint8]:
    """Draw frames of an episode, from one of them to the last, row by row.

    Parameters
    ----------
    episode : Episode
        The episode; only the frames shown are read.
    first : int
        First frame.
    columns, rows : int
        Size of the grid. Cells stay white if the episode is shorter.
    scale : int
        Pixels of the picture for one of a frame, nearest neighbour.
    gap : int
        White pixels between frames.
    problems : dict of str to None, optional
        Takes what could not be read, as keys; such frames are `DAMAGED`.

    Returns
    -------
    ndarray, shape (height, width, 3), uint8
        RGB, indexed [y, x].
    """
    field = episode["frames"]
    count = min(columns * rows, len(field) - first)
    height, width = field.shape[1] * scale, field.shape[2] * scale
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), 255, np.uint8)
    for cell, step in enumerate(np.linspace(first, len(field) - 1, count).astype(int)):
        top = cell // columns * (height + gap)
        left = cell % columns * (width + gap)
        try:
            frame = field[step].repeat(scale, 0).repeat(scale, 1)
        except READING_FAILS as error:
            frame = DAMAGED
            if problems is not None:
                problems[str(error)] = None
        sheet[top : top + height, left : left + width] = frame
    return sheet
