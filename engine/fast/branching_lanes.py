"""Playing recorded episodes again by compiled code, and branches of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.engine.compiled.compiling import Needed
from crafter_dataset.engine.compiled.native import Entry
from crafter_dataset.engine.fast.code import BRANCH, ENGINE
from crafter_dataset.engine.fast.fast_lanes import FastLanes
from crafter_dataset.engine.rows import Seen
from crafter_dataset.engine.spec import make_seen, words_by_night
from crafter_dataset.engine.state import CrafterState

_EPISODE, _BRANCH = range(2)
"""Lanes."""
_NO_NUMBERS = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Branches:
    """What branches do, and where to write what comes of it.

    Parameters
    ----------
    actions : ndarray, shape (branches, horizon), uint8
        Indices into `engine.spec.ACTIONS`.
    seen : Seen
        Rows for what is seen, `horizon + 1` a branch; without pictures none is drawn.
    rewards, terminations, truncations, valid : ndarray, shape (branches, horizon)
        Rows for what comes of each action, float32, and for whether it is taken, bool; zeros.
    """

    actions: NDArray[np.uint8]
    seen: Seen
    rewards: NDArray[np.float32]
    terminations: NDArray[np.bool_]
    truncations: NDArray[np.bool_]
    valid: NDArray[np.bool_]

    @classmethod
    def over(cls, actions: NDArray[np.uint8], seen: Seen) -> Branches:
        """Make rows for what comes of some actions.

        Parameters
        ----------
        actions : ndarray, shape (branches, horizon), uint8
            Indices into `engine.spec.ACTIONS`.
        seen : Seen
            Rows for what is seen.
        """
        flags = (np.zeros(actions.shape, bool) for _ in range(3))
        return cls(actions, seen, np.zeros(actions.shape, np.float32), *flags)


class BranchingLanes(FastLanes):
    """Two lanes: one that plays an episode again, and one for its branches.

    Parameters
    ----------
    area, view, size : tuple of int
        As for `FastLanes`.
    length : int
        As for `FastLanes`.
    reward : bool
        As for `FastLanes`.
    """

    def __init__(
        self,
        area: tuple[int, int],
        view: tuple[int, int],
        size: tuple[int, int],
        length: int,
        reward: bool,
    ) -> None:
        super().__init__(2, area, view, size, length, reward)
        self._words = words_by_night(view, size)
        self._branch = Entry("branch", BRANCH, ENGINE)
        self._own = make_seen(2, area, size)
        nothing = np.zeros((0, 0), np.uint8)
        self._none = Branches.over(nothing, self._own)
        self._drawn: tuple[Seen | None, int, NDArray[np.int64]] = None, 0, _NO_NUMBERS

    def needed(self) -> list[Needed]:
        """Return the code that branches call besides that of all lanes."""
        arrays = self._arrays(np.zeros(1, np.uint8), _NO_NUMBERS, _NO_NUMBERS, self._none)
        return [Needed(self._branch, arrays, 3)]

    def branch(
        self,
        actions: NDArray[np.uint8],
        starts: NDArray[np.int64],
        numbers: NDArray[np.int64],
        branches: Branches,
    ) -> int:
        """Play the episode that was started in the first lane again, and branches of it.

        Parameters
        ----------
        actions : ndarray, shape (last start or more,), uint8
            The episode's actions, each an index into `engine.spec.ACTIONS`.
        starts : ndarray, shape (starts,), int64
            Frames at which branches start, in ascending order.
        numbers : ndarray, shape (starts,), int64
            Number of each branch in `branches`.
        branches : Branches
            All branches; the rows of these are written.

        Returns
        -------
        int
            -1; or the frame at which the episode has ended, if that is before the last start.
        """
        last = int(starts[-1])
        self._light_up_to(last + branches.actions.shape[1])
        draw, drawing = self._laid_out(branches.seen)
        arrays = self._arrays(actions, starts, numbers, branches, drawing)
        return self._branch(arrays, draw, self._words, last)

    def replay(self, actions: NDArray[np.uint8]) -> tuple[int, CrafterState]:
        """Play the episode that was started in the first lane again, and draw the last frame alone.

        Parameters
        ----------
        actions : ndarray, shape (frame,), uint8
            The actions to take, each an index into `engine.spec.ACTIONS`.

        Returns
        -------
        ended : int
            -1; or the frame at which the episode has ended, if that is before this one.
        state : CrafterState
            The state at the frame.
        """
        self._light_up_to(len(actions))
        arrays = self._arrays(actions, _NO_NUMBERS, _NO_NUMBERS, self._none)
        ended = self._branch(arrays, 0, self._words, len(actions))
        self._observe((self.worlds, self._picture, self._own), _EPISODE, _EPISODE)
        return ended, self.get_state(_EPISODE, self._own)

    def _arrays(
        self,
        actions: NDArray[np.uint8],
        starts: NDArray[np.int64],
        numbers: NDArray[np.int64],
        branches: Branches,
        drawing: NDArray[np.int64] = _NO_NUMBERS,
    ) -> tuple[Any, ...]:
        """Return what the compiled function is called with."""
        return (
            self.worlds, self._daylights, actions, starts, numbers, branches.actions,
            branches.seen, branches.rewards, branches.terminations, branches.truncations,
            branches.valid, drawing,
        )  # fmt: skip

    def _laid_out(self, seen: Seen) -> tuple[int, NDArray[np.int64]]:
        """Return the function that draws the second lane, and what it is called with."""
        if seen is not self._drawn[0]:
            arrays = self.worlds, self._picture, seen
            self._drawn = seen, *self._observe.laid_out(arrays, _BRANCH, 0)
        return self._drawn[1:]
