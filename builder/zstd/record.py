"""What a chunk is worked on in: one record, so that kernels take one pointer."""

from __future__ import annotations

from typing import Any

import numpy as np

LANES = 4
"""Distances that an image is compared at."""

LEFT, ABOVE, STILL, MOVED = range(LANES)
"""The cell beside and the one above, the image before, and the same moved."""

LEAST = 8
"""Bytes of the shortest repeat that is used; `words.run_starts` finds these."""

CELL_BITS = 10
"""Logarithm of the number of cells that are kept in mind."""

MOST_BLOCK = 2**17
"""Bytes of a block, before compression."""

MOST_STATES, MOST_SYMBOLS = 128, 64
"""Of a code of Finite State Entropy."""

BYTES = 256
"""Symbols of Huffman's code."""

_STATES = [
    ("log", "i8"),
    # How often each symbol is found, and in how many states it is.
    ("found", "i8", (MOST_SYMBOLS,)),
    ("share", "i8", (MOST_SYMBOLS,)),
    # The next states, symbol by symbol; where a symbol's begin; and what tells how many bits go.
    ("states", "i8", (MOST_STATES,)),
    ("first", "i8", (MOST_SYMBOLS,)),
    ("bits", "i8", (MOST_SYMBOLS,)),
    # Room to build them.
    ("order", "u1", (MOST_STATES,)),
    ("used", "i8", (MOST_SYMBOLS,)),
]

_LITERAL_CODE = [
    ("found", "i8", (BYTES,)),  # how often each byte is found
    ("length", "u1", (BYTES,)),  # bits of its code, 0 for none
    ("entry", "u8", (BYTES,)),  # its code in the highest bits, and their number in the lowest
    ("longest", "i8"),
    # Room to build it: bytes from the rarest on, and the nodes of the tree.
    ("order", "i8", (BYTES,)),
    ("weight", "i8", (2 * BYTES,)),
    ("parent", "i8", (2 * BYTES,)),
    ("depth", "i8", (2 * BYTES,)),
    ("weights", _STATES),
]


def work_dtype(chunk_bytes: int) -> np.dtype[Any]:
    """Layout of the record for chunks of up to so many bytes."""
    return np.dtype(
        [
            # What repeats in a band: a row of words a lane, then a row that stays 0. It comes
            # first, so that it is as well aligned as the record.
            ("masks", "u8", (MOST_BLOCK // 64 + 1, LANES)),
            ("chunk", "i8"),  # its address
            ("chunk_bytes", "i8"),
            # Images are made of lines, of so many words of 64 bytes. Those of a band of cells are
            # compared together; the first band may be of another height.
            ("image_bytes", "i8"),
            ("line_bytes", "i8"),
            ("words", "i8"),
            ("lines", "i8"),
            ("border_lines", "i8"),
            ("band_lines", "i8"),
            ("border_bytes", "i8"),
            ("cell_bytes", "i8"),
            # The last place of a cell of each hash, plus one.
            ("cells", "i8", (2**CELL_BITS,)),
            ("distances", "i8", (LANES,)),
            # Of a band's lines: place, length and distance.
            ("runs", "i8", (MOST_BLOCK // LEAST + 2, 3)),
            ("run_count", "i8"),
            # Of the chunk: literals, length and distance; and which is the block's first.
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
