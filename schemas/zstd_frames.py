"""How much a Zstandard frame grows to, from its headers: before any of it is decompressed.

Source: RFC 8878, sections 3.1.1.1 and 3.1.1.2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MAGIC = b"\x28\xb5\x2f\xfd"
"""The first bytes of a frame; what begins otherwise, skippable frames too, is refused."""

HEADER_BYTES = 18
"""Bytes of the longest header of a frame."""

_BLOCK_BYTES = 2**17
"""Bytes that a block holds, at most."""

_SLACK = 2**24


def stated_bytes(header: bytes) -> int | None:
    """Return the size of a frame's content, as its header states it; None if it does not.

    Parameters
    ----------
    header : bytes
        The first `HEADER_BYTES` of the frame, or all of a shorter one.

    Raises
    ------
    ValueError
        If it is the start of no frame.
    """
    if header[:4] != MAGIC or len(header) < 6:
        raise ValueError("expected a Zstandard frame, found other bytes")
    descriptor = header[4]
    single = descriptor >> 5 & 1
    size = (single, 2, 4, 8)[descriptor >> 6]
    start = 6 - single + (0, 1, 2, 4)[descriptor & 3]
    if not size:
        return None
    if len(header) < start + size:
        raise ValueError("expected a Zstandard frame, found a part of one")
    return int.from_bytes(header[start : start + size], "little") + (256 if size == 2 else 0)


def fits(body: NDArray[np.uint8], most: int) -> bool:
    """Tell whether a frame that does not state its size may be decompressed for `most` bytes.

    Writers that stream make many small blocks, so that the bound is a loose one: 16 times as
    many bytes, and 16 MiB, at most.

    Parameters
    ----------
    body : ndarray, shape (bytes,), uint8
        The frame, whose header was read before.
    most : int
        Bytes that are expected, at most.
    """
    return _most_bytes(body) <= 16 * most + _SLACK


def _most_bytes(body: NDArray[np.uint8]) -> int:
    """Bound the content of a frame from the headers of its blocks."""
    descriptor = int(body[4])
    largest = _BLOCK_BYTES
    if not descriptor >> 5 & 1:
        exponent, mantissa = divmod(int(body[5]), 8)
        largest = min(largest, (8 + mantissa) << 7 + exponent)
    start = 6 - (descriptor >> 5 & 1) + (0, 1, 2, 4)[descriptor & 3]
    most, is_last = 0, False
    while not is_last and start + 3 <= len(body):
        header = int.from_bytes(body[start : start + 3].tobytes(), "little")
        is_last, kind, size = bool(header & 1), header >> 1 & 3, header >> 3
        # A raw block, one byte repeated, or a compressed block.
        most += size if kind < 2 else largest
        start += 3 + (1 if kind == 1 else size)
    # A frame after the first one would not be counted.
    return most if start + 4 >= len(body) else 2**63
