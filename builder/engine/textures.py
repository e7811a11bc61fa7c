"""Crafter's own images, cut and blended into tiles once for each picture size.

`crafter.engine` loads, scales and blends them here, so the tiles are its work
to the bit; the kernels only choose and copy.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
from crafter import constants, engine
from numpy.typing import NDArray

from builder.engine.rules import MATERIALS, NUM_ITEMS

BLOCK = 32
"""Bytes that a tile's row is copied by; the rows of lit tiles are padded to a multiple."""

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
"""The tile of cells off the map. That of a material has its id."""
GROUND_TILES = len(MATERIALS) + 1
"""Then come the tiles of each object texture, on every ground tile."""
_OFF_MAP_GREY = 127
_MOST = 9


class Picture(NamedTuple):
    """What the kernels draw with: tiles, sizes, and room to work in.

    Parameters
    ----------
    width, height
        Pixels of the whole picture.
    unit_x, unit_y
        Pixels of a cell.
    grid_x, grid_y
        Cells of the local view.
    border_x, border_y
        Black pixels left of and above the view.
    tiles : ndarray, shape (tiles, 3, unit_y * unit_x), uint8
        Ground, and objects on ground, one plane a color. Here and in `canvas`,
        `BLOCK` bytes may be read or written from any pixel on.
    items : ndarray, shape (items, 10, unit_y, unit_x * 3), uint8
        Each item with each amount, on black.
    vignette : ndarray, shape (pixels of the local view,), float64
        How much the night's noise shows, line by line.
    seen : ndarray, shape (grid_y, grid_x), int64
        Tiles of the local view.
    lit, lit_at, drawn
        Tiles in the light of one frame, line by line with padding; the number
        of the frame they were lit for, and of the last frame.
    words, pairs, drawn_noise, noise
        Random words, the same two at a time (the first in the lower bits), the
        noise they stand for, and the same line by line.
    canvas, dark, mixed
        Pictures of the local view, one plane a color.
    """

    width: int
    height: int
    unit_x: int
    unit_y: int
    grid_x: int
    grid_y: int
    border_x: int
    border_y: int
    tiles: NDArray[np.uint8]
    items: NDArray[np.uint8]
    vignette: NDArray[np.float64]
    seen: NDArray[np.int64]
    lit: NDArray[np.uint8]
    lit_at: NDArray[np.int64]
    drawn: NDArray[np.int64]
    words: NDArray[np.uint32]
    pairs: NDArray[np.uint64]
    drawn_noise: NDArray[np.float64]
    noise: NDArray[np.float64]
    canvas: NDArray[np.uint8]
    dark: NDArray[np.uint8]
    mixed: NDArray[np.uint8]


def make_picture(view: tuple[int, int], size: tuple[int, int]) -> Picture:
    """Prepare to draw pictures of `size` pixels that show `view` cells."""
    unit = np.array(size) // np.array(view)
    item_rows = int(np.ceil(len(constants.items) / view[0]))
    grid = np.array([view[0], view[1] - item_rows])
    border = (np.array(size) - unit * np.array(view)) // 2
    tiles = _tiles(int(unit[0]), int(unit[1]))
    pixels = int(np.prod(grid * unit))
    padded = -(-int(unit[0]) * 3 // BLOCK) * BLOCK
    vignette = np.zeros(0)
    if pixels:
        view_without_world = object.__new__(engine.LocalView)
        vignette = engine.LocalView._vignette.__wrapped__(
            view_without_world, (*(grid * unit), 3), 0.5
        )
    words = np.zeros(2 * pixels, np.uint32)
    return Picture(
        width=size[0],
        height=size[1],
        unit_x=int(unit[0]),
        unit_y=int(unit[1]),
        grid_x=int(grid[0]),
        grid_y=int(grid[1]),
        border_x=int(border[0]),
        border_y=int(border[1]),
        tiles=tiles,
        items=_items(view[0], item_rows, unit),
        vignette=np.ascontiguousarray(vignette.T).reshape(-1),
        seen=np.zeros(grid[::-1], np.int64),
        lit=np.zeros((len(tiles), int(unit[1]) * padded), np.uint8),
        lit_at=np.zeros(len(tiles), np.int64),
        drawn=np.zeros(1, np.int64),
        words=words,
        pairs=words.view("<u8"),
        drawn_noise=np.zeros(pixels),
        noise=np.zeros(pixels),
        canvas=np.zeros(3 * pixels + BLOCK, np.uint8)[: 3 * pixels].reshape(3, pixels),
        dark=np.zeros((3, pixels), np.uint8),
        mixed=np.zeros((3, max(pixels, int(np.prod(unit)))), np.uint8),
    )


@functools.lru_cache(4)
def _textures() -> Any:
    return engine.Textures(constants.root / "assets")


def _tiles(unit_x: int, unit_y: int) -> NDArray[np.uint8]:
    """Draw every ground tile, then every object on every ground."""
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
    # From [x, y, color], as Crafter draws, to one plane of lines for each color.
    planes = np.stack(tiles).transpose(0, 3, 2, 1)
    # With room at the end, since tiles are read in blocks.
    room = np.zeros(planes.size + BLOCK, np.uint8)[: planes.size]
    room[:] = planes.reshape(-1)
    return room.reshape(len(tiles), 3, unit_y * unit_x)


def _items(columns: int, rows: int, unit: NDArray[Any]) -> NDArray[np.uint8]:
    """Draw every item with every amount."""
    view = engine.ItemView(_textures(), [columns, rows])
    items = np.zeros((NUM_ITEMS, _MOST + 1, unit[1], unit[0] * 3), np.uint8)
    for index, name in enumerate(constants.items):
        x, y = index % columns * unit[0], index // columns * unit[1]
        for amount in range(1, _MOST + 1):
            amounts = dict.fromkeys(constants.items, 0) | {name: amount}
            canvas = view(amounts, unit)[x : x + unit[0], y : y + unit[1]]
            items[index, amount] = canvas.transpose(1, 0, 2).reshape(unit[1], unit[0] * 3)
    return items
