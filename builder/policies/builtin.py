"""The policies that come with the package."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.builder.policies.open_loop import OpenLoopPolicy
from crafter_dataset.engine.spec import ACTIONS

_BLOCK = 256
_SLEEP = ACTIONS.index("sleep")
_DO = ACTIONS.index("do")
_IS_MOVE = np.array([name.startswith("move_") for name in ACTIONS])
_IS_DO = np.arange(len(ACTIONS)) == _DO


def heuristic(
    num_envs: int,
    sleep_probability: float = 0.1,
    move_repeats: tuple[int, int] = (0, 6),
    do_repeats: tuple[int, int] = (1, 3),
) -> OpenLoopPolicy:
    """Make the sticky random policy.

    Actions are drawn uniformly; `sleep` is kept with `sleep_probability`, else
    another action is drawn. A move is then repeated a few more times, and so
    is `do`, which gathers more than single actions would.

    Parameters
    ----------
    num_envs : int
        Number of lanes.
    sleep_probability : float
        Probability from 0 to 1 of keeping a drawn `sleep`.
    move_repeats, do_repeats : tuple of int
        Fewest and most repeats, inclusive; their number is drawn uniformly.
    """

    def plan(rng: np.random.Generator) -> Iterator[NDArray[np.uint8]]:
        while True:
            actions = rng.integers(len(ACTIONS), size=_BLOCK)
            kept = (actions != _SLEEP) | (rng.random(_BLOCK) < sleep_probability)
            moves = rng.integers(*move_repeats, size=_BLOCK, endpoint=True)
            dos = rng.integers(*do_repeats, size=_BLOCK, endpoint=True)
            times = (1 + _IS_MOVE[actions] * moves + _IS_DO[actions] * dos) * kept
            yield np.repeat(actions.astype(np.uint8), times)

    return OpenLoopPolicy(num_envs, plan)


def random(num_envs: int) -> OpenLoopPolicy:
    """Make the policy that draws every action uniformly.

    Parameters
    ----------
    num_envs : int
        Number of lanes.
    """

    def plan(rng: np.random.Generator) -> Iterator[NDArray[np.uint8]]:
        while True:
            yield rng.integers(len(ACTIONS), size=_BLOCK, dtype=np.uint8)

    return OpenLoopPolicy(num_envs, plan)


def noop(num_envs: int) -> OpenLoopPolicy:
    """Make the policy that never does anything.

    Parameters
    ----------
    num_envs : int
        Number of lanes.
    """

    def plan(rng: np.random.Generator) -> Iterator[NDArray[np.uint8]]:
        while True:
            yield np.full(_BLOCK, ACTIONS.index("noop"), np.uint8)

    return OpenLoopPolicy(num_envs, plan)
