"""The state of one environment, and the map's operations; mirrors `crafter.engine.World`.

A world is one record, so that kernels take one pointer. Its arrays have room
for a number of cells that is a power of four, so that compiled code serves
every area up to that size. Cells are indexed `x * height + y`.

Objects are rows of a table, in the order in which they were added; row 0 stands
for no object, and a removed one has kind 0. Each map chunk lists its objects as
a linked list in the order in which they entered it, which is the order of
Crafter's chunk sets once these are ordered.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.engine.compiled.jit import kernel
from crafter_dataset.engine.fast.kinds import World
from crafter_dataset.engine.fast.rules import (
    FIRST_OBJECT_ID,
    GRASS,
    NUM_ACHIEVEMENTS,
    NUM_ITEMS,
    PATH,
)
from crafter_dataset.engine.fast.scenes import WORDS

CHUNK = 12
"""Cells along each side of a map chunk, as in `crafter.Env.__init__`."""

PLAYER_ROW = 1
SPARE = 64
"""Rows of removed objects that are always left, see `compact`."""


def cells_for(area: tuple[int, int]) -> int:
    """Return the number of cells that worlds of an area have room for.

    Parameters
    ----------
    area : tuple of int
        Cells of the world (x, y).
    """
    cells = 4096
    while cells < area[0] * area[1]:
        cells *= 4
    return cells


def world_dtype(cells: int) -> np.dtype[Any]:
    """Return the record type of a world.

    Parameters
    ----------
    cells : int
        Cells that it has room for.
    """
    rows = 3 * cells + 2 * SPARE  # `compact` leaves room for more than a step can add
    chunks = cells // 8 + 16
    return np.dtype(
        [
            # crafter.engine.World
            ("width", "i4"),
            ("height", "i4"),
            ("materials", "u1", (cells,)),
            ("object_at", "i4", (cells,)),
            ("daylight", "f8"),
            # numpy.random.RandomState
            ("random_used", "i4"),
            ("random_twists", "i8"),  # times the state was made anew since seeding, if known
            ("random_state", "u4", (WORDS,)),
            ("random_words", "u4", (WORDS,)),
            # opensimplex.OpenSimplex
            ("perm", "i8", (256,)),
            ("gradients", "i8", (256,)),
            # World._objects: rows in use, rows that are alive, and their columns
            ("objects", "i4"),
            ("alive", "i4"),
            ("kind", "u1", (rows,)),
            ("x", "i4", (rows,)),
            ("y", "i4", (rows,)),
            ("facing_x", "i1", (rows,)),
            ("facing_y", "i1", (rows,)),
            ("health", "i4", (rows,)),
            ("timer", "i4", (rows,)),  # Zombie.cooldown, Skeleton.reload, Plant.grown
            ("previous", "i4", (rows,)),
            ("next", "i4", (rows,)),
            # World._chunks
            ("chunk_columns", "i4"),
            ("chunk_rows", "i4"),
            ("held_chunks", "i4"),  # chunks that ever held an object, in that order
            ("held", "i4", (chunks,)),
            ("was_held", "u1", (chunks,)),
            ("first", "i4", (chunks,)),
            ("last", "i4", (chunks,)),
            ("grass", "i4", (chunks,)),
            ("path", "i4", (chunks,)),
            # crafter.objects.Player
            ("inventory", "i4", (NUM_ITEMS,)),
            ("achievements", "i4", (NUM_ACHIEVEMENTS,)),
            ("sleeping", "?"),
            ("player_last_health", "i4"),
            ("hunger", "f8"),
            ("thirst", "f8"),
            ("fatigue", "i4"),
            ("recover", "f8"),
            # crafter.Env
            ("reach", "i4"),  # 2 * max(view)
            ("length", "i8"),
            ("give_rewards", "?"),
            ("step", "i8"),
            ("last_health", "i4"),
            ("unlocked", "u1", (NUM_ACHIEVEMENTS,)),
            ("ended", "u1"),  # 0 while playing, else an end reason
        ],
        align=True,
    )


@kernel
def clear(world: World) -> None:
    """Empty the map; mirrors `World.reset`.

    Parameters
    ----------
    world : World
        With its width and height; the rest of the map and the objects are overwritten.
    """
    for cell in range(world.width * world.height):
        world.materials[cell] = 0
        world.object_at[cell] = 0
    world.objects = 1
    world.alive = 0
    world.chunk_columns = (world.width + CHUNK - 1) // CHUNK
    world.chunk_rows = (world.height + CHUNK - 1) // CHUNK
    world.held_chunks = 0
    for chunk in range(world.chunk_columns * world.chunk_rows):
        world.was_held[chunk] = False
        world.first[chunk] = 0
        world.last[chunk] = 0
        world.grass[chunk] = 0
        world.path[chunk] = 0


@kernel
def inside(world: World, x: int, y: int) -> bool:
    """Tell whether a cell is on the map; mirrors `_inside`.

    Parameters
    ----------
    world : World
        State of the environment.
    x, y : int
        The cell.
    """
    return 0 <= x < world.width and 0 <= y < world.height


@kernel
def material_at(world: World, x: int, y: int) -> int:
    """Return the material id of a cell, 0 off the map; mirrors `World.__getitem__`.

    Parameters
    ----------
    world : World
        State of the environment.
    x, y : int
        The cell.
    """
    if not inside(world, x, y):
        return 0
    return np.int64(world.materials[x * world.height + y])


@kernel
def object_at(world: World, x: int, y: int) -> int:
    """Return the row of the object in a cell, 0 for none; mirrors `World.__getitem__`.

    Parameters
    ----------
    world : World
        State of the environment.
    x, y : int
        The cell, which may be off the map.
    """
    if not inside(world, x, y):
        return 0
    return np.int64(world.object_at[x * world.height + y])


@kernel
def chunk_at(world: World, x: int, y: int) -> int:
    """Return the number of the chunk that a cell is in; mirrors `World.chunk_key`.

    Parameters
    ----------
    world : World
        State of the environment.
    x, y : int
        The cell, on the map.
    """
    return (x // CHUNK) * world.chunk_rows + y // CHUNK


@kernel
def set_material(world: World, x: int, y: int, material: int) -> None:
    """Change the material of a cell; mirrors `World.__setitem__`.

    Grass and path are counted for each chunk, instead of `World.mask(...).sum()`.

    Parameters
    ----------
    world : World
        State of the environment; its map is changed.
    x, y : int
        The cell, on the map.
    material : int
        Id of the material.
    """
    cell = x * world.height + y
    chunk = chunk_at(world, x, y)
    old = np.int64(world.materials[cell])
    world.grass[chunk] += (material == GRASS) - (old == GRASS)
    world.path[chunk] += (material == PATH) - (old == PATH)
    world.materials[cell] = material


@kernel
def count_materials(world: World) -> None:
    """Count grass and path of all chunks, after materials were written without `set_material`.

    Parameters
    ----------
    world : World
        State of the environment; its counts are overwritten.
    """
    for chunk in range(world.chunk_columns * world.chunk_rows):
        x0, y0 = chunk // world.chunk_rows * CHUNK, chunk % world.chunk_rows * CHUNK
        grass = path = 0
        for x in range(x0, min(x0 + CHUNK, world.width)):
            for y in range(y0, min(y0 + CHUNK, world.height)):
                material = world.materials[x * world.height + y]
                grass += material == GRASS
                path += material == PATH
        world.grass[chunk] = grass
        world.path[chunk] = path


@kernel
def _enter_chunk(world: World, row: int, chunk: int) -> None:
    """Append an object to a chunk's list."""
    if not world.was_held[chunk]:
        world.was_held[chunk] = True
        world.held[world.held_chunks] = chunk
        world.held_chunks += 1
    last = world.last[chunk]
    world.previous[row] = last
    world.next[row] = 0
    world.last[chunk] = row
    if last:
        world.next[last] = row
    else:
        world.first[chunk] = row


@kernel
def _leave_chunk(world: World, row: int, chunk: int) -> None:
    """Take an object out of a chunk's list."""
    before, after = world.previous[row], world.next[row]
    if before:
        world.next[before] = after
    else:
        world.first[chunk] = after
    if after:
        world.previous[after] = before
    else:
        world.last[chunk] = before


@kernel
def add(world: World, kind: int, x: int, y: int, health: int) -> int:
    """Add an object and return its row; mirrors `World.add`.

    Parameters
    ----------
    world : World
        State of the environment; the object is added to it.
    kind : int
        Kind of the object, see `engine.fast.rules.PLAYER`.
    x, y : int
        A free cell.
    health : int
        Health of the object; that of the player is in the inventory.
    """
    row = world.objects
    world.objects += 1
    world.alive += 1
    world.kind[row] = kind
    world.x[row] = x
    world.y[row] = y
    world.facing_x[row] = 0
    world.facing_y[row] = 0
    world.health[row] = health
    world.timer[row] = 0
    world.object_at[x * world.height + y] = row
    _enter_chunk(world, row, chunk_at(world, x, y))
    return row


@kernel
def remove(world: World, row: int) -> None:
    """Take an object off the map; mirrors `World.remove`. Its row stays readable.

    Parameters
    ----------
    world : World
        State of the environment; the object is removed from it.
    row : int
        Row of an object that is on the map.
    """
    x, y = world.x[row], world.y[row]
    world.object_at[x * world.height + y] = 0
    _leave_chunk(world, row, chunk_at(world, x, y))
    world.kind[row] = 0
    world.alive -= 1


@kernel
def move(world: World, row: int, x: int, y: int) -> None:
    """Move an object to a free cell; mirrors `World.move`. Removed ones stay where they were.

    Parameters
    ----------
    world : World
        State of the environment; the object is moved in it.
    row : int
        Row of the object.
    x, y : int
        The cell to move to.
    """
    if world.kind[row] == 0:
        return
    old_x, old_y = world.x[row], world.y[row]
    world.object_at[old_x * world.height + old_y] = 0
    world.object_at[x * world.height + y] = row
    old_chunk, new_chunk = chunk_at(world, old_x, old_y), chunk_at(world, x, y)
    if old_chunk != new_chunk:
        _leave_chunk(world, row, old_chunk)
        _enter_chunk(world, row, new_chunk)
    world.x[row] = x
    world.y[row] = y


@kernel
def nearby(world: World, x: int, y: int, material: int) -> bool:
    """Tell whether a material is within a cell of (x, y); mirrors `World.nearby` at distance 1.

    Crafter's slices start at -1 beside the left and upper edges, which Python
    counts from the other end: there they are empty, unless the map is tiny.

    Parameters
    ----------
    world : World
        State of the environment.
    x, y : int
        The cell, on the map.
    material : int
        Id of the material.
    """
    x0 = x - 1 if x > 0 else max(world.width - 1, 0)
    y0 = y - 1 if y > 0 else max(world.height - 1, 0)
    for i in range(x0, min(x + 2, world.width)):
        for j in range(y0, min(y + 2, world.height)):
            if world.materials[i * world.height + j] == material:
                return True
    return False


@kernel
def compact(world: World) -> None:
    """Drop the rows of removed objects once there are many; the order of the others stays.

    Crafter's list grows for as long as an episode lasts.

    Parameters
    ----------
    world : World
        State of the environment; rows of its objects may change.
    """
    if world.objects - 1 <= 2 * world.alive + SPARE:
        return
    count = 1
    for row in range(1, world.objects):
        if world.kind[row] == 0:
            continue
        if row != count:
            _move_row(world, row, count)
        count += 1
    world.objects = count


@kernel
def _move_row(world: World, row: int, to: int) -> None:
    """Move an object to another row of the table, and all that refers to it."""
    world.kind[to] = world.kind[row]
    world.x[to] = world.x[row]
    world.y[to] = world.y[row]
    world.facing_x[to] = world.facing_x[row]
    world.facing_y[to] = world.facing_y[row]
    world.health[to] = world.health[row]
    world.timer[to] = world.timer[row]
    before, after = world.previous[row], world.next[row]
    world.previous[to] = before
    world.next[to] = after
    chunk = chunk_at(world, world.x[row], world.y[row])
    if before:
        world.next[before] = to
    else:
        world.first[chunk] = to
    if after:
        world.previous[after] = to
    else:
        world.last[chunk] = to
    world.object_at[world.x[row] * world.height + world.y[row]] = to


@kernel
def semantic(world: World, canvas: NDArray[np.uint8]) -> None:
    """Write the id of each cell's material or object; mirrors `SemanticView.__call__`.

    Parameters
    ----------
    world : World
        State of the environment.
    canvas : ndarray, shape (cells,), uint8
        Overwritten, in the order [x, y].
    """
    for cell in range(world.width * world.height):
        canvas[cell] = world.materials[cell]
    for row in range(PLAYER_ROW, world.objects):
        if world.kind[row]:
            canvas[world.x[row] * world.height + world.y[row]] = FIRST_OBJECT_ID + world.kind[row]


@kernel
def copy_world(world: World, other: World) -> None:
    """Copy a game, but for what only the generation of worlds uses, and for rows not in use.

    That is a tenth of the record.

    Parameters
    ----------
    world : World
        State of an environment; only read.
    other : World
        A world of the same area and settings; overwritten.
    """
    for cell in range(world.width * world.height):
        other.materials[cell] = world.materials[cell]
        other.object_at[cell] = world.object_at[cell]
    other.daylight = world.daylight
    other.random_used = world.random_used
    other.random_twists = world.random_twists
    for i in range(WORDS):
        other.random_state[i] = world.random_state[i]
        other.random_words[i] = world.random_words[i]
    other.objects = world.objects
    other.alive = world.alive
    for row in range(world.objects):
        other.kind[row] = world.kind[row]
        other.x[row] = world.x[row]
        other.y[row] = world.y[row]
        other.facing_x[row] = world.facing_x[row]
        other.facing_y[row] = world.facing_y[row]
        other.health[row] = world.health[row]
        other.timer[row] = world.timer[row]
        other.previous[row] = world.previous[row]
        other.next[row] = world.next[row]
    other.chunk_columns = world.chunk_columns
    other.chunk_rows = world.chunk_rows
    other.held_chunks = world.held_chunks
    for chunk in range(world.chunk_columns * world.chunk_rows):
        other.held[chunk] = world.held[chunk]
        other.was_held[chunk] = world.was_held[chunk]
        other.first[chunk] = world.first[chunk]
        other.last[chunk] = world.last[chunk]
        other.grass[chunk] = world.grass[chunk]
        other.path[chunk] = world.path[chunk]
    for item in range(NUM_ITEMS):
        other.inventory[item] = world.inventory[item]
    for achievement in range(NUM_ACHIEVEMENTS):
        other.achievements[achievement] = world.achievements[achievement]
        other.unlocked[achievement] = world.unlocked[achievement]
    other.sleeping = world.sleeping
    other.player_last_health = world.player_last_health
    other.hunger = world.hunger
    other.thirst = world.thirst
    other.fatigue = world.fatigue
    other.recover = world.recover
    other.step = world.step
    other.last_health = world.last_health
    other.ended = world.ended
