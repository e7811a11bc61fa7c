"""Random numbers and random orders as pure functions of a key and a position.

Nothing is drawn in sequence, so any place of any epoch is found at once,
without memory, by any number of processes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.schemas.arithmetic import ceil_div

_ROUNDS = 12


def mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64-bit integers, one to one.

    Source: the finaliser of SplitMix64; Steele, Lea and Flood, Fast splittable
    pseudorandom number generators, 2014, with the constants of Stafford's
    variant 13.

    Parameters
    ----------
    values : ndarray, uint64
        Of any shape.

    Returns
    -------
    ndarray, uint64
        Of the same shape.
    """
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def uniform(key: tuple[int, ...], positions: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return a random number in [0, 1) for each position.

    Parameters
    ----------
    key : tuple of int
        Non-negative integers; other keys, other numbers.
    positions : ndarray, shape (n,), int64
        Where in the stream of that key.

    Returns
    -------
    ndarray, shape (n,), float64
        The numbers.
    """
    first, second = np.random.SeedSequence(key).generate_state(2, np.uint64)
    words = mix(mix(positions.astype(np.uint64) + first) ^ second)
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


@dataclass(frozen=True)
class Permutation:
    """A random order of the integers below `size`, without memory.

    A Feistel network over pairs from two ranges whose product is barely larger
    than `size`; what falls outside is permuted again until it falls inside.
    Source: Black and Rogaway, Ciphers with arbitrary finite domains, 2002
    (methods of cycle walking and of the generalised Feistel cipher).

    Parameters
    ----------
    size : int
        How many integers, 1 or more.
    key : tuple of int
        Non-negative integers; other keys, other orders.
    """

    size: int
    key: tuple[int, ...]

    def at(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the integers at some positions of the order.

        Parameters
        ----------
        positions : ndarray, shape (n,), int64
            From 0 to `size - 1`.

        Returns
        -------
        ndarray, shape (n,), int64
            From 0 to `size - 1`.
        """
        keys = np.random.SeedSequence(self.key).generate_state(_ROUNDS, np.uint64)
        high = np.uint64(math.isqrt(self.size - 1) + 1)
        low = np.uint64(ceil_div(self.size, int(high)))
        values = positions.astype(np.uint64)
        outside = np.arange(len(values))
        while len(outside):
            left, right = values[outside] // low, values[outside] % low
            for number, key in enumerate(keys):
                if number % 2:
                    right = (right + mix(left ^ key) % low) % low
                else:
                    left = (left + mix(right ^ key) % high) % high
            values[outside] = left * low + right
            outside = outside[values[outside] >= self.size]
        return values.astype(np.int64)
