"""Plants: where they are, and the stones that keep creatures from them."""

from __future__ import annotations

import numpy as np

from crafter_dataset.builder.policies.expert.ground import (
    ARRIVED,
    FIRST_MOVE,
    LOST,
    NOOP,
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
from crafter_dataset.builder.policies.expert.memory import PLANTS, Memory
from crafter_dataset.builder.policies.expert.ways import (
    ALL,
    CELL,
    FAR,
    MATERIAL,
    SPOT,
    follow,
    go,
    go_do,
    keep_way,
    search,
)
from crafter_dataset.engine.compiled.jit import kernel
from crafter_dataset.engine.fast.generator import Random
from crafter_dataset.engine.fast.kinds import World
from crafter_dataset.engine.fast.rules import DO, GRASS, LAVA, PLANT, RIPE, STONE, WATER
from crafter_dataset.engine.fast.world import PLAYER_ROW
from crafter_dataset.engine.spec import ACTIONS, ITEMS

PLACE_PLANT = ACTIONS.index("place_plant")
SAPLINGS = ITEMS.index("sapling")

_NEAR = 30


@kernel
def my_plant(world: World, memory: Memory) -> int:
    """Return the cell of the nearest of the plants remembered, -1 for none; forget those lost.

    Parameters
    ----------
    world : World
        State of the environment.
    memory : Memory
        Its plants are looked after.
    """
    best, nearest = np.int64(-1), 1 << 30
    for i in range(PLANTS):
        cell = np.int64(memory.plants[i]) - 1
        if cell < 0:
            continue
        row = world.object_at[cell]
        if row == 0 or world.kind[row] != PLANT:
            memory.plants[i] = 0
            for direction in range(4):
                to = beside(world, cell, direction)
                if to >= 0:
                    memory.fence[to] = 0
            continue
        distance = abs(world.x[row] - world.x[PLAYER_ROW])
        distance += abs(world.y[row] - world.y[PLAYER_ROW])
        if distance < nearest:
            best, nearest = cell, distance
    return best


@kernel
def is_ripe(world: World, cell: int) -> bool:
    """Tell whether the plant in a cell can be eaten.

    Parameters
    ----------
    world : World
        State of the environment.
    cell : int
        A plant's cell.
    """
    return world.timer[world.object_at[cell]] > RIPE


@kernel
def gaps(world: World, cell: int) -> int:
    """Return how many cells beside a plant are open to creatures.

    Parameters
    ----------
    world : World
        State of the environment.
    cell : int
        A plant's cell.
    """
    count = 0
    for direction in range(4):
        count += is_open(world, beside(world, cell, direction))
    return count


@kernel
def remember_plant(world: World, memory: Memory) -> None:
    """Note that a sapling is about to be placed in front of the player.

    Parameters
    ----------
    world : World
        State of the environment.
    memory : Memory
        The plant is noted in it.
    """
    cell = ahead(world)
    slot = 0
    for i in range(PLANTS):
        if memory.plants[i] == 0:
            slot = i
    memory.plants[slot] = cell + 1
    for direction in range(4):
        to = beside(world, cell, direction)
        if to >= 0:
            memory.fence[to] = 1


@kernel
def plant_here(world: World, memory: Memory, random: Random) -> int:
    """Return the next action to place a sapling on grass near the player.

    Parameters
    ----------
    world : World
        State of the environment.
    memory : Memory
        What is remembered.
    random : Random
        For the choice among equals.
    """
    front = ahead(world)
    if is_free(world, front) and world.materials[front] == GRASS and _is_good(world, front):
        remember_plant(world, memory)
        return PLACE_PLANT
    step = go(world, memory, random, MATERIAL, GRASS, FAR)
    return FIRST_MOVE + _direction(world) if step == ARRIVED else step


@kernel
def _direction(world: World) -> int:
    """Return the direction that the player faces."""
    for direction in range(4):
        if facing(world, direction):
            return direction
    return 0


@kernel
def _is_good(world: World, cell: int) -> bool:
    """Tell whether a plant in a cell could be fenced: no lava beside it, and no plant."""
    for direction in range(4):
        to = beside(world, cell, direction)
        if to < 0:
            return False
        if world.materials[to] == LAVA:
            return False
        row = world.object_at[to]
        if row and world.kind[row] == PLANT:
            return False
    return True


@kernel
def fence_in(world: World, memory: Memory, random: Random, plant: int) -> int:
    """Return the next action to close the gaps about a plant with stones.

    Parameters
    ----------
    world : World
        State of the environment.
    memory : Memory
        What is remembered.
    random : Random
        For the choice among equals.
    plant : int
        The plant's cell.

    Returns
    -------
    int
        An action, `ARRIVED` if it is fenced, or `LOST` if that cannot be done.
    """
    if gaps(world, plant) == 0:
        return ARRIVED
    if world.inventory[STONES] == 0:
        return go_do(world, memory, random, MATERIAL, STONE, FAR)
    x, y = plant // world.height, plant % world.height
    if abs(x - world.x[PLAYER_ROW]) + abs(y - world.y[PLAYER_ROW]) > 8:
        return go(world, memory, random, CELL, plant, FAR)
    front = ahead(world)
    cell = here(world)
    best = np.int64(-1)
    # Go on with the way to where a gap is faced from.
    for direction in range(4):
        gap = beside(world, plant, direction)
        if gap == front and is_open(world, gap):
            return PLACE_STONE if world.object_at[gap] == 0 else DO
    if memory.way_kind == SPOT and memory.way_what == -2 and memory.way_at < memory.way_length:
        step = follow(world, memory)
        if step != LOST and step != ARRIVED:
            return step
    search(world, memory, random, np.int64(ALL), np.int64(0), np.int64(_NEAR))
    lowest = 1 << 30
    into = 0
    for side in range(4):
        gap = beside(world, plant, side)
        if not is_open(world, gap) or (gap == cell and gaps(world, plant) > 1):
            continue
        for direction in range(4):
            stand = beside(world, gap, direction ^ 1)
            if stand < 0 or stand == plant:
                continue
            if world.object_at[gap] and stand == cell:
                return FIRST_MOVE + direction  # it turns, since the gap is taken
            start = beside(world, stand, direction ^ 1)
            if start < 0 or start == plant or memory.seen[start] != memory.searches:
                continue
            if stand != cell and not is_free(world, stand):
                continue
            price = memory.cost[start]
            if price < lowest:
                lowest, best, into = price, start, direction
    if best < 0:
        return LOST
    if best == cell:
        memory.way_length = 0
        return enter(world, memory, into)
    keep_way(world, memory, np.int64(SPOT), np.int64(-2), best)
    return follow(world, memory)


@kernel
def farm(world: World, memory: Memory, random: Random) -> int:
    """Return the next action to have a plant, fenced, and to eat it once it is ripe.

    Parameters
    ----------
    world : World
        State of the environment.
    memory : Memory
        What is remembered.
    random : Random
        For what may be done either way.

    Returns
    -------
    int
        An action, `ARRIVED` if the plant is fenced and not ripe, or `LOST`.
    """
    plant = my_plant(world, memory)
    if plant >= 0:
        if is_ripe(world, plant):
            return go_do(world, memory, random, CELL, plant, FAR)
        return fence_in(world, memory, random, plant)
    if world.inventory[SAPLINGS] == 0:
        return seek_sapling(world, memory, random)
    if world.inventory[STONES] < 4:
        return go_do(world, memory, random, MATERIAL, STONE, FAR)
    return plant_here(world, memory, random)


@kernel
def seek_sapling(world: World, memory: Memory, random: Random) -> int:
    """Return the next action to get a sapling: grass gives one now and then.

    Parameters
    ----------
    world : World
        State of the environment.
    memory : Memory
        What is remembered.
    random : Random
        For the choice among equals.
    """
    front = ahead(world)
    if is_free(world, front) and world.materials[front] == GRASS:
        return DO
    step = go(world, memory, random, MATERIAL, GRASS, FAR)
    return FIRST_MOVE + _direction(world) if step == ARRIVED else step


@kernel
def drink(world: World, memory: Memory, random: Random) -> int:
    """Return the next action to drink.

    Parameters
    ----------
    world : World
        State of the environment.
    memory : Memory
        What is remembered.
    random : Random
        For the choice among equals.
    """
    return go_do(world, memory, random, MATERIAL, WATER, FAR)


assert NOOP == 0
