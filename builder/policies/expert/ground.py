"""What cells are to the player: free, solid, to dig; and how to get into one."""

from __future__ import annotations

import numpy as np

from crafter_dataset.builder.policies.expert.memory import Memory
from crafter_dataset.engine.compiled.jit import kernel
from crafter_dataset.engine.fast.kinds import World
from crafter_dataset.engine.fast.rules import (
    ARROW,
    COAL,
    COLLECT_REQUIRES,
    DIAMOND,
    DO,
    GRASS,
    IRON,
    LAVA,
    NUM_ITEMS,
    PATH,
    PLANT,
    SAND,
    STONE,
    TREE,
    WALKABLE,
    WATER,
)
from crafter_dataset.engine.fast.world import PLAYER_ROW, material_at, object_at
from crafter_dataset.engine.spec import ACTIONS, ITEMS

NOOP = ACTIONS.index("noop")
PLACE_STONE = ACTIONS.index("place_stone")
FIRST_MOVE = ACTIONS.index("move_left")
STONES = ITEMS.index("stone")

STEP_X = np.array([-1, 1, 0, 0])
STEP_Y = np.array([0, 0, -1, 1])
"""Directions 0 to 3, in the order of the actions; `d ^ 1` is the opposite one."""

LOST = -1
"""Instead of an action: there is none, or none any more."""
ARRIVED = -2
"""Instead of an action: the player faces what it went for, or stands there."""

_DIGGABLE = (TREE, STONE, COAL, IRON, DIAMOND)


@kernel
def here(world: World) -> int:
    """Return the player's cell.

    Parameters
    ----------
    world : World
        State of the environment.
    """
    return np.int64(world.x[PLAYER_ROW]) * world.height + world.y[PLAYER_ROW]


@kernel
def ahead(world: World) -> int:
    """Return the cell that the player faces, -1 off the map.

    Parameters
    ----------
    world : World
        State of the environment.
    """
    x = np.int64(world.x[PLAYER_ROW]) + world.facing_x[PLAYER_ROW]
    y = np.int64(world.y[PLAYER_ROW]) + world.facing_y[PLAYER_ROW]
    if x < 0 or y < 0 or x >= world.width or y >= world.height:
        return np.int64(-1)
    return x * world.height + y


@kernel
def beside(world: World, cell: int, direction: int) -> int:
    """Return the next cell in a direction, -1 off the map or beside no cell.

    Parameters
    ----------
    world : World
        State of the environment.
    cell : int
        The cell, -1 for none.
    direction : int
        Index into `STEP_X`.
    """
    if cell < 0:
        return np.int64(-1)
    x = cell // world.height + STEP_X[direction]
    y = cell % world.height + STEP_Y[direction]
    if x < 0 or y < 0 or x >= world.width or y >= world.height:
        return np.int64(-1)
    return np.int64(x * world.height + y)


@kernel
def facing(world: World, direction: int) -> bool:
    """Tell whether the player faces a direction.

    Parameters
    ----------
    world : World
        State of the environment.
    direction : int
        Index into `STEP_X`.
    """
    return (
        world.facing_x[PLAYER_ROW] == STEP_X[direction]
        and world.facing_y[PLAYER_ROW] == STEP_Y[direction]
    )


@kernel
def is_free(world: World, cell: int) -> bool:
    """Tell whether the player, or a creature, could walk onto a cell.

    Parameters
    ----------
    world : World
        State of the environment.
    cell : int
        The cell, -1 for none.
    """
    return cell >= 0 and WALKABLE[world.materials[cell]] and world.object_at[cell] == 0


@kernel
def is_open(world: World, cell: int) -> bool:
    """Tell whether creatures could come onto a cell, now or once others have left it.

    Parameters
    ----------
    world : World
        State of the environment.
    cell : int
        The cell, -1 for none.
    """
    if cell < 0 or not WALKABLE[world.materials[cell]]:
        return False
    row = world.object_at[cell]
    return row == 0 or world.kind[row] != PLANT


@kernel
def has(world: World, item: int, amount: int) -> bool:
    """Tell whether the player has enough of an item.

    Parameters
    ----------
    world : World
        State of the environment.
    item : int
        Index into `engine.spec.ITEMS`.
    amount : int
        How much is enough.
    """
    return world.inventory[item] >= amount


@kernel
def look(world: World, memory: Memory) -> None:
    """Note what the player can dig and cross, and at which cost.

    Parameters
    ----------
    world : World
        State of the environment.
    memory : Memory
        Its `dig` and `entry` are overwritten.
    """
    for material in range(len(WALKABLE)):
        memory.dig[material] = 0
        memory.entry[material] = 1 if WALKABLE[material] else 0
    for material in _DIGGABLE:
        able = True
        for item in range(NUM_ITEMS):
            able = able and world.inventory[item] >= COLLECT_REQUIRES[material, item]
        memory.dig[material] = able
        if able:
            memory.entry[material] = 3
    if memory.by_night:
        memory.entry[GRASS] = 12
        memory.entry[SAND] = 6
        memory.entry[PATH] = 3
    if world.inventory[STONES] > 0:
        memory.entry[WATER] = 5  # a stone is placed, and collected again


@kernel
def enter(world: World, memory: Memory, direction: int) -> int:
    """Return the action that brings the player nearer to standing in the next cell.

    What is in the way is dug, bridged or hit.

    Parameters
    ----------
    world : World
        State of the environment.
    memory : Memory
        With `dig` as `look` has left it.
    direction : int
        Where the cell is, an index into `STEP_X`.

    Returns
    -------
    int
        An action, or `LOST`.
    """
    x = world.x[PLAYER_ROW] + STEP_X[direction]
    y = world.y[PLAYER_ROW] + STEP_Y[direction]
    material = material_at(world, x, y)
    row = object_at(world, x, y)
    move = FIRST_MOVE + direction
    if memory.wall == x * world.height + y + 1 and memory.wall_until > world.step:
        return LOST
    if material == LAVA or material == 0:
        return LOST
    if row:
        kind = world.kind[row]
        if kind == PLANT:
            return LOST
        return DO if facing(world, direction) and kind != ARROW else move
    if WALKABLE[material]:
        return move
    if memory.dig[material]:
        return DO if facing(world, direction) else move
    if material == WATER and world.inventory[STONES] > 0:
        return PLACE_STONE if facing(world, direction) else move
    return LOST
