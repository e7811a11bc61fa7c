"""What a policy is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.builder.policies.compiled import CompiledPolicy


class Policy(Protocol):
    """Chooses the actions of a batch of lanes, each of which plays one episode after another.

    A policy runs inside a worker process. For the dataset not to depend on
    the number of workers or lanes, what it does in a lane must depend only on
    that lane's frames, infos and Generator.

    A policy with an attribute `lane_groups` of 2 or more is asked about one
    group of lanes at a time, as `act(frames, infos, lanes)`, while others play:
    `lanes` is an ndarray, shape (lanes,), int64, of the numbers that `reset`
    had, and all else is of these lanes only.

    Examples
    --------
    >>> import crafter_dataset
    >>> import numpy as np
    >>> class Sleeper:
    ...     def __init__(self, num_envs): pass
    ...     def reset(self, lane, rng): pass
    ...     def act(self, frames, infos):
    ...         return np.where(infos["daylight"] < 0.3, 6, 5)  # sleep at night, do by day
    >>> frames, infos = crafter_dataset.CrafterVectorEnv(num_envs=2).reset(seed=7)
    >>> Sleeper(num_envs=2).act(frames, infos)
    array([5, 5])
    """

    def reset(self, lane: int, rng: np.random.Generator) -> None:
        """Forget the lane's last episode; a new one begins.

        Parameters
        ----------
        lane : int
            Number of the lane, from 0.
        rng : numpy.random.Generator
            All random numbers of the new episode must come from it.
        """

    def act(self, frames: NDArray[np.uint8], infos: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """Choose an action for every lane.

        Parameters
        ----------
        frames : ndarray, shape (lanes, height, width, 3), uint8
            Latest frame of each lane, read-only. The next step overwrites it:
            copy what is to be kept.
        infos : mapping of str to ndarray, shape (lanes, ...)
            The entries of `envs.CrafterEnv`'s `info` for every lane; the next step
            overwrites them, too. Lanes whose episode has ended show its last
            frame; their actions are ignored. `playing`, of bool, says which are
            in an episode.

        Returns
        -------
        ndarray, shape (lanes,), any integer type
            Indices into the action names. A policy whose class or factory has an attribute
            `extras` returns a pair: the actions, and a dict of an ndarray, shape (lanes, ...), for
            each name in it.
        """


PolicyFactory = Callable[..., "Policy | CompiledPolicy"]
"""Called as `factory(num_envs, **parameters)` in each worker, with its number of lanes."""
