"""What comes before every plan: enemies beside the player."""

from __future__ import annotations

import numpy as np

from crafter_dataset.builder.policies.expert.ground import (
    FIRST_MOVE,
    LOST,
    PLACE_STONE,
    STEP_X,
    STEP_Y,
    STONES,
    ahead,
    beside,
    facing,
    here,
)
from crafter_dataset.builder.policies.expert.memory import Memory
from crafter_dataset.engine.compiled.jit import kernel
from crafter_dataset.engine.fast.kinds import World
from crafter_dataset.engine.fast.rules import (
    ARROW,
    ARROW_WALKABLE,
    DO,
    HEALTH,
    LAVA,
    SKELETON,
    ZOMBIE,
)
from crafter_dataset.engine.fast.world import PLAYER_ROW, material_at, object_at

_DAY, _DAWN, _MORNING = 300, 8, 30


@kernel
def fight_back(world: World) -> int:
    """Return the action against an enemy beside the player, `LOST` if there is none.

    Parameters
    ----------
    world : World
        State of the environment.
    """
    turn = np.int64(LOST)
    for direction in range(4):
        x = world.x[PLAYER_ROW] + STEP_X[direction]
        y = world.y[PLAYER_ROW] + STEP_Y[direction]
        row = object_at(world, x, y)
        if row == 0:
            continue
        if world.kind[row] == ZOMBIE or world.kind[row] == SKELETON:
            if facing(world, direction):
                return np.int64(DO)
            cell = beside(world, here(world), direction)
            if world.materials[cell] != LAVA:
                turn = np.int64(FIRST_MOVE + direction)
    return turn


@kernel
def shut_out(world: World, memory: Memory) -> int:
    """Return the action that puts a stone between the player and an enemy, `LOST` if none does.

    Parameters
    ----------
    world : World
        State of the environment.
    memory : Memory
        The stone is noted in it.
    """
    front = ahead(world)
    if world.inventory[STONES] == 0 or front < 0 or world.object_at[front]:
        return np.int64(LOST)
    if not ARROW_WALKABLE[world.materials[front]]:
        return np.int64(LOST)
    for distance in range(2, 6):
        x = world.x[PLAYER_ROW] + distance * world.facing_x[PLAYER_ROW]
        y = world.y[PLAYER_ROW] + distance * world.facing_y[PLAYER_ROW]
        kind = world.kind[object_at(world, x, y)]
        weak = world.inventory[HEALTH] <= 5
        if kind == ZOMBIE and distance < 4:
            shut = weak or is_night(world)
        else:
            shut = kind in (SKELETON, ARROW) and (weak or not memory.hunts)
        if shut:
            memory.wall = front + 1
            memory.wall_until = world.step + 15
            memory.way_length = 0
            memory.den_age = 0
            return np.int64(PLACE_STONE)
        if kind or not ARROW_WALKABLE[material_at(world, x, y)]:
            return np.int64(LOST)
    return np.int64(LOST)


@kernel
def is_night(world: World) -> bool:
    """Tell whether grass is full of zombies: in the dark, and until they have left at dawn.

    Parameters
    ----------
    world : World
        State of the environment.
    """
    if world.daylight < 0.6:
        return True
    hour = world.step % _DAY
    if world.step < _DAY / 2 or _MORNING <= hour < _DAY / 2:
        return False
    return hour < _DAWN or hour >= _DAY / 2 or distance_to(world, ZOMBIE) <= 12


@kernel
def distance_to(world: World, kind: int) -> int:
    """Return how far the nearest creature of a kind is, a large number if there is none.

    Parameters
    ----------
    world : World
        State of the environment.
    kind : int
        Kind of the object.
    """
    nearest = np.int64(1 << 30)
    for row in range(PLAYER_ROW + 1, world.objects):
        if world.kind[row] == kind:
            distance = abs(world.x[row] - world.x[PLAYER_ROW])
            distance += abs(world.y[row] - world.y[PLAYER_ROW])
            nearest = min(nearest, np.int64(distance))
    return nearest


@kernel
def leads_into_lava(world: World, action: int) -> bool:
    """Tell whether an action is a move onto lava.

    Parameters
    ----------
    world : World
        State of the environment.
    action : int
        Index into `engine.spec.ACTIONS`.
    """
    if action < FIRST_MOVE or action >= FIRST_MOVE + 4:
        return False
    to = beside(world, here(world), action - FIRST_MOVE)
    return to >= 0 and world.materials[to] == LAVA
