"""Random, reproducible splits that keep groups together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.schemas.arguments import whole_number
from crafter_dataset.schemas.errors import ArgumentError


def split_groups(
    groups: NDArray[np.integer], fractions: Sequence[float], seed: int
) -> list[NDArray[np.intp]]:
    """Distribute items over parts, whole groups at a time.

    Parameters
    ----------
    groups : ndarray, shape (n,), integer
        Group of each item; the items of a group stay together.
    fractions : sequence of float
        Share of each part. If they add up to less than 1, one more part takes
        the rest.
    seed : int
        Seed of the shuffle of the groups.

    Returns
    -------
    list of ndarray, shape (items of the part,), intp
        Indices of each part's items, ascending. A group goes to the part in
        which the middle of its items falls.

    Raises
    ------
    ArgumentError
        If the fractions are not positive or add up to more than 1.
    """
    numbers = all(isinstance(share, int | float | np.number) for share in fractions)
    if not numbers:
        raise ArgumentError("fractions", f"expected numbers, found {fractions}")
    seed = whole_number("seed", seed, 0)
    total = sum(fractions)
    if not fractions or min(fractions) <= 0 or total > 1 + 1e-9:
        raise ArgumentError(
            "fractions", f"expected positive ones that add up to at most 1, found {fractions}"
        )
    shares = [*fractions] if total > 1 - 1e-9 else [*fractions, 1 - total]
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(sizes))
    ends = np.cumsum(sizes[order])
    middles = (ends - sizes[order] / 2) / max(len(groups), 1)
    part_of_group = np.empty(len(sizes), np.intp)
    part_of_group[order] = np.searchsorted(np.cumsum(shares)[:-1], middles, side="right")
    part = part_of_group[group]
    return [np.flatnonzero(part == index) for index in range(len(shares))]
