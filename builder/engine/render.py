"""Pictures; mirrors `crafter.Env.render` and the views of `crafter.engine`.

Crafter draws a canvas, then light, noise and sleep over all of it. By day the
light changes each pixel by itself, so here each distinct tile of a frame is
lit once and copied. By night every pixel has noise of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from builder.engine.copying import copy_block
from builder.engine.jit import kernel
from builder.engine.rng import take_words, to_unit
from builder.engine.rules import ARROW, COW, NUM_ITEMS, PLAYER, RIPE, SKELETON, ZOMBIE
from builder.engine.textures import (
    ARROW_TEXTURE,
    BLOCK,
    COW_TEXTURE,
    FACING_DOWN,
    FACING_LEFT,
    FACING_RIGHT,
    FACING_UP,
    GROUND_TILES,
    OFF_MAP,
    PLANT_TEXTURE,
    PLAYER_TEXTURE,
    RIPE_TEXTURE,
    SKELETON_TEXTURE,
    SLEEPING_TEXTURE,
    ZOMBIE_TEXTURE,
)
from builder.engine.world import PLAYER_ROW, inside

_SATURATION = np.float32(0.4)


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
    for cell_y in range(picture.grid_y):
        for cell_x in range(picture.grid_x):
            picture.seen[cell_y, cell_x] = _tile_at(world, picture, cell_x, cell_y)
    # Tiles are copied in blocks that reach beyond their ends, so the order is: lines from above,
    # in them cells from the left, then whatever is black, then the inventory.
    if world.daylight < 0.5:
        _draw_night(world, picture, frame)
    else:
        _draw_day(world, picture, frame)
    _draw_black(picture, frame)
    _draw_items(world, picture, frame)


@kernel
def _tile_at(world: Any, picture: Any, column: int, line: int) -> int:
    """Tile to draw in a cell of the local view; mirrors the loops of `LocalView.__call__`."""
    x = world.x[PLAYER_ROW] + column - picture.grid_x // 2
    y = world.y[PLAYER_ROW] + line - picture.grid_y // 2
    if not inside(world, x, y):
        return OFF_MAP
    cell = x * world.height + y
    material = np.int64(world.materials[cell])
    row = world.object_at[cell]
    if row == 0:
        return material
    return GROUND_TILES * (1 + _texture(world, row)) + material


@kernel
def _facing(world: Any, row: int) -> int:
    if world.facing_x[row] < 0:
        return FACING_LEFT
    if world.facing_x[row] > 0:
        return FACING_RIGHT
    return FACING_UP if world.facing_y[row] < 0 else FACING_DOWN


@kernel
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


@kernel
def _draw_day(world: Any, picture: Any, frame: Any) -> None:
    picture.drawn[0] += 1
    now = picture.drawn[0]
    line_bytes = picture.width * 3
    tile_bytes = picture.unit_x * 3
    padded = picture.lit.shape[1] // picture.unit_y
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
                    copy_block(frame, at + block, lit, line * padded + block)
                at += tile_bytes


@kernel
def _light_tile(world: Any, picture: Any, tile: int) -> None:
    """Light one tile as `LocalView` lights the canvas by day, and lay its colors side by side."""
    pixels = picture.unit_x * picture.unit_y
    padded = picture.lit.shape[1] // picture.unit_y
    _mix(world, picture.tiles[tile], picture.tiles[tile], picture.mixed, pixels)
    for line in range(picture.unit_y):
        for x in range(picture.unit_x):
            for color in range(3):
                picture.lit[tile, line * padded + x * 3 + color] = picture.mixed[
                    color, line * picture.unit_x + x
                ]


@kernel
def _draw_night(world: Any, picture: Any, frame: Any) -> None:
    width = picture.grid_x * picture.unit_x
    height = picture.grid_y * picture.unit_y
    for color in range(3):
        canvas = picture.canvas[color]
        at = 0
        for cell_y in range(picture.grid_y):
            for line in range(picture.unit_y):
                for cell_x in range(picture.grid_x):
                    tile = picture.tiles[picture.seen[cell_y, cell_x], color]
                    for block in range(0, picture.unit_x, BLOCK):
                        copy_block(canvas, at + block, tile, line * picture.unit_x + block)
                    at += picture.unit_x
    _draw_noise(world, picture, width, height)
    _add_noise(world, picture, width * height)
    _mix(world, picture.canvas, picture.dark, picture.mixed, width * height)
    for y in range(height):
        at = np.uint64(((picture.border_y + y) * picture.width + picture.border_x) * 3)
        start = np.uint64(y * width)
        for x in range(np.uint64(width)):
            for color in range(3):
                frame[at + x * np.uint64(3) + np.uint64(color)] = picture.mixed[color, start + x]


@kernel
def _draw_noise(world: Any, picture: Any, width: int, height: int) -> None:
    """Mirrors the draw of `LocalView._noise`, which is column by column."""
    take_words(world, picture.words, 2 * width * height)
    drawn = picture.drawn_noise
    for pixel in range(np.uint64(width * height)):
        pair = picture.pairs[pixel]
        first, second = np.uint32(pair & np.uint64(0xFFFFFFFF)), np.uint32(pair >> np.uint64(32))
        drawn[pixel] = 32 + 95 * to_unit(first, second)
    for y in range(np.uint64(height)):
        for x in range(np.uint64(width)):
            picture.noise[y * np.uint64(width) + x] = drawn[x * np.uint64(height) + y]


@kernel
def _add_noise(world: Any, picture: Any, pixels: int) -> None:
    """Mirrors the rest of `LocalView._noise`."""
    amount = 2 * (0.5 - world.daylight)
    for pixel in range(np.uint64(pixels)):
        mask = amount * picture.vignette[pixel]
        noise = mask * picture.noise[pixel]
        for color in range(3):
            value = (1 - mask) * np.float64(np.int32(picture.canvas[color, pixel])) + noise
            picture.dark[color, pixel] = np.uint8(np.int32(value))


@kernel
def _luma(red: int, green: int, blue: int) -> int:
    """Mirrors Pillow's conversion to `L`, ITU-R 601-2 in fixed point."""
    return (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16


@kernel
def _mix(world: Any, canvas: Any, dark: Any, mixed: Any, pixels: int) -> None:
    """Mirrors the rest of `LocalView._light`, and `_sleep`; all casts truncate.

    Parameters
    ----------
    canvas, dark, mixed : ndarray, shape (3, pixels or more), uint8
        The picture, the same with the night's noise, and what comes out.
    """
    day = world.daylight
    night = 1 - day
    for pixel in range(np.uint64(pixels)):
        red = np.int32(dark[0, pixel])
        green = np.int32(dark[1, pixel])
        blue = np.int32(dark[2, pixel])
        luma = np.int32(_luma(red, green, blue))
        mixed[0, pixel] = _tint(day, night, canvas[0, pixel], luma, red, 0.0)
        mixed[1, pixel] = _tint(day, night, canvas[1, pixel], luma, green, 16.0)
        mixed[2, pixel] = _tint(day, night, canvas[2, pixel], luma, blue, 64.0)
    if world.sleeping:
        for pixel in range(np.uint64(pixels)):
            luma = np.float64(
                np.int32(
                    _luma(
                        np.int32(mixed[0, pixel]),
                        np.int32(mixed[1, pixel]),
                        np.int32(mixed[2, pixel]),
                    )
                )
            )
            mixed[0, pixel] = np.uint8(np.int32(0.5 * luma))
            mixed[1, pixel] = np.uint8(np.int32(0.5 * luma))
            mixed[2, pixel] = np.uint8(np.int32(0.5 * luma + 0.5 * 16.0))


@kernel
def _tint(day: float, night: float, value: int, luma: int, dark: int, color: float) -> int:
    """Desaturate as Pillow's `ImageEnhance.Color`, tint, and mix with the day's color."""
    pale = np.int32(np.float32(luma) + _SATURATION * np.float32(np.int32(dark - luma)))
    tinted = 0.5 * np.float64(pale) + 0.5 * color
    return np.uint8(np.int32(day * np.float64(np.int32(value)) + night * tinted))


@kernel
def _draw_black(picture: Any, frame: Any) -> None:
    """Clear what is not the local view: the borders and the ground of the inventory."""
    line_bytes = picture.width * 3
    left = picture.border_x * 3
    right = left + picture.grid_x * picture.unit_x * 3
    top = picture.border_y
    bottom = top + picture.grid_y * picture.unit_y
    for i in range(np.uint64(top * line_bytes)):
        frame[i] = 0
    for y in range(top, bottom):
        for i in range(np.uint64(y * line_bytes), np.uint64(y * line_bytes + left)):
            frame[i] = 0
        for i in range(np.uint64(y * line_bytes + right), np.uint64((y + 1) * line_bytes)):
            frame[i] = 0
    for i in range(np.uint64(bottom * line_bytes), np.uint64(picture.height * line_bytes)):
        frame[i] = 0


@kernel
def _draw_items(world: Any, picture: Any, frame: Any) -> None:
    """Mirrors `ItemView.__call__`."""
    line_bytes = picture.width * 3
    tile_bytes = np.uint64(picture.unit_x * 3)
    for item in range(NUM_ITEMS):
        amount = world.inventory[item]
        if amount < 1:
            continue
        column, line = item % picture.grid_x, item // picture.grid_x
        left = (picture.border_x + column * picture.unit_x) * 3
        top = picture.border_y + (picture.grid_y + line) * picture.unit_y
        for y in range(picture.unit_y):
            at = np.uint64((top + y) * line_bytes + left)
            for i in range(tile_bytes):
                frame[at + i] = picture.items[item, amount, y, i]
