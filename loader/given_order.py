"""Orders that trainers put into a loader, as samplers of ours that can go on where they stopped."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.loader.samplers import Sampler
from crafter_dataset.loader.windows import Windows


class GivenOrder(Sampler):
    """Draws the windows that another sampler names, which is a function of the epoch.

    Parameters
    ----------
    windows : Windows
        What to draw from.
    given : iterable of int
        Numbers of windows; with a length, and `set_epoch` if epochs differ.
    """

    def __init__(self, windows: Windows, given: Iterable[int]) -> None:
        self._given, self._epoch = given, -1
        self._numbers: NDArray[np.int64] = np.zeros(0, np.int64)
        super().__init__(windows, samples=len(given))  # type: ignore[arg-type]

    def draw(self, epoch: int, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the windows at some positions of an epoch's order; see `Sampler.draw`.

        Parameters
        ----------
        epoch : int
            Number of the epoch, from 0.
        positions : ndarray, shape (n,), int64
            Positions of the order, from 0.
        """
        if self._epoch != epoch:
            if hasattr(self._given, "set_epoch"):
                self._given.set_epoch(epoch)
            self._numbers, self._epoch = np.fromiter(self._given, np.int64), epoch
        return self._numbers[positions]


def shared(order: Sampler, given: Any) -> Sampler | None:
    """Return what a rank draws of an order that a trainer has shared out among several.

    Parameters
    ----------
    order : Sampler
        Which windows a single process would draw.
    given : object
        The trainer's sampler.

    Returns
    -------
    Sampler or None
        The same order, for the trainer's rank; `order` itself if that has a rank
        already; None if the trainer shares nothing out.
    """
    if not hasattr(given, "num_replicas") or not hasattr(given, "rank"):
        return None
    if order.world_size > 1:
        return order
    # What predicts leaves no window out, and fills nothing up.
    even = getattr(given, "total_size", 0) % given.num_replicas == 0
    return order.among(given.rank, given.num_replicas, order.even and even)


def inner_order(given: Any) -> Sampler | None:
    """Return the sampler of ours that a trainer's wraps, or None.

    Parameters
    ----------
    given : object
        The trainer's sampler.
    """
    inside = getattr(getattr(given, "dataset", None), "_sampler", None)  # as Lightning keeps it
    return inside if isinstance(inside, Sampler) else None
