"""How long episodes are going to be, so that none is played that will not be needed."""

from __future__ import annotations

import math

_ASSUMED = 500
"""Rows of an episode as long as nothing is known: more than of most policies, since what was begun
in vain is lost, and what was not begun yet is begun later."""
_WEIGHT = 4
"""Episodes that this assumption counts for."""


class Lengths:
    """Estimates the rows of episodes under way from those of episodes that are whole.

    Parameters
    ----------
    limit : int or None
        The time limit in steps, if there is one.
    """

    def __init__(self, limit: int | None) -> None:
        assumed = min(_ASSUMED, limit + 1) if limit else _ASSUMED
        self._rows, self._squares = _WEIGHT * assumed, _WEIGHT * assumed**2

    def add(self, rows: int) -> None:
        """Take note of a whole episode.

        Parameters
        ----------
        rows : int
            Its rows.
        """
        self._rows += rows
        self._squares += rows**2

    def suffice(self, under_way: int, rows: int) -> bool:
        """Tell whether the episodes under way will most likely have enough rows.

        Parameters
        ----------
        under_way : int
            How many there are.
        rows : int
            Rows that are needed.
        """
        # Long episodes are more often found under way than short ones: each row counts once.
        expected = self._squares / self._rows
        # Somewhat more than expected: if they fell short, few lanes would play the rest.
        return (under_way - math.sqrt(under_way)) * expected >= rows
