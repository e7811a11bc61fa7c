"""The interface that every engine has, and the errors it raises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.engine.rows import Done, Seen
from crafter_dataset.schemas.errors import ArgumentError, CrafterDatasetError

if TYPE_CHECKING:  # it needs crafter, which errors and what draws do without
    from crafter_dataset.engine.state import CrafterState

ENGINES = ("fast", "crafter")
"""Compiled code, and the crafter package itself; both compute the same bits."""


class EngineError(ArgumentError):
    """An engine cannot be used, or not for this world."""


class LaneError(CrafterDatasetError):
    """An environment of a vector raised; `__cause__` is its error.

    Parameters
    ----------
    message : str
        Which one raised what; alone enough, since gymnasium's vectors make errors anew of texts.
    lane : int
        Number of the environment.
    """

    def __init__(self, message: str, lane: int = 0) -> None:
        super().__init__(message)
        self.lane = lane


class Lanes(Protocol):
    """Crafter environments side by side, as an engine plays them.

    Row i of `seen` belongs to lane i.
    """

    def reset(self, lane: int, seed: int, seen: Seen) -> None:
        """Start an episode, and write what is seen first.

        Parameters
        ----------
        lane : int
            Number of the lane.
        seed : int
            Seed of the `RandomState` that makes the world, 0 to 2**32 - 1.
        seen : Seen
            Where to write what is seen, one row per lane.

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
        """Take a step in every lane that is playing, and write what is seen then.

        Parameters
        ----------
        playing : ndarray, shape (lanes,), bool
            Which lanes take a step; the others are left as they are.
        actions : ndarray, shape (lanes,), int64
            Action of each lane, an index into `engine.spec.ACTIONS`.
        rewards : ndarray, shape (lanes,), float64
            Where to write the reward of each lane that is playing.
        seen : Seen
            Where to write what is seen, one row per lane.

        Raises
        ------
        LaneError
            If an environment raises.
        """

    def start(self, lane: int, seed: int) -> None:
        """Start an episode, without writing what is seen.

        Parameters
        ----------
        lane : int
            Number of the lane.
        seed : int
            Seed of the `RandomState` that makes the world, 0 to 2**32 - 1.

        Raises
        ------
        LaneError
            If the environment raises.
        """

    def act(
        self,
        playing: NDArray[np.bool_],
        actions: NDArray[np.int64],
        rows: NDArray[np.int64],
        done: Done,
        max_rows: int | None,
    ) -> None:
        """Take a step in every lane that is playing, and write what was done and what came of it.

        Parameters
        ----------
        playing : ndarray, shape (lanes,), bool
            Which lanes take a step; the others are left as they are.
        actions : ndarray, shape (lanes,), int64
            Action of each lane, an index into `engine.spec.ACTIONS`.
        rows : ndarray, shape (lanes,), int64
            Row of `done` that each writes to.
        done : Done
            Rows to write.
        max_rows : int or None
            Rows at which an episode is cut, None for never.

        Raises
        ------
        LaneError
            If an environment raises.
        """

    def draw(
        self,
        drawing: NDArray[np.bool_],
        images: NDArray[np.int64],
        rows: NDArray[np.int64],
        seen: Seen,
        frames: NDArray[np.uint8],
    ) -> None:
        """Write what is seen in some lanes; exactly once after `start` and after each `act`.

        Parameters
        ----------
        drawing : ndarray, shape (lanes,), bool
            Which lanes are drawn.
        images, rows : ndarray, shape (lanes,), int64
            Rows of `seen` that each writes to: of pictures and maps, and of small fields.
        seen : Seen
            Rows to write.
        frames : ndarray, shape (lanes, height * width * 3), uint8
            Where to write the pictures once more, a row per lane.
        """

    def ends(self) -> NDArray[np.uint8]:
        """Return how each lane's episode has ended, as `ended` has it.

        Returns
        -------
        ndarray, shape (lanes,), uint8
            Also `CUT`, after `act`.
        """

    def ended(self, lane: int) -> int:
        """Return how a lane's episode has ended: `TERMINATED`, `TIME_LIMIT`, or 0 if it goes on.

        Parameters
        ----------
        lane : int
            Number of the lane.
        """

    def terrain(self, lane: int) -> NDArray[np.uint8]:
        """Return the material ids of a lane's world as it is now.

        Parameters
        ----------
        lane : int
            Number of the lane.

        Returns
        -------
        ndarray, shape `area`, uint8
            Indexed [x, y].
        """

    def get_state(self, lane: int, seen: Seen) -> CrafterState:
        """Return the state of a lane that was reset.

        Parameters
        ----------
        lane : int
            Number of the lane.
        seen : Seen
            What was seen last, one row per lane.
        """

    def set_state(self, lane: int, state: CrafterState, seen: Seen) -> None:
        """Let a lane go on from a state, and write what is seen in it.

        Parameters
        ----------
        lane : int
            Number of the lane.
        state : CrafterState
            The state.
        seen : Seen
            Where to write what is seen, one row per lane.

        Raises
        ------
        ArgumentError
            If it is one of another environment, or one that no game can be in.
        """
