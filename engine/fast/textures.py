"""Crafter's own images, cut and blended into tiles once for each picture size.

`crafter.engine` itself loads, scales and blends them, so the tiles are the same
to the bit; the kernels only choose and copy.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
from crafter import constants, engine
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from crafter_dataset.engine.fast.blocks import BLOCK
from crafter_dataset.engine.fast.rules import MATERIALS, NUM_ITEMS
from crafter_dataset.engine.spec import inventory_rows
from crafter_dataset.schemas.arithmetic import round_up

_ROOM = 64
"""Lengths that kernels loop over are multiples of this: remainders would take longer."""

RED, GREEN, BLUE = range(3)
TINT = (0, 16, 64)
"""Color of the night, as in `LocalView._light`."""

FACING_LEFT, FACING_RIGHT, FACING_UP, FACING_DOWN = range(4)
_SIDES = ("left", "right", "up", "down")
_OBJECTS = (
    *(f"player-{side}" for side in _SIDES), "player-sleep", "cow", "zombie", "skeleton",
    *(f"arrow-{side}" for side in _SIDES), "plant", "plant-ripe",
)  # fmt: skip
PLAYER_TEXTURE, SLEEPING_TEXTURE = 0, _OBJECTS.index("player-sleep")
COW_TEXTURE, ZOMBIE_TEXTURE, SKELETON_TEXTURE = map(_OBJECTS.index, ("cow", "zombie", "skeleton"))
ARROW_TEXTURE = _OBJECTS.index("arrow-left")
PLANT_TEXTURE, RIPE_TEXTURE = map(_OBJECTS.index, ("plant", "plant-ripe"))

OFF_MAP = 0
"""Tile of cells off the map; the tile of a material has the material's id as its number."""
GROUND_TILES = len(MATERIALS) + 1
"""Number of ground tiles; then come those of each object texture, on every ground tile."""
_OFF_MAP_GREY = 127
_MOST = 9


class Picture(NamedTuple):
    """What the kernels draw with: tiles, sizes, and room to work in.

    Parameters
    ----------
    width, height : int
        Pixels of the whole picture.
    unit_x, unit_y : int
        Pixels of a cell.
    grid_x, grid_y : int
        Cells of the local view.
    border_x, border_y : int
        Black pixels left of and above the view.
    tiles : ndarray, shape (tiles, 3, unit_y * unit_x or more), float32
        Ground, and objects on ground, one plane per color, for the arithmetic
        of the night. Here and in the other arrays of tiles and of the local
        view, `BLOCK` bytes may be read or written from any pixel on.
    day_tiles : ndarray, shape (tiles, unit_y * unit_x * 3 or more), uint8
        The same with the colors side by side.
    tinted_tiles : ndarray, shape as `day_tiles`, float32
        The same desaturated and tinted: what `LocalView._light` mixes in.
    items : ndarray, shape (items, 10, unit_y, unit_x * 3 or more), uint8
        Each item with each amount, on black.
    below : ndarray, shape (bytes below the local view or more,), uint8
        The bytes below the local view for the inventory `shown`.
    shown : ndarray, shape (items,), int64
        Inventory that `below` was drawn for; -1 before the first time.
    black : ndarray, shape (bytes of a line or more,), uint8
        Zeros.
    vignette : ndarray, shape (lines of the local view, pixels of a line or more), float64
        How much the night's noise shows, 0 to 1.
    soft_vignette : ndarray, shape as `vignette`, float32
        The same in single precision.
    seen : ndarray, shape (grid_y, grid_x), int64
        Tiles of the local view, indexed [y, x].
    places : ndarray, shape (grid_x,), int64
        Index at which the tile of each cell of a row begins, in `lit` or `tiles`.
    lit : ndarray, shape as `day_tiles`, uint8
        Tiles in the light of a frame.
    lit_at : ndarray, shape (tiles,), int64
        Number of the frame that each tile was lit for.
    drawn : ndarray, shape (1,), int64
        Number of the last frame drawn by day.
    words : ndarray, shape (2 * pixels of the local view,), uint32
        Random words for all pixels, column by column.
    drawn_pairs : ndarray, shape (pixels of the local view,), uint64
        The same memory, two words at a time (the first in the lower bits).
    pairs : ndarray, shape (pixels of a line or more,), uint64
        The same for one line.
    numbers : ndarray, shape (pixels of a line or more,), uint32
        The first words of these pairs.
    canvas, dark : ndarray, shape (3, pixels of a line or more), float32
        A line of the local view without its light, and by night; one plane per color.
    mixed : ndarray, shape (3, pixels of a line or more), uint8
        The line as it is drawn.
    same : ndarray, shape as `mixed`, uint8
        Whether a color is the same by night as by day.
    doubtful : ndarray, shape (pixels of a line or more,), uint8
        Whether single precision does not settle what a pixel is.
    less : ndarray, shape (256,), uint8
        What to take off a color that is the same by night.
    """

    width: int
    height: int
    unit_x: int
    unit_y: int
    grid_x: int
    grid_y: int
    border_x: int
    border_y: int
    tiles: NDArray[np.float32]
    day_tiles: NDArray[np.uint8]
    tinted_tiles: NDArray[np.float32]
    items: NDArray[np.uint8]
    below: NDArray[np.uint8]
    shown: NDArray[np.int64]
    black: NDArray[np.uint8]
    vignette: NDArray[np.float64]
    soft_vignette: NDArray[np.float32]
    seen: NDArray[np.int64]
    places: NDArray[np.int64]
    lit: NDArray[np.uint8]
    lit_at: NDArray[np.int64]
    drawn: NDArray[np.int64]
    words: NDArray[np.uint32]
    drawn_pairs: NDArray[np.uint64]
    pairs: NDArray[np.uint64]
    numbers: NDArray[np.uint32]
    canvas: NDArray[np.float32]
    dark: NDArray[np.float32]
    mixed: NDArray[np.uint8]
    same: NDArray[np.uint8]
    doubtful: NDArray[np.uint8]
    less: NDArray[np.uint8]


def make_picture(view: tuple[int, int], size: tuple[int, int]) -> Picture:
    """Prepare what pictures are drawn with.

    Parameters
    ----------
    view : tuple of int
        Cells in the picture (x, y), with those of the inventory.
    size : tuple of int
        Pixels of the picture (width, height).

    Returns
    -------
    Picture
        For all pictures of that size and view.
    """
    unit = np.array(size) // np.array(view)
    item_rows = inventory_rows(view)
    grid = np.array([view[0], view[1] - item_rows])
    border = (np.array(size) - unit * np.array(view)) // 2
    tiles = _tiles(int(unit[0]), int(unit[1]))
    day_tiles = _pad(tiles.reshape(len(tiles), -1))
    width, height = (int(pixels) for pixels in grid * unit)
    room = _padded(width)
    vignette = np.zeros((height, width))
    if vignette.size:
        view_without_world = object.__new__(engine.LocalView)
        vignette = engine.LocalView._vignette.__wrapped__(
            view_without_world, (width, height, 3), 0.5
        ).T
    words = np.zeros(2 * width * height, np.uint32)
    return Picture(
        width=size[0],
        height=size[1],
        unit_x=int(unit[0]),
        unit_y=int(unit[1]),
        grid_x=int(grid[0]),
        grid_y=int(grid[1]),
        border_x=int(border[0]),
        border_y=int(border[1]),
        tiles=_pad(np.moveaxis(tiles, -1, 1).reshape(len(tiles), 3, -1).astype(np.float32)),
        day_tiles=day_tiles,
        tinted_tiles=_pad(_tint(tiles).reshape(len(tiles), -1)),
        items=_pad(_items(view[0], item_rows, unit)),
        below=np.zeros((size[1] - border[1] - height) * size[0] * 3 + BLOCK, np.uint8),
        shown=np.full(NUM_ITEMS, -1),
        black=np.zeros(size[0] * 3 + BLOCK, np.uint8),
        vignette=_pad(vignette),
        soft_vignette=_pad(vignette.astype(np.float32)),
        seen=np.zeros(grid[::-1], np.int64),
        places=np.zeros(grid[0], np.int64),
        lit=np.zeros_like(day_tiles),
        lit_at=np.zeros(len(tiles), np.int64),
        drawn=np.zeros(1, np.int64),
        words=words,
        drawn_pairs=words.view("<u8"),
        pairs=np.zeros(room, np.uint64),
        numbers=np.zeros(room, np.uint32),
        canvas=np.zeros((3, room), np.float32),
        dark=np.zeros((3, room), np.float32),
        mixed=np.zeros((3, room), np.uint8),
        same=np.zeros((3, room), np.uint8),
        doubtful=np.zeros(room, np.uint8),
        less=np.zeros(256, np.uint8),
    )


def _padded(count: int) -> int:
    """Add room for a block, and round up to a multiple of `_ROOM`."""
    return round_up(count + BLOCK, _ROOM)


def _pad(array: NDArray[Any]) -> NDArray[Any]:
    """Pad the last axis with zeros, see `_padded`."""
    padded = np.zeros((*array.shape[:-1], _padded(array.shape[-1])), array.dtype)
    padded[..., : array.shape[-1]] = array
    return padded


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
    for name in _OBJECTS:
        texture = textures.get(name, unit)
        for below in ground:
            canvas = below.copy()
            engine._draw_alpha(canvas, (0, 0), texture)
            tiles.append(canvas)
    # From [x, y, color], as Crafter draws, to lines.
    return np.ascontiguousarray(np.stack(tiles).swapaxes(1, 2))


def _tint(tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Desaturate and tint tiles as `LocalView._light` does; the results are multiples of 0.5."""
    if not tiles.size:
        return tiles.astype(np.float32)
    view = object.__new__(engine.LocalView)
    lines = tiles.reshape(-1, tiles.shape[2], 3)
    faded = np.array(ImageEnhance.Color(Image.fromarray(lines)).enhance(0.4))
    tinted: NDArray[np.float32] = view._tint(faded, TINT, 0.5).astype(np.float32)
    return tinted


def _items(columns: int, rows: int, unit: NDArray[Any]) -> NDArray[np.uint8]:
    """Draw every item with every amount, indexed [item, amount, y, x and color]."""
    view = engine.ItemView(_textures(), [columns, rows])
    items = np.zeros((NUM_ITEMS, _MOST + 1, unit[1], unit[0] * 3), np.uint8)
    for index, name in enumerate(constants.items):
        x, y = index % columns * unit[0], index // columns * unit[1]
        for amount in range(1, _MOST + 1):
            amounts = dict.fromkeys(constants.items, 0) | {name: amount}
            canvas = view(amounts, unit)[x : x + unit[0], y : y + unit[1]]
            items[index, amount] = canvas.transpose(1, 0, 2).reshape(unit[1], unit[0] * 3)
    return items
