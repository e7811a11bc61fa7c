"""What pictures are drawn from without a world, as Python hands it to `engine.fast.drawing`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

WORDS = 624
"""Words of the state of a world's random numbers, MT19937."""

UNKNOWN_WORDS = -1
"""In place of how many of them were taken, where that is not known: a game goes on from a state."""

MOST_AMOUNT = 9
"""Of an item, at most: there are images of no more."""

MOST_ITEMS = 256
"""Kinds of items, at most."""


class Records(NamedTuple):
    """What pictures are drawn from, one row per picture.

    Parameters
    ----------
    tiles : ndarray, shape (rows, columns * lines of the local view), uint8
        Tiles, in the order [x, y].
    inventory : ndarray, shape (rows, items), uint8
        Number of each item.
    sleeping : ndarray, shape (rows,), bool
        Whether the player sleeps.
    light : ndarray, shape (rows,), float64
        The daylight.
    random_words : ndarray, shape (rows,), int64
        Words that were taken from the world's random numbers before; only looked at by night.
    """

    tiles: NDArray[np.uint8]
    inventory: NDArray[np.uint8]
    sleeping: NDArray[np.bool_]
    light: NDArray[np.float64]
    random_words: NDArray[np.int64]


class Cuts(NamedTuple):
    """Runs of records, each in the order in which an episode's pictures were seen.

    Parameters
    ----------
    starts, stops : ndarray, shape (cuts,), int64
        First record, and the one after the last.
    seeds : ndarray, shape (cuts,), int64
        Seed of the world's random numbers, 0 to 2**32 - 1; -1 to go on from a state.
    states : ndarray, shape (cuts, 624), uint32
        Such a state.
    words : ndarray, shape (cuts,), int64
        Words that had been taken in that state.
    """

    starts: NDArray[np.int64]
    stops: NDArray[np.int64]
    seeds: NDArray[np.int64]
    states: NDArray[np.uint32]
    words: NDArray[np.int64]


def make_scenes() -> NDArray[Any]:
    """Make room for one scene, whose fields have the names that a world has for them.

    Returns
    -------
    ndarray of records, shape (1,)
        Zeros.
    """
    fields = [
        ("daylight", "f8"),
        ("sleeping", "?"),
        ("inventory", "i4", (MOST_ITEMS,)),
        ("random_used", "i4"),
        ("random_twists", "i8"),
        ("random_state", "u4", (WORDS,)),
        ("random_words", "u4", (WORDS,)),
    ]
    return np.zeros(1, np.dtype(fields, align=True))
