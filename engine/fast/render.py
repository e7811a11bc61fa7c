"""Pictures; mirrors `crafter.Env.render` and the views of `crafter.engine`.

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
from crafter_dataset.engine.fast.blocks import BLOCK, copy_block, end_line, whole_blocks
from crafter_dataset.engine.fast.kinds import World
from crafter_dataset.engine.fast.night import draw_night, to_sleep
from crafter_dataset.engine.fast.rules import (
    ARROW,
    COW,
    NUM_ITEMS,
    PLAYER,
    RIPE,
    SKELETON,
    ZOMBIE,
)
from crafter_dataset.engine.fast.textures import (
    ARROW_TEXTURE,
    BLUE,
    COW_TEXTURE,
    FACING_DOWN,
    FACING_LEFT,
    FACING_RIGHT,
    FACING_UP,
    GREEN,
    GROUND_TILES,
    OFF_MAP,
    PLANT_TEXTURE,
    PLAYER_TEXTURE,
    RED,
    RIPE_TEXTURE,
    SKELETON_TEXTURE,
    SLEEPING_TEXTURE,
    ZOMBIE_TEXTURE,
    Picture,
)
from crafter_dataset.engine.fast.world import PLAYER_ROW, inside

_u64 = np.uint64  # for loops that would not be vectorised with signed numbers
_f64 = np.float64


@kernel
def render(world: World, picture: Picture, frame: NDArray[np.uint8]) -> None:
    """Draw what the player sees; mirrors `Env.render`. By night it takes random numbers.

    Parameters
    ----------
    world : World
        State of the environment; only its random numbers change.
    picture : Picture
        What to draw with; overwritten where it is room to work in.
    frame : ndarray, shape (height * width * 3,), uint8
        Overwritten, in the order [y, x, channel], RGB.
    """
    _look(world, picture)
    # Lines are copied in blocks that reach beyond their ends, by at most BLOCK bytes or PIXELS
    # pixels. So lines are drawn from the top, and each line's cells from the left (of wide cells
    # the last blocks first, see `_draw_day`), then the black after them.
    # Below the local view there is room for that: 16 or more cells of the inventory.
    line_bytes = picture.width * 3
    for i in range(_u64(picture.border_y * line_bytes + picture.border_x * 3)):
        frame[i] = 0
    if world.daylight < 0.5:
        draw_night(world, picture, frame)
    else:
        _draw_day(world, picture, frame)
    _draw_items(world, picture, frame)


@inlined
def _look(world: World, picture: Picture) -> None:
    """Find the tiles of the local view; mirrors the loops of `LocalView.__call__`."""
    left = world.x[PLAYER_ROW] - picture.grid_x // 2
    top = world.y[PLAYER_ROW] - picture.grid_y // 2
    right, bottom = left + picture.grid_x - 1, top + picture.grid_y - 1
    if inside(world, left, top) and inside(world, right, bottom):
        for column in range(_u64(picture.grid_x)):
            first = _u64((left + np.int64(column)) * world.height + top)
            for line in range(_u64(picture.grid_y)):
                picture.seen[line, column] = _tile(world, first + line)
        return
    for column in range(picture.grid_x):
        for line in range(picture.grid_y):
            tile = OFF_MAP
            if inside(world, left + column, top + line):
                tile = _tile(world, _u64((left + column) * world.height + top + line))
            picture.seen[line, column] = tile


@inlined
def _tile(world: World, cell: int) -> int:
    """Return the number of the tile that shows a cell."""
    tile = np.int64(world.materials[cell])
    row = world.object_at[cell]
    if row:
        tile += GROUND_TILES * (1 + _texture(world, row))
    return tile


@inlined
def _facing(world: World, row: int) -> int:
    """Return the direction that an object faces."""
    if world.facing_x[row] < 0:
        return FACING_LEFT
    if world.facing_x[row] > 0:
        return FACING_RIGHT
    return FACING_UP if world.facing_y[row] < 0 else FACING_DOWN


@inlined
def _texture(world: World, row: int) -> int:
    """Return the number of an object's texture; mirrors the `texture` of every class."""
    kind = world.kind[row]
    if kind == PLAYER:
        return SLEEPING_TEXTURE if world.sleeping else PLAYER_TEXTURE + _facing(world, row)
    if kind == COW:
        return COW_TEXTURE
    if kind == ZOMBIE:
        return ZOMBIE_TEXTURE
    if kind == SKELETON:
        return SKELETON_TEXTURE
    if kind == ARROW:
        return ARROW_TEXTURE + _facing(world, row)
    return RIPE_TEXTURE if world.timer[row] > RIPE else PLANT_TEXTURE


@inlined
def _draw_day(world: World, picture: Picture, frame: NDArray[np.uint8]) -> None:
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
                _light_tile(world, picture, tile)
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
def _light_tile(world: World, picture: Picture, tile: int) -> None:
    """Light one tile as `LocalView` lights the canvas by day."""
    day = world.daylight
    night = 1 - day
    lit, canvas, tinted = picture.lit[tile], picture.day_tiles[tile], picture.tinted_tiles[tile]
    # Whole vectors at a time; there is room for them.
    for i in range(_u64(whole_blocks(picture.unit_x * picture.unit_y * 3, BLOCK))):
        lit[i] = np.uint8(np.int32(day * _f64(np.int32(canvas[i])) + night * _f64(tinted[i])))
    if world.sleeping:
        for i in range(0, len(lit) - 2, 3):
            grey = to_sleep(lit[i + RED], lit[i + GREEN], lit[i + BLUE])
            lit[i + RED], lit[i + GREEN], lit[i + BLUE] = grey, grey, grey + 8


@inlined
def _draw_items(world: World, picture: Picture, frame: NDArray[np.uint8]) -> None:
    """Copy what is below the local view, redrawn if the inventory has changed."""
    changes = 0
    for item in range(NUM_ITEMS):
        changes += picture.shown[item] != world.inventory[item]
    if changes:
        _draw_below(world, picture)
    top = (picture.border_y + picture.grid_y * picture.unit_y) * picture.width * 3
    for i in range(_u64(len(frame) - top)):
        frame[_u64(top) + i] = picture.below[i]


@kernel
def _draw_below(world: World, picture: Picture) -> None:
    """Draw the inventory; mirrors `ItemView.__call__`. Items that there are none of are black."""
    below = picture.below
    below[:] = 0
    line_bytes = picture.width * 3
    tile_bytes = picture.unit_x * 3
    for item in range(NUM_ITEMS):
        picture.shown[item] = world.inventory[item]
    for first in range(0, NUM_ITEMS, picture.grid_x):
        for y in range(picture.unit_y):
            at = (first // picture.grid_x * picture.unit_y + y) * line_bytes + picture.border_x * 3
            for item in range(first, min(first + picture.grid_x, NUM_ITEMS)):
                image = picture.items[item, max(world.inventory[item], 0), y]
                # The bytes after an image are black, too.
                for block in range(0, tile_bytes, BLOCK):
                    copy_block(below, at + block, image, block)
                at += tile_bytes
