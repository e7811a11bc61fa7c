"""Tasks: what the player is at, and the next action of each."""

from __future__ import annotations

import numpy as np

from crafter_dataset.builder.policies.expert.crafting import craft, place_here
from crafter_dataset.builder.policies.expert.danger import distance_to, is_night
from crafter_dataset.builder.policies.expert.dens import is_closed, is_sound, move_in
from crafter_dataset.builder.policies.expert.farming import (
    SAPLINGS,
    drink,
    farm,
    is_ripe,
    my_plant,
    plant_here,
    seek_sapling,
)
from crafter_dataset.builder.policies.expert.ground import (
    ARRIVED,
    LOST,
    NOOP,
    PLACE_STONE,
    STONES,
)
from crafter_dataset.builder.policies.expert.memory import Memory
from crafter_dataset.builder.policies.expert.ways import (
    CELL,
    DEN,
    FAR,
    MATERIAL,
    OBJECT,
    SPOT,
    go,
    go_do,
)
from crafter_dataset.engine.compiled.jit import kernel
from crafter_dataset.engine.fast.generator import Random
from crafter_dataset.engine.fast.kinds import World
from crafter_dataset.engine.fast.rules import (
    COAL,
    COW,
    DIAMOND,
    DO,
    DRINK,
    ENERGY,
    FOOD,
    HEALTH,
    SKELETON,
    SLEEP,
    STONE,
    ZOMBIE,
)
from crafter_dataset.engine.fast.world import PLAYER_ROW

(
    NONE, DRINKING, EATING, SLEEPING, SAPLING, PLANTING, CRAFTING, STACKING, MINING,
    DIGGING_DIAMOND, ZOMBIES, SKELETONS, FARMING, ROAMING, GATHERING, RESTING,
    STOCKING,
) = range(17)  # fmt: skip

_HUNT = 150
UNDERGROUND = np.array([t in (CRAFTING, MINING, DIGGING_DIAMOND, GATHERING) for t in range(17)])
"""Tasks that can be done by night, inside mountains."""

_DEN_NEAR = 120


@kernel
def act(world: World, memory: Memory, random: Random) -> int:
    """Return the next action of the task.

    Parameters
    ----------
    world : World
        State of the environment.
    memory : Memory
        With a task.
    random : Random
        For what may be done either way.

    Returns
    -------
    int
        An action, `ARRIVED` if the task is done, `LOST` if it cannot be done now.
    """
    task = memory.task
    if task == DRINKING:
        return ARRIVED if world.inventory[DRINK] >= 9 else drink(world, memory, random)
    if task == EATING:
        return ARRIVED if world.inventory[FOOD] >= 8 else _eat(world, memory, random)
    if task == SLEEPING:
        return _sleep(world, memory, random)
    if task == SAPLING:
        if world.inventory[SAPLINGS] >= memory.task_count:
            return np.int64(ARRIVED)
        return seek_sapling(world, memory, random)
    if task == PLANTING:
        if world.inventory[SAPLINGS] == 0:
            return np.int64(ARRIVED)
        return plant_here(world, memory, random)
    if task == CRAFTING:
        return craft(world, memory, random)
    if task == STACKING:
        if memory.task_count == 0:
            return np.int64(ARRIVED)
        if world.inventory[STONES] == 0:
            return _collect(world, memory, random, STONE, FAR)
        action = place_here(world, memory, random, PLACE_STONE)
        memory.task_count -= action == PLACE_STONE
        return action
    if task == STOCKING:
        if world.inventory[STONES] >= 6:
            return np.int64(ARRIVED)
        return _collect(world, memory, random, STONE, FAR)
    if task == MINING:
        return _collect(world, memory, random, COAL, FAR)
    if task == DIGGING_DIAMOND:
        return _collect(world, memory, random, DIAMOND, FAR)
    if task == ZOMBIES:
        return _hunt(world, memory, random, ZOMBIE)
    if task == SKELETONS:
        return _hunt(world, memory, random, SKELETON)
    if task == FARMING:
        return farm(world, memory, random)
    if task == ROAMING:
        return go(world, memory, random, SPOT, np.int64(memory.task_what), FAR)
    if task == GATHERING:
        if memory.task_count == 0:
            return np.int64(ARRIVED)
        action = _collect(world, memory, random, np.int64(memory.task_what), 40)
        memory.task_count -= action == DO
        return action
    if task == RESTING:
        memory.task_count -= 1
        return NOOP if memory.task_count >= 0 else ARRIVED
    return np.int64(LOST)


@kernel
def _collect(world: World, memory: Memory, random: Random, material: int, limit: int) -> int:
    """Return the next action to collect a material."""
    return go_do(world, memory, random, MATERIAL, material, limit)


@kernel
def _hunt(world: World, memory: Memory, random: Random, kind: int) -> int:
    """Return the next action to hit the nearest creature of a kind."""
    return go_do(world, memory, random, OBJECT, kind, _HUNT)


@kernel
def _eat(world: World, memory: Memory, random: Random) -> int:
    """Return the next action to eat: a ripe plant if there is one near, else a cow."""
    plant = my_plant(world, memory)
    if plant >= 0 and is_ripe(world, plant):
        step = go_do(world, memory, random, CELL, plant, 60)
        if step != LOST:
            return step
    return go_do(world, memory, random, OBJECT, COW, FAR)


@kernel
def _sleep(world: World, memory: Memory, random: Random) -> int:
    """Return the next action to rest in a den until there is no reason to any more."""
    energy, health = world.inventory[ENERGY], world.inventory[HEALTH]
    closed = is_closed(world)
    if closed:
        if energy < 9 and (energy < 7 or health < 7 or is_night(world)):
            return np.int64(SLEEP)
        least = min(world.inventory[FOOD], world.inventory[DRINK])
        if is_night(world) or world.step % 300 > 124:
            leave = health >= 7 or (least == 0 and health <= 3)
        else:
            leave = health >= 6 or least < 3
        if leave:
            return np.int64(ARRIVED)
        return np.int64(NOOP)
    if memory.den_age > 0 and not is_sound(world, memory):
        memory.den_age = 0
        memory.way_length = 0
    if memory.den_age == 0:
        plant = my_plant(world, memory)
        if plant >= 0 and health > 5 and not memory.homed and 100 < world.step % 300 < 160:
            # Plants grow only while the player is near, and nights are long.
            x = plant // world.height - world.x[PLAYER_ROW]
            y = plant % world.height - world.y[PLAYER_ROW]
            if 10 < abs(x) + abs(y) < 40:
                step = go(world, memory, random, CELL, plant, FAR)
                if step >= 0:
                    return step
            memory.homed = 1
        step = go(world, memory, random, DEN, 0, _DEN_NEAR)
        if step != LOST and step != ARRIVED:
            return step
        memory.den_age = step == ARRIVED
        memory.way_length = 0
    if memory.den_age > 0:
        memory.den_age += 1
        step = LOST if memory.den_age > 14 else move_in(world, memory)
        if step != LOST:
            return step
        memory.den_age = 0
    # There is nowhere to dig: in the open, if it must be.
    if energy <= 1 and not is_night(world) and distance_to(world, ZOMBIE) > 8:
        return np.int64(SLEEP)
    return np.int64(LOST)
