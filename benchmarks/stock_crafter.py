"""Stock Crafter's speed, which others are measured against."""

from __future__ import annotations

import itertools
import multiprocessing
import time
from collections.abc import Iterable, Iterator, Sequence

import crafter
import numpy as np
from numpy.typing import NDArray

from crafter_dataset.builder.policies.builtin import heuristic
from crafter_dataset.engine.seeding import policy_generator


def stock_rate(
    frames: int, seed: int, first: int = 0, recorded: Sequence[NDArray[np.uint8]] | None = None
) -> float:
    """Frames a second of stock Crafter in one process, resets included.

    It plays the default policy, or the actions of recorded episodes, from the
    same seeds as a build does, from its episode `first` on.
    """
    env = crafter.Env(seed=seed)
    env.reset()  # compiles, or loads, opensimplex
    env._episode = first
    episodes: Iterable[Iterable[int]] = _default_policy(seed, first)
    if recorded is not None:
        episodes = recorded[first:]
    begun = time.perf_counter()
    count = 0
    for actions in episodes:
        env.reset()
        count += 1
        for action in actions:
            count += 1
            if env.step(int(action))[2] or count >= frames:
                break
        if count >= frames:
            return count / (time.perf_counter() - begun)
    raise ValueError(f"recorded: expected {frames} frames, found {count}")


def _default_policy(seed: int, first: int) -> Iterator[Iterator[int]]:
    """Return the actions of each episode of the default policy."""
    policy = heuristic(1)
    unused = np.zeros((1, 64, 64, 3), np.uint8)
    for episode in itertools.count(first):
        policy.reset(0, policy_generator(seed, episode))
        yield (int(policy.act(unused, {})[0]) for _ in itertools.count())


def stock_rate_on_cores(
    frames: int, seed: int, cores: int, recorded: Sequence[NDArray[np.uint8]] | None = None
) -> float:
    """Frames a second of as many stock processes as there are cores, all at once."""
    each = [
        (frames, seed + i, 0) if recorded is None else (frames, seed, i, recorded)
        for i in range(cores)
    ]
    with multiprocessing.get_context("spawn").Pool(cores) as pool:
        return sum(pool.starmap(stock_rate, each))
