"""The record that a chunk is compressed in: only one, so that kernels take one pointer."""

from __future__ import annotations

from typing import Any

import numpy as np

LANES = 4
"""Number of distances at which an image is compared with what comes before."""

LEFT, ABOVE, STILL, MOVED = range(LANES)
"""Lanes: the cell to the left, the cell above, the image before, and that image moved."""

LEAST = 8
"""Bytes of the shortest repeat that is used; `words.run_starts` finds these."""

CELL_BITS = 10
"""Base-2 logarithm of the number of cells that are remembered."""

MOST_BLOCK = 2**17
"""Bytes of a block before compression, at most."""

MOST_STATES, MOST_SYMBOLS = 128, 64
"""States and symbols of a code of Finite State Entropy, at most."""

BYTES = 256
"""Symbols of the Huffman code."""

_STATES = [
    ("log", "i8"),
    # How often each symbol occurs, and how many states it has.
    ("found", "i8", (MOST_SYMBOLS,)),
    ("share", "i8", (MOST_SYMBOLS,)),
    # The next states, grouped by symbol; and per symbol, an offset into them, and what the number
    # of bits to output follows from.
    ("states", "i8", (MOST_STATES,)),
    ("first", "i8", (MOST_SYMBOLS,)),
    ("bits", "i8", (MOST_SYMBOLS,)),
    # Room to build these.
    ("order", "u1", (MOST_STATES,)),
    ("used", "i8", (MOST_SYMBOLS,)),
]

_LITERAL_CODE = [
    ("found", "i8", (BYTES,)),  # how often each byte is found
    ("length", "u1", (BYTES,)),  # bits of its code, 0 for none
    ("entry", "u8", (BYTES,)),  # its code in the highest bits, and their number in the lowest
    ("longest", "i8"),
    # Room to build it: bytes from the rarest on, the nodes of the tree, and the code of weights.
    ("order", "i8", (BYTES,)),
    ("weight", "i8", (2 * BYTES,)),
    ("parent", "i8", (2 * BYTES,)),
    ("depth", "i8", (2 * BYTES,)),
    ("weights", _STATES),
]


def work_dtype(chunk_bytes: int) -> np.dtype[Any]:
    """Return the layout of the record.

    Parameters
    ----------
    chunk_bytes : int
        Bytes of a chunk, at most.

    Returns
    -------
    numpy.dtype
        A structured type, aligned as in C.
    """
    return np.dtype(
        [
            # What repeats in a band: rows of a word per lane, then a row that stays 0. It comes
            # first, so that it is as well aligned as the record.
            ("masks", "u8", (MOST_BLOCK // 64 + 1, LANES)),
            ("chunk", "i8"),  # its address
            ("chunk_bytes", "i8"),
            # Images are made of lines, which take so many words of 64 bytes. The lines of a band,
            # a row of cells, are compared together; the first band may have another height.
            ("image_bytes", "i8"),
            ("line_bytes", "i8"),
            ("words", "i8"),
            ("lines", "i8"),
            ("border_lines", "i8"),
            ("band_lines", "i8"),
            ("border_bytes", "i8"),
            ("cell_bytes", "i8"),
            # Where the last cell with each hash begins, plus one.
            ("cells", "i8", (2**CELL_BITS,)),
            ("distances", "i8", (LANES,)),
            # Repeats in a band's lines: place, length and distance.
            ("runs", "i8", (MOST_BLOCK // LEAST + 2, 3)),
            ("run_count", "i8"),
            # Sequences of the chunk: number of literals, length and distance; and which is the
            # block's first.
            ("sequences", "i4", (chunk_bytes // LEAST + 2, 3)),
            ("count", "i8"),
            ("block_first", "i8"),
            ("covered", "i8"),  # bytes that belong to sequences so far
            ("literals", "u1", (chunk_bytes + 64,)),
            ("literal_count", "i8"),
            # Where each block's sequences and literals end.
            ("blocks", "i8", (2 * (chunk_bytes // MOST_BLOCK) + 2, 2)),
            ("block_bytes", "i8"),
            ("block_count", "i8"),
            # Codes of literal counts, distances and lengths, and how many symbols each has.
            ("codes", [("tables", _STATES, (3,)), ("symbols", "i8", (3,))]),
            ("literal_code", _LITERAL_CODE),
            ("out", "u1", (3 * chunk_bytes + 4096,)),
        ],
        align=True,
    )


# Numba's records have no Python type. In kernels, their fields are attributes.

Work = Any
"""A record of `work_dtype`, in which a chunk is compressed."""

SequenceCodes = Any
"""The record `codes` of a `Work`: three `StateTable`s, and how many symbols each has."""

LiteralCode = Any
"""The record `literal_code` of a `Work`: the Huffman code of the literals."""

StateTable = Any
"""A record of a Finite State Entropy code: one of `tables` in a `SequenceCodes`, or `weights` in a
`LiteralCode`."""
