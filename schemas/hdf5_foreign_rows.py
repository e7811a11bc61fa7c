"""Rows of an array that other software has laid out, decoded here and not by libhdf5.

libhdf5 decompresses whatever a chunk holds, without bounds, and does not look whether it fills
the chunk. Here nothing grows beyond the chunk.
"""

from __future__ import annotations

import itertools
import math
import os
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.schemas.codecs import CHECKSUM_BYTES, fletcher32
from crafter_dataset.schemas.hdf5_format import DEFLATE, FLETCHER32
from crafter_dataset.schemas.hdf5_library import h5py

SHUFFLE, LZF = 2, 32000


def read_rows(
    descriptor: int, dataset: h5py.Dataset, end: int, start: int, stop: int
) -> NDArray[Any]:
    """Read rows of an array.

    Parameters
    ----------
    descriptor : int
        The file, open for reading.
    dataset : h5py.Dataset
        The array.
    end : int
        Bytes of the file.
    start, stop : int
        First row, and the row after the last; read up to the array's end.

    Returns
    -------
    ndarray, shape (rows, ...)
        With the stored dtype.

    Raises
    ------
    ValueError
        If it is no array of numbers, bytes are missing or cannot be decoded, or it went through
        other filters than shuffle, deflate or LZF, and Fletcher-32.
    zlib.error
        If bytes cannot be decompressed.
    """
    dtype, shape = dataset.dtype, dataset.shape
    native = dtype.kind in "buif" and dtype.itemsize <= 8
    if not native or not dataset.id.get_type().equal(h5py.h5t.py_create(dtype, logical=True)):
        raise ValueError(f"expected numbers, found {dtype}")
    stop = max(start, min(stop, shape[0]))
    if dataset.chunks is None:
        address = dataset.id.get_offset()
        if address is None:
            raise ValueError("expected bytes in the file, found none")
        row_bytes = math.prod(shape[1:]) * dtype.itemsize
        data = _stored(descriptor, end, address + start * row_bytes, (stop - start) * row_bytes)
        return np.frombuffer(data, dtype).reshape(stop - start, *shape[1:])
    filters = _filters(dataset)
    rows = np.empty((stop - start, *shape[1:]), dtype)
    firsts = range(start - start % dataset.chunks[0], stop, dataset.chunks[0])
    others = (
        range(0, size, chunk) for size, chunk in zip(shape[1:], dataset.chunks[1:], strict=True)
    )
    for corner in itertools.product(firsts, *others):
        info = dataset.id.get_chunk_info_by_coord(corner)
        if info.byte_offset is None:
            raise ValueError("expected every chunk in the file, found one missing")
        data = _stored(descriptor, end, info.byte_offset, info.size)
        # A filter may be left out where it makes nothing smaller.
        used = [number for i, number in enumerate(filters) if not info.filter_mask >> i & 1]
        chunk = _decode(data, used, dtype, dataset.chunks)
        low, high = max(start, corner[0]), min(stop, corner[0] + dataset.chunks[0])
        inside = tuple(
            slice(0, min(size - at, length))
            for at, size, length in zip(corner[1:], shape[1:], dataset.chunks[1:], strict=True)
        )
        place = tuple(
            slice(at, at + part.stop) for at, part in zip(corner[1:], inside, strict=True)
        )
        rows[(slice(low - start, high - start), *place)] = chunk[
            (slice(low - corner[0], high - corner[0]), *inside)
        ]
    return rows


def _stored(descriptor: int, end: int, address: int, size: int) -> bytes:
    if address + size > end:
        raise ValueError("expected bytes in the file, found them outside")
    return os.pread(descriptor, size, address)


def _filters(dataset: h5py.Dataset) -> list[int]:
    properties = dataset.id.get_create_plist()
    numbers = [properties.get_filter(i)[0] for i in range(properties.get_nfilters())]
    known = {SHUFFLE, DEFLATE, LZF, FLETCHER32}
    if not set(numbers) <= known or len(set(numbers)) < len(numbers):
        raise ValueError(
            f"expected filters shuffle, deflate or LZF, and Fletcher-32, found {numbers}"
        )
    return numbers


def _decode(
    data: bytes, filters: list[int], dtype: np.dtype[Any], shape: tuple[int, ...]
) -> NDArray[Any]:
    size = math.prod(shape) * dtype.itemsize
    for number in reversed(filters):
        if number == FLETCHER32:
            data, found = data[:-CHECKSUM_BYTES], data[-CHECKSUM_BYTES:]
            if fletcher32(data) != found:
                raise ValueError("a chunk fails its Fletcher-32 checksum")
        elif number == DEFLATE:
            data = _inflate(data, size + CHECKSUM_BYTES)
        elif number == LZF:
            data = _unpack(data, size + CHECKSUM_BYTES)
        else:
            data = _unshuffle(data, dtype.itemsize)
    if len(data) != size:
        raise ValueError(f"a chunk: expected {size} bytes, found {len(data)}")
    return np.frombuffer(data, dtype).reshape(shape)


def _inflate(data: bytes, most: int) -> bytes:
    inflater = zlib.decompressobj()
    raw = inflater.decompress(data, most + 1)
    if not inflater.eof:
        raise ValueError(f"a chunk: expected at most {most} bytes, found others")
    return raw


def _unshuffle(data: bytes, itemsize: int) -> bytes:
    whole = len(data) // itemsize * itemsize
    items = np.frombuffer(data, np.uint8, whole).reshape(itemsize, -1)
    return items.T.tobytes() + data[whole:]


def _unpack(data: bytes, most: int) -> bytes:
    """Undo LZF: runs of bytes, and references to what was unpacked before.

    Source: LibLZF, lzf_d.c.
    """
    out, at = bytearray(), 0
    try:
        while at < len(data):
            control = data[at]
            at += 1
            if control < 32:
                out += data[at : at + control + 1]
                at += control + 1
            else:
                length = control >> 5
                if length == 7:
                    length += data[at]
                    at += 1
                back = ((control & 31) << 8 | data[at]) + 1
                at += 1
                length += 2
                if back > len(out):
                    raise ValueError("a chunk cannot be decompressed")
                first = len(out) - back
                # What it refers to may overlap what it makes.
                pattern = out[first : first + length]
                out += (pattern * (length // len(pattern) + 1))[:length]
            if len(out) > most:
                raise ValueError(f"a chunk: expected at most {most} bytes, found more")
    except IndexError:
        raise ValueError("a chunk cannot be decompressed") from None
    return bytes(out)
