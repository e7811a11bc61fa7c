"""Ways: the cheapest to the nearest of what is sought, and how to follow one.

A search is Dijkstra's with a queue for each cost. What entering a cell costs
depends on that cell alone, so whichever way reaches it first is the cheapest:
each cell is queued once, in lists that link the cells themselves.
"""

from __future__ import annotations

import numpy as np

from crafter_dataset.builder.policies.expert.dens import den_direction
from crafter_dataset.builder.policies.expert.ground import (
    ARRIVED,
    FIRST_MOVE,
    LOST,
    STEP_X,
    STEP_Y,
    enter,
    facing,
    here,
    look,
)
from crafter_dataset.builder.policies.expert.memory import BUCKETS, WAY, Memory
from crafter_dataset.engine.compiled.jit import kernel
from crafter_dataset.engine.fast.generator import Random, below
from crafter_dataset.engine.fast.kinds import World
from crafter_dataset.engine.fast.rules import DO, PLANT, SKELETON, WALKABLE, ZOMBIE
from crafter_dataset.engine.fast.world import PLAYER_ROW

ALL, MATERIAL, OBJECT, CELL, SPOT, DEN = range(6)
"""What is sought: nothing, to know all costs; to face a material, a kind of object or a
cell; to stand in a cell, or where a den can be dug."""

FAR = 1 << 20
_MOST_CELLS = 6000
_SIGHT = 12
_NIGHT_LIMIT = 70


@kernel
def search(world: World, memory: Memory, random: Random, kind: int, what: int, limit: int) -> int:
    """Find the nearest of what is sought.

    Parameters
    ----------
    world : World
        State of the environment.
    memory : Memory
        Costs and directions of what was seen on the way are written to it.
    random : Random
        Which of equally good ways is found is drawn.
    kind, what : int
        What is sought: such as `MATERIAL` and its id.
    limit : int
        Cost at which to give up.

    Returns
    -------
    int
        The cell, or -1.
    """
    look(world, memory)
    memory.searches += 1
    number = memory.searches
    _mark_enemies(world, memory)
    if memory.by_night:
        limit = min(limit, _NIGHT_LIMIT)
    if 0 < memory.sight < limit:
        limit = memory.sight
    height = np.int64(world.height)
    heads, following, seen = memory.heads, memory.following, memory.seen
    cost, came = memory.cost, memory.came
    for bucket in range(BUCKETS):
        heads[bucket] = -1
    start = here(world)
    seen[start] = number
    cost[start] = 0
    came[start] = 4
    following[start] = -1
    heads[0] = start
    first = below(random, 4)
    level = empty = popped = 0
    while level <= limit and empty < BUCKETS and popped < _MOST_CELLS:
        cell = np.int64(heads[level & (BUCKETS - 1)])
        if cell < 0:
            level += 1
            empty += 1
            continue
        heads[level & (BUCKETS - 1)] = following[cell]
        empty = 0
        popped += 1
        x = cell // height
        y = cell - x * height
        if kind == SPOT and cell == what:
            return cell
        if kind == DEN and memory.near_enemy[cell] != number:
            direction = den_direction(world, memory, cell)
            if direction >= 0:
                memory.den = cell + 1
                memory.den_direction = direction
                return cell
        for turn in range(4):
            direction = (first + turn) & 3
            to_x = x + STEP_X[direction]
            to_y = y + STEP_Y[direction]
            if to_x < 0 or to_y < 0 or to_x >= world.width or to_y >= height:
                continue
            to = np.int64(to_x * height + to_y)
            if seen[to] == number:
                continue
            price = np.int64(memory.entry[world.materials[to]])
            found = _is_sought(world, memory, kind, what, to)
            if not found:
                if price == 0:
                    continue
                price += _surcharge(world, memory, to)
                if price >= BUCKETS:
                    continue
            seen[to] = number
            came[to] = direction
            cost[to] = level + price
            if found:
                return to
            bucket = (level + price) & (BUCKETS - 1)
            following[to] = heads[bucket]
            heads[bucket] = to
    return np.int64(-1)


@kernel
def _is_sought(world: World, memory: Memory, kind: int, what: int, cell: int) -> bool:
    """Tell whether facing a cell is what is sought."""
    if kind == MATERIAL:
        return (
            world.materials[cell] == what and world.object_at[cell] == 0 and not memory.fence[cell]
        )
    if kind == OBJECT:
        row = world.object_at[cell]
        return row != 0 and world.kind[row] == what
    return kind == CELL and cell == what


@kernel
def _surcharge(world: World, memory: Memory, cell: int) -> int:
    """Return what entering a cell costs beyond its material: trouble, and taste."""
    price = np.int64(0)
    if memory.wall == cell + 1 and memory.wall_until > world.step:
        return np.int64(BUCKETS)
    row = world.object_at[cell]
    if row:
        if world.kind[row] == PLANT:
            return np.int64(BUCKETS)
        price += 5
    if memory.near_enemy[cell] == memory.searches:
        price += 5
    if memory.fence[cell] and not WALKABLE[world.materials[cell]]:
        price += 14
    # Uneven ground that is the episode's own leads each along other ways.
    mixed = (cell + memory.salt) * 2654435761
    return price + (mixed >> 13) % 3


@kernel
def _mark_enemies(world: World, memory: Memory) -> None:
    """Mark the cells about creatures that hurt, if these are near."""
    x, y = world.x[PLAYER_ROW], world.y[PLAYER_ROW]
    for row in range(PLAYER_ROW + 1, world.objects):
        kind = world.kind[row]
        if kind != ZOMBIE and kind != SKELETON:
            continue
        if abs(world.x[row] - x) + abs(world.y[row] - y) > _SIGHT:
            continue
        reach = 2 if kind == ZOMBIE else 4
        for i in range(max(world.x[row] - reach, 0), min(world.x[row] + reach + 1, world.width)):
            for j in range(
                max(world.y[row] - reach, 0), min(world.y[row] + reach + 1, world.height)
            ):
                memory.near_enemy[i * world.height + j] = memory.searches


@kernel
def keep_way(world: World, memory: Memory, kind: int, what: int, cell: int) -> None:
    """Remember the way to a cell that the last search has seen.

    Parameters
    ----------
    world : World
        State of the environment.
    memory : Memory
        The way is written to it.
    kind, what : int
        What was sought.
    cell : int
        The way's last cell.
    """
    height = np.int64(world.height)
    length = 0
    at = cell
    while memory.came[at] < 4 and length < len(memory.seen):
        direction = memory.came[at]
        at -= STEP_X[direction] * height + STEP_Y[direction]
        length += 1
    at = cell
    for i in range(length - 1, -1, -1):
        if i < WAY:
            memory.way[i] = at
        direction = memory.came[at]
        at -= STEP_X[direction] * height + STEP_Y[direction]
    memory.way_kind = kind
    memory.way_what = what
    memory.way_length = min(length, WAY)
    memory.way_at = 0
    memory.way_age = 0


@kernel
def follow(world: World, memory: Memory) -> int:
    """Return the next action along the way.

    Parameters
    ----------
    world : World
        State of the environment.
    memory : Memory
        Its way is gone along.

    Returns
    -------
    int
        An action, `ARRIVED` at its end, or `LOST` if the player has left it or it is blocked.
    """
    cell = here(world)
    faces = memory.way_kind != SPOT and memory.way_kind != DEN
    if memory.way_at < memory.way_length and memory.way[memory.way_at] == cell:
        memory.way_at += 1
    if memory.way_at >= memory.way_length:
        return LOST if faces else ARRIVED
    to = np.int64(memory.way[memory.way_at])
    x = to // world.height - world.x[PLAYER_ROW]
    y = to % world.height - world.y[PLAYER_ROW]
    if abs(x) + abs(y) != 1:
        return LOST
    direction = (1 if x > 0 else 0) if x else (3 if y > 0 else 2)
    if faces and memory.way_at == memory.way_length - 1 and to_is_end(memory, world, to):
        return ARRIVED if facing(world, direction) else FIRST_MOVE + direction
    return enter(world, memory, direction)


@kernel
def to_is_end(memory: Memory, world: World, cell: int) -> bool:
    """Tell whether a cell is what the way leads to, and not where it was cut off.

    Parameters
    ----------
    memory : Memory
        With a way.
    world : World
        State of the environment.
    cell : int
        The way's last cell.
    """
    return _is_sought(world, memory, memory.way_kind, memory.way_what, cell)


@kernel
def go(world: World, memory: Memory, random: Random, kind: int, what: int, limit: int) -> int:
    """Return the next action toward the nearest of what is sought.

    Parameters
    ----------
    world : World
        State of the environment.
    memory : Memory
        The way is kept in it.
    random : Random
        For the choice among equals.
    kind, what : int
        What is sought: such as `MATERIAL` and its id.
    limit : int
        Cost at which to give up.

    Returns
    -------
    int
        An action, `ARRIVED`, or `LOST` if there is no way.
    """
    # Literal arguments would have all that follows compiled again for each.
    return _go(world, memory, random, np.int64(kind), np.int64(what), np.int64(limit))


@kernel
def go_do(world: World, memory: Memory, random: Random, kind: int, what: int, limit: int) -> int:
    """Return the next action to `do` something to the nearest of what is sought.

    Parameters
    ----------
    world : World
        State of the environment.
    memory : Memory
        The way is kept in it.
    random : Random
        For the choice among equals.
    kind, what : int
        What is sought: such as `MATERIAL` and its id.
    limit : int
        Cost at which to give up.

    Returns
    -------
    int
        An action, or `LOST` if there is no way.
    """
    step = go(world, memory, random, kind, what, limit)
    return DO if step == ARRIVED else step


@kernel
def _go(world: World, memory: Memory, random: Random, kind: int, what: int, limit: int) -> int:
    """Do what `go` does."""
    if memory.way_kind == kind and memory.way_what == what and memory.way_length > 0:
        left = memory.way_length - memory.way_at
        keep = left > 0
        if keep and kind == MATERIAL:
            keep = memory.way_length == WAY or _is_sought(
                world, memory, kind, what, memory.way[memory.way_length - 1]
            )
        if keep and kind == OBJECT:
            # Creatures move: no hurry to look again while they are far.
            keep = memory.way_age < (4 if left < 8 else 12) and (
                left > 2 or _is_sought(world, memory, kind, what, memory.way[memory.way_length - 1])
            )
        if keep or (kind == SPOT and here(world) == what) or kind == DEN:
            memory.way_age += 1
            look(world, memory)
            action = follow(world, memory)
            if action != LOST:
                return action
    cell = search(world, memory, random, kind, what, limit)
    memory.way_length = 0
    if cell < 0:
        return LOST
    keep_way(world, memory, kind, what, cell)
    return follow(world, memory)
