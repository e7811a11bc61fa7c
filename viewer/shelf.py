"""The episodes of one dataset, sorted and filtered, as the viewer goes through them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.schemas.metadata import Metadata

ORDERS = ("number", "longest", "shortest", "best return", "worst return")


@dataclass(frozen=True, eq=False)
class Shelf:
    """A dataset's episodes in an order, some of them left out.

    Parameters
    ----------
    name : str
        Name of the dataset, to show.
    metadata : Metadata
        Its names and settings.
    table : ndarray, shape (episodes,), dtype TABLE_DTYPE
        Its episodes.
    order : str
        One of `ORDERS`; equal episodes are in order of their numbers.
    reason : str, optional
        Show only episodes with this end reason.
    achievement : str, optional
        Show only episodes in which this was reached; all, as long as
        `reached` is not known.
    reached : ndarray, shape (up to episodes, achievements), bool, optional
        Which achievements were reached in each episode; in the first ones, if
        the dataset has grown since.
    """

    name: str
    metadata: Metadata
    table: NDArray[Any]
    order: str = "number"
    reason: str | None = None
    achievement: str | None = None
    reached: NDArray[np.bool_] | None = None

    @cached_property
    def shown(self) -> NDArray[np.intp]:
        """Rows of the table that are shown, in order: intp, shape (shown,)."""
        table = self.table
        keep = np.ones(len(table), np.bool_)
        if self.reason is not None:
            keep &= table["end_reasons"] == self.metadata.end_reasons.index(self.reason)
        if self.achievement is not None and self.reached is not None:
            known = self.reached[:, self.metadata.achievements.index(self.achievement)]
            keep[: len(known)] &= known
            keep[len(known) :] = False
        rows = np.flatnonzero(keep)
        keys = {
            "longest": -table["lengths"].astype(np.int64),
            "shortest": table["lengths"],
            "best return": -table["returns"],
            "worst return": table["returns"],
        }
        if self.order in keys:
            rows = rows[np.argsort(keys[self.order][rows], kind="stable")]
        return rows

    @property
    def counting(self) -> bool:
        """Whether the filter still waits for which achievements were reached."""
        known = 0 if self.reached is None else len(self.reached)
        return self.achievement is not None and known < len(self.table)

    @cached_property
    def reasons(self) -> tuple[str, ...]:
        """End reasons that occur."""
        codes = np.unique(self.table["end_reasons"]).tolist()
        names = self.metadata.end_reasons
        return tuple(names[code] for code in codes if code < len(names))

    @property
    def achievements(self) -> tuple[str, ...]:
        """Achievements that were reached in some episode, as far as that is known."""
        names = self.metadata.achievements
        if self.reached is None:
            return names
        return tuple(names[number] for number in np.flatnonzero(self.reached.any(0)))

    def place_of_episode(self, number: int) -> int | None:
        """Return where the episode of a number is shown, or None if it is left out.

        Parameters
        ----------
        number : int
            Id of the episode.

        Raises
        ------
        KeyError
            If there is no such episode; says which there are.
        """
        ids = self.table["episode_ids"]
        found = np.flatnonzero(ids == number)
        if not len(found):
            raise KeyError(
                f"expected {ids[0]} to {ids[-1]}" if len(ids) else "there is no episode yet"
            )
        return self.place_of(int(found[0]))

    def place_of(self, row: int) -> int | None:
        """Return where a row of the table is shown, or None if it is left out.

        Parameters
        ----------
        row : int
            Row of the table.
        """
        found = np.flatnonzero(self.shown == row)
        return int(found[0]) if len(found) else None

    def everything(self) -> Shelf:
        """Return the shelf without filters, in order of numbers."""
        return replace(self, order="number", reason=None, achievement=None)

    def describe(self) -> str:
        """Describe how it is sorted and filtered; empty if it is not."""
        parts = [] if self.order == "number" else [f"{self.order} first"]
        parts += [self.reason.replace("_", " ")] if self.reason else []
        parts += [f"with {self.achievement}"] if self.achievement else []
        return ", ".join(parts)
