"""Shard files to the letter of Zarr's `sharding_indexed` codec, index at the end.

A shard is the encoded chunks, one after the other, then an index of
(offset, size) pairs of little-endian uint64, one per chunk in C order, then the
CRC-32C of the index. A chunk that is missing has 2**64 - 1 for both.

Source: Zarr v3, codecs/sharding-indexed, version 1.0.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.schemas.codecs import CHECKSUM_BYTES, crc32c
from crafter_dataset.schemas.errors import CorruptDataError

MISSING = 2**64 - 1


def shard_parts(chunks: Sequence[bytes | memoryview], slots: int) -> Iterable[bytes | memoryview]:
    """Yield the parts of a shard file in order, ready to be written one after the other.

    Parameters
    ----------
    chunks : sequence of bytes-like
        The first encoded chunks of the shard; the remaining slots stay empty.
    slots : int
        Number of chunks that the shard has room for.

    Yields
    ------
    bytes-like
        The chunks, then the index, then its checksum.
    """
    index = np.full((slots, 2), MISSING, "<u8")
    sizes = [len(chunk) for chunk in chunks]
    index[: len(chunks), 0] = list(itertools.accumulate(sizes, initial=0))[:-1]
    index[: len(chunks), 1] = sizes
    yield from chunks
    yield index.tobytes()
    yield crc32c(index.tobytes())


def index_bytes(slots: int) -> int:
    """Return how many bytes the index takes at the end of a shard, its checksum included.

    Parameters
    ----------
    slots : int
        Number of chunks that the shard has room for.
    """
    return 16 * slots + CHECKSUM_BYTES


def read_index(
    shard: bytes | memoryview, slots: int, shard_bytes: int | None = None
) -> NDArray[np.uint64]:
    """Read a shard's index.

    Parameters
    ----------
    shard : bytes or memoryview
        The shard, or its end.
    slots : int
        Number of chunks that the shard has room for.
    shard_bytes : int, optional
        Bytes of the whole shard, if only its end is given.

    Returns
    -------
    ndarray, shape (slots, 2), uint64
        Offset and size of each chunk in bytes; `MISSING` for both where there is none.

    Raises
    ------
    CorruptDataError
        If the shard is too short, its index fails its checksum, or a chunk
        would lie outside the file.
    """
    size = index_bytes(slots)
    if len(shard) < size:
        raise CorruptDataError(f"a shard: expected at least {size} bytes, found {len(shard)}")
    data = bytes(shard[-size:-CHECKSUM_BYTES])
    if crc32c(data) != bytes(shard[-CHECKSUM_BYTES:]):
        raise CorruptDataError("a shard's index fails its CRC-32C checksum")
    index = np.frombuffer(data, "<u8").reshape(slots, 2)
    room = np.uint64((shard_bytes or len(shard)) - size)
    starts, lengths = index[index[:, 0] != MISSING].T
    # The sum of the two could overflow.
    if (starts > room).any() or (lengths > room - starts).any():
        raise CorruptDataError("a shard's index points outside its file")
    return index


def read_chunks(shard: bytes | memoryview, slots: int, count: int) -> list[bytes]:
    """Read the first encoded chunks of a shard.

    Parameters
    ----------
    shard : bytes or memoryview
        The shard.
    slots : int
        Number of chunks that it has room for.
    count : int
        How many chunks to read.

    Raises
    ------
    CorruptDataError
        If one of them is missing or the index is damaged.
    """
    index = read_index(shard, slots)[:count]
    if count > slots or (index == MISSING).any():
        raise CorruptDataError(f"a shard: expected {count} chunks, found fewer")
    return [bytes(shard[int(start) : int(start + size)]) for start, size in index]
