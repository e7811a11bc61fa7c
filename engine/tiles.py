"""What the cells of the local view show, as numbers of tiles; `engine.fast.render` finds the same.

The tiles of the ground come first: nothing, which is off the map, then the materials by their
ids. Then, for each texture that an object has, come those of that texture on each ground.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.engine.spec import MATERIALS
from crafter_dataset.engine.state_layout import ARROW, PLANT, PLAYER, RIPE

SIDES = ("left", "right", "up", "down")
"""What the player and arrows face, in the order of their textures."""
TEXTURES = (
    *(f"player-{side}" for side in SIDES), "player-sleep", "cow", "zombie", "skeleton",
    *(f"arrow-{side}" for side in SIDES), "plant", "plant-ripe",
)  # fmt: skip
"""Crafter's names of the textures of objects, in the order of the tiles."""
GROUND_TILES = len(MATERIALS) + 1
"""Number of tiles of the ground, and of each texture."""

_ASLEEP = TEXTURES.index("player-sleep")
_FIRST = np.array(
    [0, 0, *(TEXTURES.index(name) for name in ("cow", "zombie", "skeleton", "arrow-left", "plant"))]
)
"""First texture of each kind of object."""

Cells = tuple[slice, slice]
"""Cells of a map or view, (x, y)."""


def window(
    center: tuple[int, int], grid: tuple[int, int], area: tuple[int, int]
) -> tuple[Cells, Cells]:
    """Return which cells of the map the local view shows, and where in it; mirrors `LocalView`.

    Parameters
    ----------
    center : tuple of int
        Cell of the player (x, y).
    grid : tuple of int
        Cells of the local view (x, y).
    area : tuple of int
        Cells of the world (x, y).

    Returns
    -------
    of_map : tuple of slice
        Cells of the map.
    of_view : tuple of slice
        As many of the view; its others are off the map.
    """
    of_map, of_view = [], []
    for at, shown, cells in zip(center, grid, area, strict=True):
        first = at - shown // 2
        start, stop = max(first, 0), min(first + shown, cells)
        of_map.append(slice(start, stop))
        of_view.append(slice(start - first, stop - first))
    return (of_map[0], of_map[1]), (of_view[0], of_view[1])


def tiles_of_table(
    materials: NDArray[np.uint8],
    objects: NDArray[np.void],
    sleeping: bool,
    grid: tuple[int, int],
) -> NDArray[np.uint8]:
    """Return the tiles of the local view in a world whose objects are in a table.

    Parameters
    ----------
    materials : ndarray, shape `area`, uint8
        Ids of materials, indexed [x, y].
    objects : ndarray of records, shape (objects,)
        Of `state_layout.OBJECT_DTYPE`, the player first, no two in a cell.
    sleeping : bool
        Whether the player sleeps.
    grid : tuple of int
        Cells of the local view (x, y).

    Returns
    -------
    ndarray, shape `grid`, uint8
        Numbers of tiles, indexed [x, y].
    """
    kinds, x, y = objects["kind"], objects["facing_x"], objects["facing_y"]
    sides = np.where(x < 0, 0, np.where(x > 0, 1, np.where(y < 0, 2, 3)))
    textures = _FIRST[kinds]
    textures += np.where((kinds == PLAYER) | (kinds == ARROW), sides, 0)
    textures += (kinds == PLANT) & (objects["timer"] > RIPE)
    if sleeping:
        textures[0] = _ASLEEP
    numbers = materials.copy()
    numbers[objects["x"], objects["y"]] += (GROUND_TILES * (1 + textures)).astype(np.uint8)
    center = int(objects["x"][0]), int(objects["y"][0])
    width, height = materials.shape
    of_map, of_view = window(center, grid, (width, height))
    tiles = np.zeros(grid, np.uint8)
    tiles[of_view] = numbers[of_map]
    return tiles
