"""Crafter's own images, cut and blended into tiles for each picture size.

`crafter.engine` itself loads, scales and blends them, so the tiles are the same
to the bit; the kernels only choose and copy.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from crafter import constants, engine
from numpy.typing import NDArray

from crafter_dataset.engine.fast.picture import Images
from crafter_dataset.engine.fast.rules import MATERIALS, NUM_ITEMS
from crafter_dataset.engine.spec import inventory_rows
from crafter_dataset.engine.tiles import SIDES, TEXTURES

FACING_LEFT, FACING_RIGHT, FACING_UP, FACING_DOWN = range(len(SIDES))
PLAYER_TEXTURE, SLEEPING_TEXTURE = 0, TEXTURES.index("player-sleep")
COW_TEXTURE, ZOMBIE_TEXTURE, SKELETON_TEXTURE = map(TEXTURES.index, ("cow", "zombie", "skeleton"))
ARROW_TEXTURE = TEXTURES.index("arrow-left")
PLANT_TEXTURE, RIPE_TEXTURE = map(TEXTURES.index, ("plant", "plant-ripe"))

OFF_MAP = 0
"""Tile of cells off the map; the tile of a material has the material's id as its number."""
_OFF_MAP_GREY = 127
_MOST = 9


def make_images(view: tuple[int, int], size: tuple[int, int]) -> Images:
    """Draw the images that pictures are made of.

    Parameters
    ----------
    view : tuple of int
        Cells in the picture (x, y), with those of the inventory.
    size : tuple of int
        Pixels of the picture (width, height).

    Returns
    -------
    Images
        For all pictures of that size and view.
    """
    unit = np.array(size) // np.array(view)
    item_rows = inventory_rows(view)
    width, height = view[0] * int(unit[0]), (view[1] - item_rows) * int(unit[1])
    vignette = np.zeros((height, width))
    if vignette.size:
        view_without_world = object.__new__(engine.LocalView)
        vignette = engine.LocalView._vignette.__wrapped__(
            view_without_world, (width, height, 3), 0.5
        ).T
    return Images(
        _tiles(int(unit[0]), int(unit[1])),
        _items(view[0], item_rows, unit),
        np.ascontiguousarray(vignette),
    )


@functools.lru_cache(4)
def _textures() -> Any:
    return engine.Textures(constants.root / "assets")


def _tiles(unit_x: int, unit_y: int) -> NDArray[np.uint8]:
    """Draw every ground tile, then every object on every ground, indexed [tile, y, x, color]."""
    textures, unit = _textures(), np.array([unit_x, unit_y])
    ground = [np.full((unit_x, unit_y, 3), _OFF_MAP_GREY, np.uint8)]
    for name in MATERIALS:
        canvas = np.zeros((unit_x, unit_y, 3), np.uint8)
        engine._draw(canvas, (0, 0), textures.get(name, unit))
        ground.append(canvas)
    tiles = list(ground)
    for name in TEXTURES:
        texture = textures.get(name, unit)
        for below in ground:
            canvas = below.copy()
            engine._draw_alpha(canvas, (0, 0), texture)
            tiles.append(canvas)
    # From [x, y, color], as Crafter draws, to lines.
    return np.ascontiguousarray(np.stack(tiles).swapaxes(1, 2))


def _items(columns: int, rows: int, unit: NDArray[Any]) -> NDArray[np.uint8]:
    """Draw every item with every amount, indexed [item, amount, y, x, color]."""
    view = engine.ItemView(_textures(), [columns, rows])
    items = np.zeros((NUM_ITEMS, _MOST + 1, unit[1], unit[0], 3), np.uint8)
    for index, name in enumerate(constants.items):
        x, y = index % columns * unit[0], index // columns * unit[1]
        for amount in range(1, _MOST + 1):
            amounts = dict.fromkeys(constants.items, 0) | {name: amount}
            canvas = view(amounts, unit)[x : x + unit[0], y : y + unit[1]]
            items[index, amount] = canvas.transpose(1, 0, 2)
    return items
