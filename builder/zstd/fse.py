"""Finite State Entropy, Zstandard's code for few symbols of uneven frequencies.

Source: RFC 8878, section 4.1, for the format; for the encoder's tables, the
paper behind it, J. Duda, "Asymmetric numeral systems" (arXiv 1311.2540), and
Y. Collet's description of his implementation.

A code has a table of 2**log states. Encoding a symbol in a state outputs the
state's lowest bits, as many as needed, and leads to the next state.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.builder.zstd.record import MOST_SYMBOLS, StateTable
from crafter_dataset.engine.compiled.intrinsics import highest_bit
from crafter_dataset.engine.compiled.jit import kernel

_u = np.uint64


@kernel
def share_states(table: StateTable, log: int) -> int:
    """Share the states out to the symbols, about in proportion to their frequencies.

    Parameters
    ----------
    table : StateTable
        `found` is read, `log` and `share` are set.
    log : int
        Base-2 logarithm of the number of states.

    Returns
    -------
    int
        Number of symbols that occur; with fewer than two there is no code.
    """
    total = np.int64(0)
    symbols = 0
    for symbol in range(MOST_SYMBOLS):
        total += table.found[symbol]
        symbols += table.found[symbol] > 0
    if symbols < 2:
        return symbols
    table.log = log
    left = 1 << log
    largest = 0
    for symbol in range(MOST_SYMBOLS):
        count = table.found[symbol]
        share = max((count << log) // total, 1) if count else 0
        table.share[symbol] = share
        left -= share
        if share > table.share[largest]:
            largest = symbol
    # The rounding error goes to, or comes from, the most frequent symbols.
    while left < 0:
        largest = 0
        for symbol in range(MOST_SYMBOLS):
            if table.share[symbol] > table.share[largest]:
                largest = symbol
        taken = min(-left, (table.share[largest] + 1) // 2)
        table.share[largest] -= taken
        left += taken
    table.share[largest] += left
    return symbols


@kernel
def build_table(table: StateTable) -> None:
    """Spread the symbols over the states as the decoder does, and invert that for encoding.

    Parameters
    ----------
    table : StateTable
        `log` and `share` are read; `states`, `first` and `bits` are set.
    """
    log = table.log
    size = 1 << log
    step = (size >> 1) + (size >> 3) + 3
    place = 0
    start = 0
    for symbol in range(MOST_SYMBOLS):
        share = table.share[symbol]
        for _ in range(share):
            table.order[place] = symbol
            place = (place + step) & (size - 1)
        table.used[symbol] = start
        if share:
            # A state outputs `most` bits from `share << most` on, and one fewer below.
            most = log - (np.int64(highest_bit(_u(share - 1))) if share > 1 else 0)
            table.bits[symbol] = (most << 16) - (share << most)
            table.first[symbol] = start - share
        start += share
    for state in range(size):
        symbol = table.order[state]
        table.states[table.used[symbol]] = size + state
        table.used[symbol] += 1


@kernel
def first_state(table: StateTable, symbol: int) -> int:
    """Return a state to begin with, which encodes a symbol without any output.

    Parameters
    ----------
    table : StateTable
        A code that was built.
    symbol : int
        A symbol that occurs.
    """
    bits = (table.bits[symbol] + (1 << 15)) >> 16
    state = (bits << 16) - table.bits[symbol]
    return np.int64(table.states[(state >> bits) + table.first[symbol]])


@kernel
def write_shares(table: StateTable, out: NDArray[np.uint8], at: int) -> int:
    """Write the description of a code (section 4.1.1), and return the place after it.

    Parameters
    ----------
    table : StateTable
        A code whose states are shared out.
    out : ndarray, shape (bytes,), uint8
        Where to write.
    at : int
        Index in `out` of the first byte to write.
    """
    size = 1 << table.log
    last = 0
    for symbol in range(MOST_SYMBOLS):
        if table.share[symbol]:
            last = symbol
    bits = np.int64(table.log - 5)
    held = 4
    remaining, threshold, width = size + 1, size, table.log + 1
    symbol = 0
    while symbol <= last:
        share = table.share[symbol]
        # A share is written plus one, the small ones in one bit less.
        spare = 2 * threshold - 1 - remaining
        remaining -= share
        value = share + 1
        if value >= threshold:
            value += spare
        bits |= value << held
        held += width - (value < spare)
        while remaining < threshold and threshold > 1:
            width -= 1
            threshold >>= 1
        symbol += 1
        if share == 0:
            # How many more are zero, in digits to the base four; after a 3 comes another one.
            zeros = 0
            while table.share[symbol + zeros] == 0:
                zeros += 1
            symbol += zeros
            while zeros >= 3:
                bits |= 3 << held
                held += 2
                zeros -= 3
                at, bits, held = _flush(out, at, bits, held)
            bits |= zeros << held
            held += 2
        at, bits, held = _flush(out, at, bits, held)
    if held:
        out[at] = bits
        at += 1
    return at


@kernel
def _flush(out: NDArray[np.uint8], at: int, bits: int, held: int) -> tuple[int, int, int]:
    while held >= 8:
        out[at] = bits & 255
        at += 1
        bits >>= 8
        held -= 8
    return at, bits, held
