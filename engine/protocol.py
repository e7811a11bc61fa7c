"""What an engine is to those who play with it, and how it says that it cannot."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.engine.rows import Seen
from crafter_dataset.schemas.errors import ArgumentError


class EngineError(ArgumentError):
    """An engine cannot be used, or not for such a world."""


class LaneError(Exception):
    """An environment of a vector raised; `__cause__` is its error.

    Parameters
    ----------
    lane : int
        Number of the environment.
    """

    def __init__(self, lane: int) -> None:
        super().__init__(f"environment {lane} raised")
        self.lane = lane


class Lanes(Protocol):
    """Crafter environments side by side, as an engine plays them.

    A row of `seen` belongs to the lane of its number.
    """

    def reset(self, lane: int, seed: int, seen: Seen) -> None:
        """Start an episode, and show it.

        Parameters
        ----------
        lane : int
            Number of the lane.
        seed : int
            Seed of the `RandomState` that makes the world, 0 to 2**32 - 1.
        seen : Seen
            Where to write what is to be seen, a row a lane.

        Raises
        ------
        LaneError
            If the environment raises.
        """

    def step(
        self,
        playing: NDArray[np.bool_],
        actions: NDArray[np.int64],
        rewards: NDArray[np.float64],
        seen: Seen,
    ) -> None:
        """Take a step in every lane that is playing, and show it.

        Parameters
        ----------
        playing : ndarray, shape (lanes,), bool
            In which lanes.
        actions : ndarray, shape (lanes,), int64
            The action of each.
        rewards : ndarray, shape (lanes,), float64
            Where to write the reward of each.
        seen : Seen
            Where to write what is to be seen, a row a lane.

        Raises
        ------
        LaneError
            If an environment raises.
        """

    def ended(self, lane: int) -> int:
        """Return how a lane's episode has ended: `TERMINATED`, `TIME_LIMIT`, or 0 if it goes on."""

    def terrain(self, lane: int) -> NDArray[np.uint8]:
        """Return the material ids of a lane's world now, shape `area`, uint8, indexed [x, y]."""
