"""How many words were taken from a `numpy.random.RandomState` since it was seeded."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.engine.record_state import temper
from crafter_dataset.engine.state_layout import RANDOM_WORDS


class TakenWords:
    """Counts the words that were taken from a RandomState, whatever for.

    NumPy tells the 624 words of a state and how many of them are used, but not how often they
    were made anew. So a generator of the same seed follows, until it has the same words.

    Parameters
    ----------
    seed : int
        What the RandomState was seeded with, 0 to 2**32 - 1.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._following: np.random.MT19937 | None = None
        self._words = b""
        self._twists = 0

    def count(self, random: np.random.RandomState) -> int:
        """Return how many words were taken by now; what costs time is to go on from the last call.

        Parameters
        ----------
        random : RandomState
            The one that was seeded, from which words were drawn since, but nothing else was done.
        """
        if self._following is None:
            seeded: Any = np.random.RandomState(self._seed).get_state(legacy=False)
            self._following = np.random.MT19937(0)
            self._following.state = seeded
            self._words = _drawn(seeded["state"]["key"])
        state = random.get_state(legacy=False)["state"]
        words = _drawn(state["key"])
        while self._words != words:
            self._words = self._following.random_raw(RANDOM_WORDS).tobytes()
            self._twists += 1
        return self._twists * RANDOM_WORDS + int(state["pos"]) - RANDOM_WORDS


def _drawn(key: NDArray[np.uint32]) -> bytes:
    """Return the words that are drawn of a state, as `MT19937.random_raw` gives them."""
    return temper(key).astype(np.uint64).tobytes()
