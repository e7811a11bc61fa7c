"""Policies that do not look: their actions are a function of the Generator alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Plan = Callable[[np.random.Generator], Iterator[NDArray[np.uint8]]]
"""Takes an episode's Generator and yields its actions without end, in blocks of any length.

The plans of several episodes may be under way at the same time, so a plan keeps
what it remembers in local variables.
"""


MOST_EMPTY_BLOCKS = 1000
"""Empty blocks in a row after which a plan counts as faulty."""


def blocks_of(plan: Plan, rng: np.random.Generator) -> Iterator[Any]:
    """Yield the blocks of an episode's plan that are not empty.

    Parameters
    ----------
    plan : callable
        Takes the Generator, yields blocks of actions.
    rng : numpy.random.Generator
        The episode's Generator.

    Yields
    ------
    ndarray, shape (actions,), uint8
        A block as the plan yields it, unchecked.

    Raises
    ------
    ValueError
        If the plan yields nothing but empty blocks.
    """
    empty = 0
    for block in plan(rng):
        if len(block):
            empty = 0
            yield block
        elif (empty := empty + 1) == MOST_EMPTY_BLOCKS:
            raise ValueError(f"plan: expected actions, found {empty} empty blocks")


class OpenLoopPolicy:
    """Plays back a plan in every lane.

    The fast engine takes the plan itself, and so plays an episode without
    returning to Python at each step, unless a subclass has its own `act` or
    `reset`. A plan that ends is followed by `noop`s.

    Parameters
    ----------
    num_envs : int
        Number of lanes.
    plan : callable
        Takes an episode's Generator and yields blocks of its actions, each an
        ndarray, shape (actions,), uint8.

    Examples
    --------
    >>> import crafter_dataset
    >>> import numpy as np
    >>> def gather(rng):
    ...     while True:
    ...         yield np.array([1, 5, 5], np.uint8)  # a move to the left, then do twice
    >>> policy = crafter_dataset.OpenLoopPolicy(num_envs=1, plan=gather)
    >>> policy.reset(lane=0, rng=crafter_dataset.policy_generator(7, 0))
    >>> [policy.act(frames=None, infos={}).item() for _ in range(4)]
    [1, 5, 5, 1]
    """

    def __init__(self, num_envs: int, plan: Plan) -> None:
        self.plan = plan
        self._actions: list[Iterator[int]] = [iter(()) for _ in range(num_envs)]

    def reset(self, lane: int, rng: np.random.Generator) -> None:
        """Start a new plan in the lane.

        Parameters
        ----------
        lane : int
            Number of the lane, from 0.
        rng : numpy.random.Generator
            The new episode's Generator.
        """
        self._actions[lane] = (
            action for block in blocks_of(self.plan, rng) for action in block.tolist()
        )

    def act(self, frames: NDArray[np.uint8], infos: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """Return each lane's next action.

        Parameters
        ----------
        frames : ndarray, shape (lanes, height, width, 3), uint8
            Not looked at.
        infos : mapping of str to ndarray, shape (lanes, ...)
            Only `playing` is looked at, if it is there: the plans of other lanes do not go on.

        Returns
        -------
        ndarray, shape (lanes,), int64
            Indices into the action names.
        """
        playing = infos.get("playing", [True] * len(self._actions))
        lanes = zip(self._actions, playing, strict=True)
        return np.array([next(actions, 0) if plays else 0 for actions, plays in lanes])
