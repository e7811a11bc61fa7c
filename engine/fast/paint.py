"""Drawing tiles, an inventory, light and sleep; mirrors the views of `crafter.engine`.

Crafter draws a canvas, then puts light, noise and sleep over all of it. By day
light changes each pixel independently, so here each distinct tile of a frame is
lit once and copied. By night every pixel has noise of its own, see
`engine.fast.night`.

All casts to bytes truncate, as in crafter.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.engine.compiled.jit import inlined, kernel
from crafter_dataset.engine.fast.blocks import copy_block, end_line, whole_blocks
from crafter_dataset.engine.fast.kinds import Scene
from crafter_dataset.engine.fast.night import draw_night, to_sleep
from crafter_dataset.engine.fast.picture import BLOCK, BLUE, GREEN, RED, Picture

_u64 = np.uint64  # for loops that would not be vectorised with signed numbers
_f64 = np.float64


@kernel
def paint(scene: Scene, picture: Picture, frame: NDArray[np.uint8]) -> None:
    """Draw tiles that were found, in a scene's light. By night it takes random numbers.

    Parameters
    ----------
    scene : Scene
        A world, or what is seen of one; only its random numbers change.
    picture : Picture
        What to draw with, with the tiles in `seen`; overwritten where it is room to work in.
    frame : ndarray, shape (height * width * 3,), uint8
        Overwritten, in the order [y, x, channel], RGB.
    """
    # Lines are copied in blocks that reach beyond their ends, by at most BLOCK bytes or PIXELS
    # pixels. So lines are drawn from the top, and each line's cells from the left (of wide cells
    # the last blocks first, see `_draw_day`), then the black after them.
    # Below the local view there is room for that, see `picture.has_room`.
    line_bytes = picture.width * 3
    for i in range(_u64(picture.border_y * line_bytes + picture.border_x * 3)):
        frame[i] = 0
    if scene.daylight < 0.5:
        draw_night(scene, picture, frame)
    else:
        _draw_day(scene, picture, frame)
    _draw_items(scene, picture, frame)


@inlined
def _draw_day(scene: Scene, picture: Picture, frame: NDArray[np.uint8]) -> None:
    """Draw the local view by day."""
    picture.drawn[0] += 1
    now = picture.drawn[0]
    line_bytes, tile_bytes = picture.width * 3, picture.unit_x * 3
    columns = _u64(picture.grid_x)
    last_block = (tile_bytes - 1) // BLOCK * BLOCK
    for cell_y in range(picture.grid_y):
        for cell_x in range(columns):
            tile = picture.seen[_u64(cell_y), cell_x]
            if picture.lit_at[tile] != now:
                picture.lit_at[tile] = now
                _light_tile(scene, picture, tile)
            picture.places[cell_x] = tile * picture.lit.shape[1]
        for line in range(cell_y * picture.unit_y, (cell_y + 1) * picture.unit_y):
            first = (picture.border_y + line) * line_bytes + picture.border_x * 3
            start = line % picture.unit_y * tile_bytes
            # The cells' last blocks come first, since they reach into the first of the next cells.
            for block in range(last_block, -1, -BLOCK):
                at = first + block
                for cell_x in range(columns):
                    copy_block(frame, at, picture.lit, picture.places[cell_x] + start + block)
                    at += tile_bytes
            end_line(picture, frame, line)


@inlined
def _light_tile(scene: Scene, picture: Picture, tile: int) -> None:
    """Light one tile as `LocalView` lights the canvas by day."""
    day = scene.daylight
    night = 1 - day
    lit, canvas, tinted = picture.lit[tile], picture.day_tiles[tile], picture.tinted_tiles[tile]
    # Whole vectors at a time; there is room for them.
    for i in range(_u64(whole_blocks(picture.unit_x * picture.unit_y * 3, BLOCK))):
        lit[i] = np.uint8(np.int32(day * _f64(np.int32(canvas[i])) + night * _f64(tinted[i])))
    if scene.sleeping:
        for i in range(0, len(lit) - 2, 3):
            grey = to_sleep(lit[i + RED], lit[i + GREEN], lit[i + BLUE])
            lit[i + RED], lit[i + GREEN], lit[i + BLUE] = grey, grey, grey + 8


@inlined
def _draw_items(scene: Scene, picture: Picture, frame: NDArray[np.uint8]) -> None:
    """Copy what is below the local view, redrawn if the inventory has changed."""
    changes = 0
    for item in range(len(picture.items)):
        changes += picture.shown[item] != scene.inventory[item]
    if changes:
        _draw_below(scene, picture)
    top = (picture.border_y + picture.grid_y * picture.unit_y) * picture.width * 3
    for i in range(_u64(len(frame) - top)):
        frame[_u64(top) + i] = picture.below[i]


@kernel
def _draw_below(scene: Scene, picture: Picture) -> None:
    """Draw the inventory; mirrors `ItemView.__call__`. Items that there are none of are black."""
    below = picture.below
    below[:] = 0
    line_bytes = picture.width * 3
    tile_bytes = picture.unit_x * 3
    for item in range(len(picture.items)):
        picture.shown[item] = scene.inventory[item]
    for first in range(0, len(picture.items), picture.grid_x):
        for y in range(picture.unit_y):
            at = (first // picture.grid_x * picture.unit_y + y) * line_bytes + picture.border_x * 3
            for item in range(first, min(first + picture.grid_x, len(picture.items))):
                image = picture.items[item, max(scene.inventory[item], 0), y]
                # The bytes after an image are black, too.
                for block in range(0, tile_bytes, BLOCK):
                    copy_block(below, at + block, image, block)
                at += tile_bytes
