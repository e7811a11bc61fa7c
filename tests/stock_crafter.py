"""Stock Crafter stepped by hand: the reference that everything is held to.

It shares no code with the package's environments; the chunk sets are made
ordered by replacing the dictionary of sets after each reset of the world.
"""

from __future__ import annotations

import collections

import crafter
import numpy as np


class _Ordered:
    def __init__(self):
        self._items = []

    def add(self, item):
        self._items.append(item)

    def remove(self, item):
        self._items = [other for other in self._items if other is not item]

    def __iter__(self):
        return iter(self._items)

    def __len__(self):
        return len(self._items)


def stock_env(seed: int, **settings) -> crafter.Env:
    """Make a stock environment whose chunk sets are ordered."""
    env = crafter.Env(seed=seed, **settings)
    world = env._world
    reset = world.reset

    def ordered_reset(seed=None):
        reset(seed)
        world._chunks = collections.defaultdict(_Ordered)

    world.reset = ordered_reset
    return env


def play(env: crafter.Env, actions) -> dict[str, np.ndarray]:
    """Reset and step a stock environment, and lay out what it gives as the format has it."""
    frame = env.reset()
    rows = {
        name: []
        for name in (
            "frames",
            "semantic",
            "positions",
            "inventory",
            "achievements",
            "daylight",
            "actions",
            "rewards",
            "terminations",
            "truncations",
        )
    }

    def see(frame, semantic):
        rows["frames"].append(frame)
        rows["semantic"].append(semantic)
        rows["positions"].append(np.array(env._player.pos))
        rows["inventory"].append(list(env._player.inventory.values()))
        rows["achievements"].append(list(env._player.achievements.values()))
        rows["daylight"].append(env._world.daylight)

    see(frame, env._sem_view())
    terrain = env._world._mat_map.copy()
    for action in actions:
        frame, reward, done, info = env.step(int(action))
        dead = info["discount"] == 0
        for name, value in (
            ("actions", action),
            ("rewards", reward),
            ("terminations", dead),
            ("truncations", done and not dead),
        ):
            rows[name].append(value)
        see(frame, info["semantic"])
        if done:
            break
    for name in ("actions", "rewards", "terminations", "truncations"):
        rows[name].append(0)
    dtypes = {
        "frames": "u1",
        "semantic": "u1",
        "positions": "i2",
        "inventory": "u1",
        "achievements": "u2",
        "daylight": "f4",
        "actions": "u1",
        "rewards": "f4",
        "terminations": "?",
        "truncations": "?",
    }
    return {name: np.array(values, dtypes[name]) for name, values in rows.items()} | {
        "terrain": terrain
    }
