"""Which windows there are: arithmetic on the lengths of the episodes, nothing a window."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Padding = Literal["none", "right", "left", "both"]


@dataclass(frozen=True)
class WindowIndex:
    """Numbers all windows of all episodes, in order of episode and first row.

    A window may begin before row 0 or end after the last row where `padding`
    says so, but holds at least `min_rows` rows that are there.

    Parameters
    ----------
    rows : ndarray of int64, shape (episodes,)
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
    counts : ndarray of int64, shape (episodes,)
        Windows of each episode.
    firsts : ndarray of int64, shape (episodes,)
        Row at which its first window begins.
    ends : ndarray of int64, shape (episodes,)
        Windows of this episode and all before it.
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
                raise ValueError(f"{name}: expected an integer of 1 or more, found {value!r}")
        if self.min_rows > self.length:
            raise ValueError(
                f"min_rows: expected at most the length, {self.length}, found {self.min_rows}"
            )
        if self.padding not in get_args(Padding):
            raise ValueError(
                f"padding: expected one of {', '.join(get_args(Padding))}, found {self.padding!r}"
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
        windows : ndarray of int64
            Numbers from 0 to `len(self) - 1`.

        Returns
        -------
        episodes, starts : ndarray of int64
            Index of the episode of each, and the row at which it begins,
            negative if it begins before the episode.
        """
        episodes = np.searchsorted(self.ends, windows, side="right")
        within = windows - (self.ends[episodes] - self.counts[episodes])
        return episodes, self.firsts[episodes] + within * self.stride

    def number(self, episodes: NDArray[np.int64], starts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Give the numbers of windows; the inverse of `locate`."""
        within = (starts - self.firsts[episodes]) // self.stride
        return self.ends[episodes] - self.counts[episodes] + within
