"""What chooses a lane's actions in compiled code: a function, its memory, its random numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from crafter_dataset.engine.compiled.compiling import Needed
from crafter_dataset.engine.compiled.native import Entry
from crafter_dataset.schemas.errors import ArgumentError

Memory = DTypeLike | Callable[[int], DTypeLike]
"""Type of the record a policy remembers things in, or what returns it for a number of cells."""

_WORD = 2**64 - 1


class Chooser:
    """Chooses the actions of one lane, an episode after the other.

    Parameters
    ----------
    entry : Entry
        The function, see `engine.fast.choosing`.
    memory : dtype-like, callable or None
        Type of its memory, or what returns it for a number of cells.
    start : mapping of str
        Values of the memory's fields at the start of an episode; the others are 0.
    worlds : ndarray of records, shape (lanes,)
        States of the worlds that it is going to look at.

    Raises
    ------
    ArgumentError
        If the memory is no record, or has no such field, or it does not take such a value.
    """

    def __init__(
        self,
        entry: Entry,
        memory: Memory | None,
        start: Mapping[str, Any],
        worlds: NDArray[np.void],
    ) -> None:
        cells = worlds["materials"].shape[1]
        # Never empty: a record takes at least a byte.
        dtype: np.dtype[Any] = np.dtype(
            memory(cells) if callable(memory) else memory or [("unused", "u1")]
        )
        if dtype.names is None:
            raise ArgumentError("memory", f"expected fields with names, found {dtype}")
        if dtype.hasobject:
            raise ArgumentError("memory", f"expected numbers, found {dtype}")
        self._first: NDArray[np.void] = np.zeros(1, dtype)
        for name, value in start.items():
            if name not in dtype.names:
                raise ArgumentError(
                    f"start[{name!r}]", f"expected one of {', '.join(dtype.names)}, found none"
                )
            try:
                self._first[name][0] = value
            except (TypeError, ValueError, OverflowError) as error:
                raise ArgumentError(
                    f"start[{name!r}]", f"expected {dtype[name]}, found {value!r}"
                ) from error
        self._entry = entry
        self._memory: NDArray[np.void] = np.zeros(1, dtype)
        self._random: NDArray[np.uint64] = np.zeros((1, 4), np.uint64)
        self._worlds: NDArray[np.void] | None = None
        self._lane, self._address = 0, 0
        self._choice: NDArray[np.int64] = np.zeros(1, np.int64)

    def start(self, rng: np.random.Generator) -> None:
        """Forget the last episode.

        Parameters
        ----------
        rng : numpy.random.Generator
            The new episode's Generator, over a `PCG64`; what is drawn does not advance it.
        """
        self._memory[:] = self._first
        state = rng.bit_generator.state["state"]
        words = state["state"] >> 64, state["state"], state["inc"] >> 64, state["inc"]
        self._random[0] = [word & _WORD for word in words]

    def needed(self, worlds: NDArray[np.void]) -> Needed:
        """Return the function with examples of its arguments.

        Parameters
        ----------
        worlds : ndarray of records, shape (lanes,)
            States of the worlds.
        """
        return Needed(self._entry, (worlds, self._memory, self._random), 1)

    def called_with(self, worlds: NDArray[np.void], lane: int) -> tuple[int, NDArray[np.int64]]:
        """Return what compiled code calls the function with to choose a lane's actions.

        Parameters
        ----------
        worlds : ndarray of records, shape (lanes,)
            States of the worlds.
        lane : int
            Number of the lane.

        Returns
        -------
        address : int
            Address of the function.
        choice : ndarray, shape (places + 1,), int64
            What it is called with, then room for what it returned last; the same one each time.
        """
        if worlds is not self._worlds or lane != self._lane:
            arrays = worlds, self._memory, self._random
            self._address, frame = self._entry.laid_out(arrays, lane)
            self._choice = np.append(frame, 0)
            self._worlds, self._lane = worlds, lane
        return self._address, self._choice

    def __call__(self, worlds: NDArray[np.void], lane: int) -> int:
        """Choose the next action.

        Parameters
        ----------
        worlds : ndarray of records, shape (lanes,)
            States of the worlds; only read.
        lane : int
            Number of the lane.

        Returns
        -------
        int
            What the function returns, unchecked.
        """
        chosen = self._entry((worlds, self._memory, self._random), lane)
        self._choice[-1] = chosen
        return chosen

    @property
    def remembered(self) -> tuple[str, ...]:
        """Names of the fields of the memory."""
        return self._memory.dtype.names or ()

    @property
    def chosen(self) -> int:
        """What the function returned last."""
        return int(self._choice[-1])
