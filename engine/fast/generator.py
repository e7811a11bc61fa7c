"""`numpy.random.Generator` over PCG64, draw for draw, for policies that are compiled.

PCG XSL-RR 128/64 as in M. O'Neill, "PCG: A Family of Simple Fast Space-Efficient Statistically
Good Algorithms for Random Number Generation" (2014), and as NumPy's `PCG64` has it.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.engine.compiled.jit import kernel

Random: TypeAlias = NDArray[np.uint64]
"""Shape (4,), uint64: state and increment of a PCG64, high words first."""

_HIGH, _LOW = np.uint64(0x2360ED051FC65DA4), np.uint64(0x4385DF649FCCF645)
_HALF, _MASK = np.uint64(32), np.uint64(0xFFFFFFFF)
_u64 = np.uint64


@kernel
def _product(a: np.uint64, b: np.uint64) -> np.uint64:
    """Return the upper 64 bits of a product."""
    a0, a1, b0, b1 = a & _MASK, a >> _HALF, b & _MASK, b >> _HALF
    low, middle, other = a0 * b0, a1 * b0, a0 * b1
    carry = ((low >> _HALF) + (middle & _MASK) + (other & _MASK)) >> _HALF
    return _u64(a1 * b1 + (middle >> _HALF) + (other >> _HALF) + carry)


@kernel
def next_word(random: Random) -> np.uint64:
    """Return the next 64 random bits; mirrors `pcg64_next64`.

    Parameters
    ----------
    random : Random
        State; it goes on by a draw.
    """
    high, low = random[0], random[1]
    new_low = _u64(low * _LOW)
    new_high = _u64(_product(low, _LOW) + high * _LOW + low * _HIGH)
    random[1] = new_low + random[3]
    random[0] = new_high + random[2] + _u64(random[1] < new_low)
    turn = random[0] >> np.uint64(58)
    word = random[0] ^ random[1]
    return _u64((word >> turn) | (word << ((np.uint64(64) - turn) & np.uint64(63))))


@kernel
def uniform(random: Random) -> float:
    """Return a number from 0 up to but not including 1; mirrors `Generator.random`.

    Parameters
    ----------
    random : Random
        State; it goes on by a draw.
    """
    return np.float64(next_word(random) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@kernel
def below(random: Random, count: int) -> int:
    """Return an integer from 0 up to but not including a small count: `int(count * uniform)`.

    Parameters
    ----------
    random : Random
        State; it goes on by a draw.
    count : int
        How many integers there are, 1 to 2**32; more would not all be as likely.
    """
    return np.int64(uniform(random) * count)
