"""The policy: the next action, from the whole state of a world."""

from __future__ import annotations

import numpy as np

from crafter_dataset.builder.policies.expert.danger import (
    fight_back,
    is_night,
    leads_into_lava,
    shut_out,
)
from crafter_dataset.builder.policies.expert.ground import (
    FIRST_MOVE,
    LOST,
    NOOP,
    here,
    look,
)
from crafter_dataset.builder.policies.expert.memory import Memory
from crafter_dataset.builder.policies.expert.needs import next_task, set_task, urgent
from crafter_dataset.builder.policies.expert.tasks import (
    NONE,
    RESTING,
    ROAMING,
    SAPLING,
    SKELETONS,
    SLEEPING,
    UNDERGROUND,
    act,
)
from crafter_dataset.engine.compiled.jit import kernel
from crafter_dataset.engine.fast.generator import Random, below, next_word, uniform
from crafter_dataset.engine.fast.kinds import World
from crafter_dataset.engine.fast.rules import DO, NUM_ACTIONS, SLEEP, WALKABLE
from crafter_dataset.engine.fast.world import PLAYER_ROW, inside, material_at

_TRIES = 5
_MEAN_NOISE = (4 * 4 + 3 + (NUM_ACTIONS - 5)) / NUM_ACTIONS
"""Steps that `_noise` takes an action for, in the mean: moves 1 to 7, `do` 2 to 4, others 1."""


@kernel
def choose(world: World, memory: Memory, random: Random) -> int:
    """Return the next action.

    Parameters
    ----------
    world : World
        State of the environment; only read.
    memory : Memory
        What is remembered; all zeros but for its parameters when an episode begins.
    random : Random
        The episode's own random numbers.
    """
    if not memory.begun:
        _begin(world, memory, random)
    if memory.noise > 0:
        action = _noise(memory, random)
        if action >= 0:
            return action
    if world.sleeping:
        return np.int64(NOOP)
    if here(world) == memory.still_at:
        memory.still += 1
    else:
        memory.still_at = here(world)
        memory.still = 0
    action = np.int64(fight_back(world))
    if action != LOST:
        memory.still = 0
        return action
    memory.hunts = memory.task == SKELETONS
    action = np.int64(shut_out(world, memory))
    if action != LOST:
        return action
    action = _work(world, memory, random)
    if action < 0 or leads_into_lava(world, action):
        return np.int64(NOOP)
    return action


@kernel
def _begin(world: World, memory: Memory, random: Random) -> None:
    """Draw what is the episode's own."""
    memory.begun = 1
    memory.salt = np.int64(next_word(random) >> np.uint64(33))
    memory.swords_first = below(random, 2)
    memory.hungry = 4 + below(random, 3)
    memory.thirsty = 4 + below(random, 3)
    memory.tired = 2 + below(random, 3)
    memory.hurt = 4 + below(random, 2)
    memory.idling = 0.01 + 0.04 * uniform(random)
    memory.roaming = 5 + below(random, 4)
    memory.still_at = -1
    # A few steps somewhere first, so that even the beginnings differ.
    memory.task = NONE
    x = world.x[PLAYER_ROW] + below(random, 11) - 5
    y = world.y[PLAYER_ROW] + below(random, 11) - 5
    if inside(world, x, y) and WALKABLE[material_at(world, x, y)]:
        memory.task = ROAMING
        memory.task_what = x * world.height + y


@kernel
def _noise(memory: Memory, random: Random) -> int:
    """Return a random action that is repeated for some steps, or -1 where it is none's turn."""
    if memory.noise_left > 0:
        memory.noise_left -= 1
        return np.int64(memory.noise_action)
    # Each lasts for some steps, so fewer begin.
    begins = memory.noise / (memory.noise + _MEAN_NOISE * (1 - memory.noise))
    if uniform(random) >= begins:
        return np.int64(-1)
    action = below(random, NUM_ACTIONS)
    if action == SLEEP and uniform(random) < 0.9:
        action = np.int64(NOOP)
    memory.noise_action = action
    if FIRST_MOVE <= action < FIRST_MOVE + 4:
        memory.noise_left = below(random, 7)
    elif action == DO:
        memory.noise_left = 1 + below(random, 3)
    return np.int64(action)


@kernel
def _work(world: World, memory: Memory, random: Random) -> int:
    """Return the next action of the task, or of another one if that is over."""
    if memory.shake > 0:
        memory.shake -= 1
        look(world, memory)
        return np.int64(FIRST_MOVE + below(random, 4))
    if memory.pause > 0:
        memory.pause -= 1
        return np.int64(NOOP)
    if memory.task != SLEEPING and uniform(random) < memory.idling and not is_night(world):
        memory.pause = below(random, 3)
        return np.int64(NOOP)
    need = urgent(world, memory)
    if need != NONE and need != memory.task and memory.task != SLEEPING:
        set_task(memory, need)
    stuck = memory.still > 15 and memory.task not in (SAPLING, SLEEPING, RESTING)
    if stuck or memory.task_age > 600:
        memory.barred[memory.task] = world.step + 40
        memory.shake = 3 + below(random, 4)
        memory.still = 0
        set_task(memory, NONE)
    for _ in range(_TRIES):
        if memory.task == NONE:
            need = urgent(world, memory)
            set_task(memory, need if need != NONE else next_task(world, memory, random))
        memory.by_night = UNDERGROUND[memory.task] and is_night(world)
        action = np.int64(act(world, memory, random))
        if action >= 0:
            memory.task_age += 1
            return action
        if action == LOST or memory.task_age == 0:
            memory.barred[memory.task] = world.step + (30 if action == LOST else 3)
        set_task(memory, NONE)
    return np.int64(NOOP)
