"""Stock Crafter's speed, which others are measured against."""

from __future__ import annotations

import multiprocessing
import time

import crafter
import numpy as np

from crafter_dataset.builder.policies.builtin import heuristic
from crafter_dataset.engine.seeding import policy_generator


def stock_rate(frames: int, seed: int) -> float:
    """Frames a second of stock Crafter in one process, resets included.

    It plays the default policy from the same seeds as a build does.
    """
    env = crafter.Env(seed=seed)
    policy = heuristic(1)
    unused = np.zeros((1, 64, 64, 3), np.uint8)
    env.reset()  # compiles, or loads, opensimplex
    env._episode = 0
    begun = time.perf_counter()
    count = episode = 0
    while count < frames:
        env.reset()
        policy.reset(0, policy_generator(seed, episode))
        count, episode, done = count + 1, episode + 1, False
        while not done and count < frames:
            _, _, done, _ = env.step(int(policy.act(unused, {})[0]))
            count += 1
    return frames / (time.perf_counter() - begun)


def stock_rate_on_cores(frames: int, seed: int, cores: int) -> float:
    """Frames a second of as many stock processes as there are cores, all at once."""
    with multiprocessing.get_context("spawn").Pool(cores) as pool:
        return sum(pool.starmap(stock_rate, [(frames, seed + i) for i in range(cores)]))
