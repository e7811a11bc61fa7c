"""A chunk that ends in zeros as one frame of Zstandard; RFC 8878, section 3.1.

What such chunks begin with is random, so that looking for anything to compress is time lost.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from crafter_dataset.schemas.zstd_frames import MAGIC

MOST_BYTES = 2**17
"""Bytes of a chunk, at most: those of a block."""

_RAW, _REPEATED = 0, 1
_ONE_SEGMENT_OF_4_SIZE_BYTES = 0xA0
_SHORT = 64
_START = MAGIC + bytes([_ONE_SEGMENT_OF_4_SIZE_BYTES])


def encode_sparse(chunk: NDArray[Any]) -> bytes:
    """Encode a chunk as a block of what is in it, and a block of the zeros at its end.

    Parameters
    ----------
    chunk : ndarray
        The chunk, of 1 to `MOST_BYTES` bytes.

    Returns
    -------
    bytes
        The frame.
    """
    content = chunk.tobytes()
    # Most chunks hold a few bytes; stripping looks at one byte after the other.
    start = content[:_SHORT]
    is_short = content == start.ljust(len(content), b"\0")
    filled = (start if is_short else content).rstrip(b"\0")
    zeros = len(content) - len(filled)
    blocks = _header(_RAW, len(filled), not zeros) + filled
    if zeros:
        blocks += _header(_REPEATED, zeros, True) + b"\0"
    return _START + len(content).to_bytes(4, "little") + blocks


def _header(kind: int, size: int, is_last: bool) -> bytes:
    return (size << 3 | kind << 1 | is_last).to_bytes(3, "little")
