"""Pictures; mirrors `crafter.Env.render` and the views of `crafter.engine`.

Crafter draws a canvas, then light, noise and sleep over all of it. By day the
light changes each pixel by itself, so here each distinct tile of a frame is
lit once and copied. By night every pixel has noise of its own.

All casts to bytes truncate, as in crafter.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from builder.compiled.jit import inlined, kernel
from builder.engine.copying import BLOCK, PIXELS, copy_block, interleave_block
from builder.engine.rng import take_words
from builder.engine.rules import ARROW, COW, NUM_ITEMS, PLAYER, RIPE, SKELETON, ZOMBIE
from builder.engine.textures import (
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
    TINT,
    ZOMBIE_TEXTURE,
)
from builder.engine.world import PLAYER_ROW, inside

_u64 = np.uint64  # of loops that would not be vectorised with signed numbers
_f32, _f64 = np.float32, np.float64
_BLOCK_COLORS = BLOCK // np.dtype(np.float32).itemsize


@kernel
def render(world: Any, picture: Any, frame: Any) -> None:
    """Draw what the player sees; mirrors `Env.render`. By night it draws random numbers.

    Parameters
    ----------
    world : record
    picture : Picture
    frame : ndarray, shape (height * width * 3,), uint8
        Overwritten.
    """
    _look(world, picture)
    # Lines are copied in blocks that reach beyond their ends: at most BLOCK bytes or PIXELS pixels.
    # So the order is: lines from above, in them cells from the left, then what is black after them.
    # There is room for that below the local view: 16 or more cells of the inventory.
    line_bytes = picture.width * 3
    for i in range(_u64(picture.border_y * line_bytes + picture.border_x * 3)):
        frame[i] = 0
    if world.daylight < 0.5:
        _draw_night(world, picture, frame)
    else:
        _draw_day(world, picture, frame)
    bottom = picture.border_y + picture.grid_y * picture.unit_y
    for i in range(_u64(bottom * line_bytes), _u64(picture.height * line_bytes)):
        frame[i] = 0
    _draw_items(world, picture, frame)


@inlined
def _look(world: Any, picture: Any) -> None:
    """Find the tiles of the local view; mirrors the loops of `LocalView.__call__`."""
    left = world.x[PLAYER_ROW] - picture.grid_x // 2
    top = world.y[PLAYER_ROW] - picture.grid_y // 2
    for column in range(picture.grid_x):
        for line in range(picture.grid_y):
            tile = OFF_MAP
            if inside(world, left + column, top + line):
                cell = (left + column) * world.height + top + line
                tile = np.int64(world.materials[cell])
                row = world.object_at[cell]
                if row:
                    tile += GROUND_TILES * (1 + _texture(world, row))
            picture.seen[line, column] = tile


@inlined
def _facing(world: Any, row: int) -> int:
    if world.facing_x[row] < 0:
        return FACING_LEFT
    if world.facing_x[row] > 0:
        return FACING_RIGHT
    return FACING_UP if world.facing_y[row] < 0 else FACING_DOWN


@inlined
def _texture(world: Any, row: int) -> int:
    """Mirrors the `texture` of every object."""
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
def _copy(frame: Any, at: int, source: Any, start: int, count: int) -> None:
    """Copy bytes, and perhaps up to `BLOCK` more if there is room for them in the frame."""
    for block in range(0, count, BLOCK):
        if at + block + BLOCK <= len(frame):
            copy_block(frame, at + block, source, start + block)
        else:
            for i in range(block, count):
                frame[at + i] = source[start + i]
            break


@inlined
def _end_line(picture: Any, frame: Any, line: int) -> None:
    """Clear what is between a line of the local view and the next one."""
    view_bytes = picture.grid_x * picture.unit_x * 3
    at = (picture.border_y + line) * picture.width * 3 + picture.border_x * 3 + view_bytes
    _copy(frame, at, picture.black, 0, picture.width * 3 - view_bytes)


@inlined
def _draw_day(world: Any, picture: Any, frame: Any) -> None:
    picture.drawn[0] += 1
    now = picture.drawn[0]
    line_bytes = picture.width * 3
    tile_bytes = picture.unit_x * 3
    for cell_y in range(picture.grid_y):
        for cell_x in range(picture.grid_x):
            tile = picture.seen[cell_y, cell_x]
            if picture.lit_at[tile] != now:
                picture.lit_at[tile] = now
                _light_tile(world, picture, tile)
        for line in range(picture.unit_y):
            at = (picture.border_y + cell_y * picture.unit_y + line) * line_bytes
            at += picture.border_x * 3
            for cell_x in range(picture.grid_x):
                lit = picture.lit[picture.seen[cell_y, cell_x]]
                for block in range(0, tile_bytes, BLOCK):
                    copy_block(frame, at + block, lit, line * tile_bytes + block)
                at += tile_bytes
            _end_line(picture, frame, cell_y * picture.unit_y + line)


@inlined
def _light_tile(world: Any, picture: Any, tile: int) -> None:
    """Light one tile as `LocalView` lights the canvas by day."""
    day = world.daylight
    night = 1 - day
    lit, canvas, tinted = picture.lit[tile], picture.day_tiles[tile], picture.tinted_tiles[tile]
    for i in range(_u64(len(lit))):
        lit[i] = np.uint8(np.int32(day * _f64(np.int32(canvas[i])) + night * _f64(tinted[i])))
    if world.sleeping:
        for i in range(0, len(lit) - 2, 3):
            grey = _luma(lit[i + RED], lit[i + GREEN], lit[i + BLUE]) >> 1
            lit[i + RED], lit[i + GREEN], lit[i + BLUE] = grey, grey, grey + 8


@inlined
def _luma(red: int, green: int, blue: int) -> int:
    """Mirrors Pillow's conversion to `L`, ITU-R 601-2 in fixed point.

    All numbers are below 2**24, so that single precision, which is faster, holds them exactly.
    """
    fixed = _f32(19595) * _f32(np.int32(red)) + _f32(38470) * _f32(np.int32(green))
    fixed = fixed + _f32(7471) * _f32(np.int32(blue)) + _f32(32768)
    return np.int32(fixed * _f32(1 / 65536))


@inlined
def _draw_night(world: Any, picture: Any, frame: Any) -> None:
    width = picture.grid_x * picture.unit_x
    height = picture.grid_y * picture.unit_y
    take_words(world, picture.words, 2 * width * height)
    lanes = _u64(-(-width // PIXELS) * PIXELS)
    red, green, blue = picture.mixed[RED], picture.mixed[GREEN], picture.mixed[BLUE]
    for y in range(height):
        _draw_canvas(picture, y)
        for x in range(_u64(width)):
            picture.pairs[x] = picture.drawn_pairs[x * _u64(height) + _u64(y)]
        _add_noise(world, picture, y, lanes)
        _fade(picture, lanes)
        _mix(world, picture, lanes)
        if world.sleeping:
            _sleep(picture, lanes)
        at = ((picture.border_y + y) * picture.width + picture.border_x) * 3
        for x in range(0, width, PIXELS):
            interleave_block(frame, at + 3 * x, red, green, blue, x)
        _end_line(picture, frame, y)


@inlined
def _draw_canvas(picture: Any, y: int) -> None:
    """Copy a line of the local view without its light."""
    cell_y, line = y // picture.unit_y, y % picture.unit_y
    for color in range(3):
        for cell_x in range(picture.grid_x):
            tile = picture.tiles[picture.seen[cell_y, cell_x], color]
            at, start = cell_x * picture.unit_x, line * picture.unit_x
            for block in range(0, picture.unit_x, _BLOCK_COLORS):
                copy_block(picture.canvas[color], at + block, tile, start + block)


@inlined
def _add_noise(world: Any, picture: Any, y: int, lanes: int) -> None:
    """Add the noise to a line; mirrors `LocalView._noise`."""
    amount = 2 * (0.5 - world.daylight)
    canvas, dark = picture.canvas, picture.dark
    # uniform(32, 127) is 32 + 95 * number / 2**53; to divide by a power of two first is as exact.
    scale = 95 / 9007199254740992
    for x in range(lanes):
        pair = picture.pairs[x]
        number = ((pair & _u64(0xFFFFFFE0)) << _u64(21)) | (pair >> _u64(38))
        mask = amount * picture.vignette[y, x]
        noise = mask * (32 + scale * _f64(np.int64(number)))
        rest = 1 - mask
        dark[RED, x] = _f32(np.int32(rest * _f64(canvas[RED, x]) + noise))
        dark[GREEN, x] = _f32(np.int32(rest * _f64(canvas[GREEN, x]) + noise))
        dark[BLUE, x] = _f32(np.int32(rest * _f64(canvas[BLUE, x]) + noise))


@inlined
def _fade(picture: Any, lanes: int) -> None:
    """Desaturate a line as Pillow's `ImageEnhance.Color` does, in single precision.

    The fixed point of `_luma` is exact in it: all numbers are below 2**24.
    """
    dark = picture.dark
    for x in range(lanes):
        red, green, blue = dark[RED, x], dark[GREEN, x], dark[BLUE, x]
        fixed = _f32(19595) * red + _f32(38470) * green + _f32(7471) * blue + _f32(32768)
        luma = _f32(np.int32(fixed * _f32(1 / 65536)))
        dark[RED, x] = _f32(np.int32(luma + _f32(0.4) * (red - luma)))
        dark[GREEN, x] = _f32(np.int32(luma + _f32(0.4) * (green - luma)))
        dark[BLUE, x] = _f32(np.int32(luma + _f32(0.4) * (blue - luma)))


@inlined
def _mix(world: Any, picture: Any, lanes: int) -> None:
    """Tint a line and mix it with the day's; mirrors the rest of `LocalView._light`."""
    day = world.daylight
    night = 1 - day
    canvas, dark, mixed = picture.canvas, picture.dark, picture.mixed
    half = 0.5 * night  # to take half first is as exact
    for color in range(3):
        tint = _f32(TINT[color])
        for x in range(lanes):
            tinted = half * _f64(dark[color, x] + tint)
            mixed[color, x] = np.uint8(np.int32(day * _f64(canvas[color, x]) + tinted))


@inlined
def _sleep(picture: Any, lanes: int) -> None:
    """Mirrors `LocalView._sleep`, for a line."""
    mixed = picture.mixed
    for x in range(lanes):
        grey = _luma(mixed[RED, x], mixed[GREEN, x], mixed[BLUE, x]) >> 1
        mixed[RED, x] = grey
        mixed[GREEN, x] = grey
        mixed[BLUE, x] = grey + 8


@inlined
def _draw_items(world: Any, picture: Any, frame: Any) -> None:
    """Mirrors `ItemView.__call__`; what there is none of is black."""
    line_bytes = picture.width * 3
    tile_bytes = picture.unit_x * 3
    for first in range(0, NUM_ITEMS, picture.grid_x):
        top = picture.border_y + (picture.grid_y + first // picture.grid_x) * picture.unit_y
        for y in range(picture.unit_y):
            at = (top + y) * line_bytes + picture.border_x * 3
            for item in range(first, min(first + picture.grid_x, NUM_ITEMS)):
                image = picture.items[item, max(world.inventory[item], 0), y]
                _copy(frame, at, image, 0, tile_bytes)
                at += tile_bytes
