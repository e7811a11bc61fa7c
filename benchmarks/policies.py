"""Policies that `benchmarks.policy_speed` builds with, besides the compiled one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.builder.policies import OpenLoopPolicy

_ACTIONS = 17
_DRAWN = 4096
"""Actions that are drawn for an episode, which then come again."""


def planned(num_envs: int) -> OpenLoopPolicy:
    """Play random actions without a look at the frames."""

    def plan(rng: np.random.Generator) -> Iterator[NDArray[np.uint8]]:
        drawn = rng.integers(_ACTIONS, size=_DRAWN, dtype=np.uint8)
        while True:
            yield drawn

    return OpenLoopPolicy(num_envs, plan)


class Stub:
    """Plays the actions of `planned`, but is asked for them at each step.

    Parameters
    ----------
    num_envs : int
        Number of lanes.
    counts : str
        Folder in which each worker counts the frames that it plays; empty for none.
    """

    def __init__(self, num_envs: int, counts: str = "") -> None:
        self._drawn = np.zeros((num_envs, _DRAWN), np.uint8)
        self._lanes, self._steps = np.arange(num_envs), np.zeros(num_envs, np.int64)
        self._count: Any = None
        if counts:
            self._count = np.memmap(Path(counts) / str(os.getpid()), np.int64, "w+", shape=(1,))

    def reset(self, lane: int, rng: np.random.Generator) -> None:
        """Draw an episode's actions."""
        self._drawn[lane] = rng.integers(_ACTIONS, size=_DRAWN, dtype=np.uint8)
        self._steps[lane] = 0
        if self._count is not None:
            self._count += 1

    def act(self, frames: NDArray[np.uint8], infos: Mapping[str, Any]) -> NDArray[Any]:
        """Return each lane's next action."""
        if self._count is not None:
            self._count += int(np.count_nonzero(infos["playing"]))  # each leads to a frame
        actions: NDArray[Any] = self._drawn[self._lanes, self._steps % _DRAWN]
        self._steps += 1
        return actions
