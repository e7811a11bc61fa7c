"""Dens: places of two cells, closed on all sides, to sleep in.

Whoever walks into a cell turns their back on where they came from, and turning
round where it is free means leaving. So a den is two cells deep: from its far
cell the player steps back to the near one, faces the entrance, and closes it.
"""

from __future__ import annotations

import numpy as np

from crafter_dataset.builder.policies.expert.ground import (
    FIRST_MOVE,
    LOST,
    PLACE_STONE,
    STONES,
    ahead,
    beside,
    enter,
    facing,
    here,
    is_free,
    is_open,
)
from crafter_dataset.builder.policies.expert.memory import Memory
from crafter_dataset.engine.compiled.jit import kernel
from crafter_dataset.engine.fast.kinds import World
from crafter_dataset.engine.fast.rules import ARROW_WALKABLE, DO, PLANT, STONE, WALKABLE


@kernel
def is_closed(world: World) -> bool:
    """Tell whether nothing can come beside the player: two cells at most are open to it.

    Parameters
    ----------
    world : World
        State of the environment.
    """
    cell = here(world)
    other = np.int64(-1)
    back = 0
    for direction in range(4):
        to = beside(world, cell, direction)
        if not _is_wall(world, to):
            if other >= 0 or world.object_at[to]:
                return False
            other, back = to, direction ^ 1
    if other < 0:
        return True
    for direction in range(4):
        if direction != back and not _is_wall(world, beside(world, other, direction)):
            return False
    return True


@kernel
def den_direction(world: World, memory: Memory, cell: int) -> int:
    """Return the direction in which a den can be dug from a cell, or -1.

    Parameters
    ----------
    world : World
        State of the environment.
    memory : Memory
        With `dig` as `look` leaves it.
    cell : int
        The cell to enter the den from.
    """
    if memory.fence[cell]:
        return np.int64(-1)
    for direction in range(4):
        near = beside(world, cell, direction)
        far = beside(world, near, direction)
        if far < 0 or not _can_be_inside(world, memory, near):
            continue
        if not _can_be_inside(world, memory, far):
            continue
        stones = world.inventory[STONES]
        stones += world.materials[near] == STONE
        stones += world.materials[far] == STONE
        if stones < 1 or not _is_wall(world, beside(world, far, direction)):
            continue
        one, two = direction ^ 2, direction ^ 3
        if (
            _is_wall(world, beside(world, near, one))
            and _is_wall(world, beside(world, near, two))
            and _is_wall(world, beside(world, far, one))
            and _is_wall(world, beside(world, far, two))
        ):
            return np.int64(direction)
    return np.int64(-1)


@kernel
def is_sound(world: World, memory: Memory) -> bool:
    """Tell whether the den still has its walls: the way to it may have led through one.

    Parameters
    ----------
    world : World
        State of the environment.
    memory : Memory
        With a den.
    """
    direction = np.int64(memory.den_direction)
    near = beside(world, np.int64(memory.den) - 1, direction)
    far = beside(world, near, direction)
    one, two = direction ^ 2, direction ^ 3
    return (
        _is_wall(world, beside(world, near, one))
        and _is_wall(world, beside(world, near, two))
        and _is_wall(world, beside(world, far, one))
        and _is_wall(world, beside(world, far, two))
        and _is_wall(world, beside(world, far, direction))
    )


@kernel
def _can_be_inside(world: World, memory: Memory, cell: int) -> bool:
    """Tell whether a cell is free, or can be dug and was not put there to fence a plant."""
    if world.object_at[cell] or memory.fence[cell]:
        return False
    if memory.wall == cell + 1 and memory.wall_until > world.step:
        return False
    material = world.materials[cell]
    return WALKABLE[material] or memory.dig[material] != 0


@kernel
def _is_wall(world: World, cell: int) -> bool:
    """Tell whether nothing comes through a cell: no creature, and no arrow, as over water."""
    if cell < 0 or not ARROW_WALKABLE[world.materials[cell]]:
        return True
    return world.kind[world.object_at[cell]] == PLANT and world.object_at[cell] != 0


@kernel
def move_in(world: World, memory: Memory) -> int:
    """Return the next action to get into the den and close it, from its entrance on.

    Parameters
    ----------
    world : World
        State of the environment.
    memory : Memory
        With a den.

    Returns
    -------
    int
        An action, or `LOST` if the player is not there or cannot.
    """
    direction = np.int64(memory.den_direction)
    entrance = np.int64(memory.den) - 1
    near = beside(world, entrance, direction)
    far = beside(world, near, direction)
    cell = here(world)
    if cell == entrance:
        return enter(world, memory, direction)
    if cell == far:
        if is_free(world, ahead(world)) and facing(world, direction):
            return PLACE_STONE if world.inventory[STONES] > 0 else LOST
        return FIRST_MOVE + (direction ^ 1)
    if cell != near:
        return LOST
    if not facing(world, direction ^ 1):
        return enter(world, memory, direction)
    if world.object_at[entrance]:
        return DO
    if not is_open(world, entrance):
        return LOST
    return PLACE_STONE if world.inventory[STONES] > 0 else LOST
