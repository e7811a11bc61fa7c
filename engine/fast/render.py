"""What the player sees of a world; mirrors `crafter.Env.render` and `LocalView.__call__`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.engine.compiled.jit import inlined, kernel
from crafter_dataset.engine.fast.kinds import World
from crafter_dataset.engine.fast.paint import paint
from crafter_dataset.engine.fast.picture import Picture
from crafter_dataset.engine.fast.rules import (
    ARROW,
    COW,
    PLAYER,
    RIPE,
    SKELETON,
    ZOMBIE,
)
from crafter_dataset.engine.fast.textures import (
    ARROW_TEXTURE,
    COW_TEXTURE,
    FACING_DOWN,
    FACING_LEFT,
    FACING_RIGHT,
    FACING_UP,
    OFF_MAP,
    PLANT_TEXTURE,
    PLAYER_TEXTURE,
    RIPE_TEXTURE,
    SKELETON_TEXTURE,
    SLEEPING_TEXTURE,
    ZOMBIE_TEXTURE,
)
from crafter_dataset.engine.fast.world import PLAYER_ROW, inside
from crafter_dataset.engine.tiles import GROUND_TILES

_u64 = np.uint64  # for loops that would not be vectorised with signed numbers


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
    paint(world, picture, frame)


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
