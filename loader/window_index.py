"""Which windows there are: arithmetic on the episodes' lengths, with nothing kept per window."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.schemas.errors import ArgumentError

Padding = Literal["none", "right", "left", "both"]


@dataclass(frozen=True)
class WindowIndex:
    """Numbers all windows of all episodes, in order of episode and first row.

    A window may begin before row 0 or end after the last row where `padding`
    says so, but holds at least `min_rows` rows of the episode.

    Parameters
    ----------
    rows : ndarray, shape (episodes,), int64
        Rows of each episode.
    length : int
        Rows of a window.
    stride : int
        Rows from one window to the next. The first window begins at row 0, or
        with `left` the last one ends at the last row.
    padding : {'none', 'right', 'left', 'both'}
        Where a window may go beyond its episode.
    min_rows : int
        Rows of the episode in each window, at least.

    Attributes
    ----------
    counts : ndarray, shape (episodes,), int64
        Number of windows of each episode.
    firsts : ndarray, shape (episodes,), int64
        Row at which the first window of each episode begins.
    ends : ndarray, shape (episodes,), int64
        Number of windows of each episode and all before it.

    Raises
    ------
    ValueError
        If an argument is out of its range.
    """

    rows: NDArray[np.int64]
    length: int
    stride: int = 1
    padding: Padding = "none"
    min_rows: int = 1
    counts: NDArray[np.int64] = field(init=False)
    firsts: NDArray[np.int64] = field(init=False)
    ends: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        for name in ("length", "stride", "min_rows"):
            value = getattr(self, name)
            if not isinstance(value, int | np.integer) or value < 1:
                raise ArgumentError(name, f"expected an integer of 1 or more, found {value!r}")
        if self.min_rows > self.length:
            raise ArgumentError(
                "min_rows", f"expected at most the length, {self.length}, found {self.min_rows}"
            )
        if self.padding not in get_args(Padding):
            raise ArgumentError(
                "padding", f"expected one of {', '.join(get_args(Padding))}, found {self.padding!r}"
            )
        before = self.length - self.min_rows if self.padding in ("left", "both") else 0
        after = self.min_rows if self.padding in ("right", "both") else self.length
        lasts = np.asarray(self.rows, np.int64) - after
        counts = np.where(
            self.rows >= self.min_rows, np.maximum((lasts + before) // self.stride + 1, 0), 0
        )
        firsts: NDArray[np.int64] = np.full(len(counts), -before)
        if self.padding == "left":
            firsts = lasts - (counts - 1) * self.stride
        object.__setattr__(self, "counts", counts)
        object.__setattr__(self, "firsts", firsts)
        object.__setattr__(self, "ends", np.cumsum(counts))

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def locate(self, windows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Find windows by their numbers.

        Parameters
        ----------
        windows : ndarray, shape (n,), int64
            Numbers from 0 to `len(self) - 1`.

        Returns
        -------
        episodes : ndarray, shape (n,), int64
            Index of each window's episode.
        starts : ndarray, shape (n,), int64
            Row at which each begins, negative if it begins before the episode.
        """
        episodes = np.searchsorted(self.ends, windows, side="right")
        within = windows - (self.ends[episodes] - self.counts[episodes])
        return episodes, self.firsts[episodes] + within * self.stride

    def number(self, episodes: NDArray[np.int64], starts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the numbers of windows; the inverse of `locate`.

        Parameters
        ----------
        episodes : ndarray, shape (n,), int64
            Index of each window's episode.
        starts : ndarray, shape (n,), int64
            Row at which each begins.

        Returns
        -------
        ndarray, shape (n,), int64
            The numbers.
        """
        within = (starts - self.firsts[episodes]) // self.stride
        return self.ends[episodes] - self.counts[episodes] + within
