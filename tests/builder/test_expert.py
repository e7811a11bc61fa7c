"""The policy that sees the whole world: what it achieves, and what it leaves alone."""

from __future__ import annotations

import subprocess
import sys

import numba
import numpy as np
import pytest

from crafter_dataset.builder.policies.expert import PRESETS
from crafter_dataset.builder.policies.expert.choose import choose
from crafter_dataset.builder.policies.expert.memory import memory_dtype
from crafter_dataset.engine.fast.generator import random_of
from crafter_dataset.engine.fast.step import reset, step
from crafter_dataset.engine.fast.world import cells_for, world_dtype
from crafter_dataset.engine.fast.worldgen import make_scratch
from crafter_dataset.engine.seeding import policy_generator, world_seed
from crafter_dataset.engine.spec import ACTIONS

LENGTH = 2000


@numba.njit
def _play(worlds, memories, random, daylights, scratch, seed, actions):
    world, memory = worlds[0], memories[0]
    reset(world, seed, daylights, scratch)
    taken = 0
    while world.ended == 0 and taken < len(actions):
        actions[taken] = choose(world, memory, random)
        step(world, actions[taken], daylights)
        taken += 1
    return taken


@numba.njit
def _choose(worlds, memories, random):
    return choose(worlds[0], memories[0], random)


def memory_of(area, preset="expert"):
    memories = np.zeros(1, memory_dtype(cells_for(area)))
    memories["goals"] = 1
    for name, value in PRESETS[preset].items():
        memories[name] = value
    return memories


def world_of(area, view=9):
    worlds = np.zeros(1, world_dtype(cells_for(area)))
    worlds["width"], worlds["height"] = area
    worlds["reach"], worlds["length"] = 2 * view, LENGTH
    return worlds


def play(episode, area=(64, 64), view=9, preset="expert", length=LENGTH):
    """Play an episode of seed 5, and return its actions and its world."""
    worlds, memories = world_of(area, view), memory_of(area, preset)
    progress = np.arange(LENGTH + 1) / 300 % 1 + 0.3
    daylights = 1 - np.abs(np.cos(np.pi * progress)) ** 3
    actions = np.zeros(length, np.int64)
    random = random_of(policy_generator(5, episode))
    taken = _play(
        worlds, memories, random, daylights, make_scratch(area), world_seed(5, episode), actions
    )
    return actions[:taken], worlds


def test_achieves_most():
    achieved = [np.count_nonzero(play(episode)[1]["achievements"]) for episode in range(6)]
    assert np.mean(achieved) > 15


def test_same_random_numbers_give_same_actions():
    np.testing.assert_array_equal(play(1)[0], play(1)[0])


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize(("area", "view"), [((8, 8), 9), ((1, 5), 3), ((16, 11), 5)])
def test_plays_in_any_world(area, view, preset):
    for episode in range(4):
        actions, _ = play(episode, area, view, preset)
        assert ((actions >= 0) & (actions < len(ACTIONS))).all()


def test_leaves_the_world_alone():
    _, worlds = play(2, length=100)
    before, memories = worlds.copy(), memory_of((64, 64))
    random = random_of(policy_generator(5, 2))
    for _ in range(50):
        _choose(worlds, memories, random)
    assert worlds.tobytes() == before.tobytes()


def test_weaker_presets_achieve_less():
    def mean(preset):
        return np.mean(
            [np.count_nonzero(play(e, preset=preset)[1]["achievements"]) for e in range(12)]
        )

    assert 1 < mean("novice") < mean("medium") < mean("expert")


def test_importing_the_presets_needs_no_numba():
    code = "import sys, crafter_dataset.builder.policies.expert; assert 'numba' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
