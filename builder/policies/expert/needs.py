"""Which task comes next: what cannot wait, then what is left to achieve, then a good life."""

from __future__ import annotations

import numpy as np

from crafter_dataset.builder.policies.expert.crafting import next_tool
from crafter_dataset.builder.policies.expert.danger import is_night
from crafter_dataset.builder.policies.expert.dens import is_closed
from crafter_dataset.builder.policies.expert.farming import SAPLINGS, gaps, is_ripe, my_plant
from crafter_dataset.builder.policies.expert.ground import ahead, here
from crafter_dataset.builder.policies.expert.memory import Memory
from crafter_dataset.builder.policies.expert.tasks import (
    CRAFTING,
    DIGGING_DIAMOND,
    DRINKING,
    EATING,
    FARMING,
    GATHERING,
    MINING,
    NONE,
    PLANTING,
    RESTING,
    ROAMING,
    SAPLING,
    SKELETONS,
    SLEEPING,
    STACKING,
    STOCKING,
    UNDERGROUND,
    ZOMBIES,
)
from crafter_dataset.engine.compiled.jit import kernel
from crafter_dataset.engine.fast.generator import Random, below, uniform
from crafter_dataset.engine.fast.kinds import World
from crafter_dataset.engine.fast.rules import (
    COAL,
    DEFEAT_SKELETON,
    DEFEAT_ZOMBIE,
    DRINK,
    EAT_COW,
    EAT_PLANT,
    ENERGY,
    FOOD,
    HEALTH,
    IRON,
    STONE,
    STONE_SWORD,
    TREE,
    WAKE_UP,
    WALKABLE,
    WATER,
    WOOD_SWORD,
)
from crafter_dataset.engine.spec import ACHIEVEMENTS, ITEMS

_SAPLING, _PLANT, _DRINK, _STACK, _COAL, _DIAMOND = (
    ACHIEVEMENTS.index(name)
    for name in (
        "collect_sapling", "place_plant", "collect_drink",
        "place_stone", "collect_coal", "collect_diamond",
    )
)  # fmt: skip
_WOOD_PICKAXE, _IRON_PICKAXE = ITEMS.index("wood_pickaxe"), ITEMS.index("iron_pickaxe")
_STONES = ITEMS.index("stone")
_EVENING = 124
_GATHERED = np.array([TREE, STONE, COAL, IRON])


@kernel
def set_task(memory: Memory, task: int) -> None:
    """Begin a task.

    Parameters
    ----------
    memory : Memory
        The task is written to it.
    task : int
        One of those in `tasks`.
    """
    memory.task = task
    memory.task_age = 0
    memory.way_length = 0
    memory.den_age = 0
    memory.still = 0
    memory.homed = 0


@kernel
def urgent(world: World, memory: Memory) -> int:
    """Return the task that cannot wait, `NONE` if there is none.

    Parameters
    ----------
    world : World
        State of the environment.
    memory : Memory
        Says at which levels needs are urgent.
    """
    health, food = world.inventory[HEALTH], world.inventory[FOOD]
    water, energy = world.inventory[DRINK], world.inventory[ENERGY]
    step = world.step
    night = is_night(world)
    least = min(food, water)
    front = ahead(world)
    if memory.task == DRINKING and water < 9 and front >= 0 and world.materials[front] == WATER:
        return np.int64(DRINKING)
    # One need after the other: they are rarely met in the same place.
    if memory.task == EATING and food < 8 and water > 2 and memory.barred[EATING] <= step:
        return np.int64(EATING)
    if memory.task == DRINKING and water < 9 and food > 2 and memory.barred[DRINKING] <= step:
        return np.int64(DRINKING)
    provided = least > 0 or health > 3
    if least < 4 and 100 < step % 300 < 165:
        provided = False
    if night and memory.barred[SLEEPING] <= step and provided:
        if UNDERGROUND[memory.task]:
            rested = health > 5 and energy > memory.tired
        else:
            rested = health >= 7 and energy >= 9 and is_closed(world)
        return np.int64(NONE if rested else SLEEPING)
    if water <= 2 and memory.barred[DRINKING] <= step and water <= food:
        return np.int64(DRINKING)
    if food <= 2 and memory.barred[EATING] <= step:
        return np.int64(EATING)
    if health <= memory.hurt and memory.barred[SLEEPING] <= step and water > 2 and food > 2:
        return np.int64(SLEEPING)
    if water <= memory.thirsty and memory.barred[DRINKING] <= step:
        return np.int64(DRINKING)
    if food <= memory.hungry and memory.barred[EATING] <= step:
        return np.int64(EATING)
    if memory.barred[SLEEPING] <= step and (energy <= memory.tired):
        return np.int64(SLEEPING)
    # Nights are long: they begin well fed.
    if 80 < step % 300 < 150:
        if food < 8 and memory.barred[EATING] <= step:
            return np.int64(EATING)
        if water < 8 and memory.barred[DRINKING] <= step:
            return np.int64(DRINKING)
    return np.int64(NONE)


@kernel
def _offer(memory: Memory, random: Random, step: int, task: int, count: int, best: int) -> int:
    """Draw one of the tasks offered so far: the one offered now replaces the best by chance."""
    if memory.barred[task] > step:
        return best
    return task if below(random, count) == 0 else best


@kernel
def next_task(world: World, memory: Memory, random: Random) -> int:
    """Draw the next task among those that are left and can be done now.

    Parameters
    ----------
    world : World
        State of the environment.
    memory : Memory
        Says which achievements to go for; it is told how much of the task to do.
    random : Random
        For the draw.
    """
    goals, done = memory.goals, world.achievements
    step = world.step
    health = world.inventory[HEALTH]
    if health <= 5 and memory.barred[SLEEPING] <= step and world.inventory[ENERGY] < 9:
        return np.int64(SLEEPING)
    if _EVENING < step % 300 < 150 and memory.barred[SLEEPING] <= step:
        # It is late to begin anything.
        memory.task_count = 5
        return np.int64(RESTING if is_closed(world) else SLEEPING)
    if is_night(world):
        return _night_task(world, memory, random)
    best = np.int64(NONE)
    count = 0
    if goals[_DRINK] and done[_DRINK] == 0:
        count += 1
        best = _offer(memory, random, step, np.int64(DRINKING), np.int64(count), best)
    if goals[EAT_COW] and done[EAT_COW] == 0:
        count += 1
        best = _offer(memory, random, step, np.int64(EATING), np.int64(count), best)
    if goals[_SAPLING] and done[_SAPLING] == 0:
        memory.task_count = world.inventory[SAPLINGS] + 1
        count += 1
        best = _offer(memory, random, step, np.int64(SAPLING), np.int64(count), best)
    if goals[_PLANT] and done[_PLANT] == 0 and world.inventory[SAPLINGS] > 0:
        count += 1
        best = _offer(memory, random, step, np.int64(PLANTING), np.int64(count), best)
    if next_tool(world, memory) >= 0:
        # Whoever is not armed by the evening will hardly see the morning.
        if world.inventory[STONE_SWORD] == 0 and uniform(random) < 0.6:
            best, count = np.int64(NONE), 0
        count += 1
        best = _offer(memory, random, step, np.int64(CRAFTING), np.int64(count), best)
    if world.inventory[_WOOD_PICKAXE]:
        if goals[_STACK] and done[_STACK] == 0:
            count += 1
            best = _offer(memory, random, step, np.int64(STACKING), np.int64(count), best)
            memory.task_count = max(memory.task_count, 1)
        if goals[_COAL] and done[_COAL] == 0:
            count += 1
            best = _offer(memory, random, step, np.int64(MINING), np.int64(count), best)
        if world.inventory[_STONES] < 3:
            count += 1
            best = _offer(memory, random, step, np.int64(STOCKING), np.int64(count), best)
        if goals[EAT_PLANT] and done[EAT_PLANT] == 0 and _has_farm_work(world, memory):
            count += 1
            best = _offer(memory, random, step, np.int64(FARMING), np.int64(count), best)
    if world.inventory[_IRON_PICKAXE] and goals[_DIAMOND] and done[_DIAMOND] == 0:
        count += 1
        best = _offer(memory, random, step, np.int64(DIGGING_DIAMOND), np.int64(count), best)
    armed = world.inventory[STONE_SWORD] > 0 or world.inventory[WOOD_SWORD] > 0
    if goals[DEFEAT_ZOMBIE] and done[DEFEAT_ZOMBIE] == 0 and health >= 5 and armed:
        count += 1
        best = _offer(memory, random, step, np.int64(ZOMBIES), np.int64(count), best)
    if (
        goals[DEFEAT_SKELETON] and done[DEFEAT_SKELETON] == 0
        and health >= 7 and world.inventory[STONE_SWORD] > 0
    ):  # fmt: skip
        count += 1
        best = _offer(memory, random, step, np.int64(SKELETONS), np.int64(count), best)
    if goals[WAKE_UP] and done[WAKE_UP] == 0 and world.inventory[ENERGY] < 7:
        count += 1
        best = _offer(memory, random, step, np.int64(SLEEPING), np.int64(count), best)
    if best != NONE and uniform(random) > 0.05:
        return best
    return _pastime(world, memory, random)


@kernel
def _night_task(world: World, memory: Memory, random: Random) -> int:
    """Draw what to do by night in a den, or from it through the mountain."""
    step = world.step
    best = np.int64(NONE)
    if min(world.inventory[FOOD], world.inventory[DRINK]) == 0:
        memory.task_count = 5
        return np.int64(RESTING)
    if memory.goals[_COAL] and world.achievements[_COAL] == 0:
        best = _offer(memory, random, step, np.int64(MINING), np.int64(1), best)
    if next_tool(world, memory) >= 4:
        best = _offer(memory, random, step, np.int64(CRAFTING), np.int64(1 + (best != NONE)), best)
    if (
        world.inventory[_IRON_PICKAXE]
        and memory.goals[_DIAMOND] and world.achievements[_DIAMOND] == 0
    ):  # fmt: skip
        best = _offer(
            memory, random, step, np.int64(DIGGING_DIAMOND), np.int64(1 + (best != NONE)), best
        )
    if best == NONE:
        memory.task_count = 3 + below(random, 10)
        return np.int64(RESTING)
    return best


@kernel
def _has_farm_work(world: World, memory: Memory) -> bool:
    """Tell whether there is anything to do about plants but to wait."""
    plant = my_plant(world, memory)
    return plant < 0 or gaps(world, plant) > 0 or is_ripe(world, plant)


@kernel
def _pastime(world: World, memory: Memory, random: Random) -> int:
    """Draw what to do when there is nothing to be done."""
    draw = uniform(random)
    plant = my_plant(world, memory)
    if plant >= 0:
        memory.home = plant + 1
    elif memory.home == 0:
        memory.home = here(world) + 1
    if draw < 0.15:
        memory.task_count = 2 + below(random, 12)
        return np.int64(RESTING)
    if draw < 0.35:
        memory.task_count = 1 + below(random, 3)
        memory.task_what = _GATHERED[below(random, len(_GATHERED))]
        return np.int64(GATHERING)
    if draw < 0.45 and world.inventory[_WOOD_PICKAXE] and _has_farm_work(world, memory):
        return np.int64(FARMING)
    if draw < 0.47 and world.inventory[HEALTH] >= 8:
        return np.int64(ZOMBIES)
    if draw < 0.55 and world.inventory[_STONES] > 2:
        memory.task_count = 1 + below(random, 2)
        return np.int64(STACKING)
    x, y = (memory.home - 1) // world.height, (memory.home - 1) % world.height
    for _ in range(8):
        to_x = x + below(random, 2 * memory.roaming + 1) - memory.roaming
        to_y = y + below(random, 2 * memory.roaming + 1) - memory.roaming
        if to_x < 0 or to_y < 0 or to_x >= world.width or to_y >= world.height:
            continue
        cell = to_x * world.height + to_y
        if WALKABLE[world.materials[cell]] and world.object_at[cell] == 0:
            memory.task_what = cell
            return np.int64(ROAMING)
    memory.task_count = 1
    return np.int64(RESTING)
