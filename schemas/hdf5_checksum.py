"""The checksum of HDF5's own structures."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MASK = 0xFFFFFFFF


def lookup3(data: bytes) -> bytes:
    """Return Jenkins' lookup3 hash of some bytes, as four little-endian bytes.

    Source: Bob Jenkins, lookup3.c, `hashlittle` with initval 0, as the HDF5 File
    Format Specification asks for.

    Parameters
    ----------
    data : bytes
        The bytes.
    """
    a = b = c = (0xDEADBEEF + len(data)) & _MASK
    # All blocks of twelve bytes but the last one, which goes through another mixing.
    blocks = max(0, len(data) - 1) // 12
    words = struct.unpack_from(f"<{3 * blocks}I", data)
    for x, y, z in zip(words[0::3], words[1::3], words[2::3], strict=True):
        a, b, c = a + x, b + y, c + z
        a = (a - c ^ _turn(c, 4)) & _MASK
        c += b
        b = (b - a ^ _turn(a, 6)) & _MASK
        a += c
        c = (c - b ^ _turn(b, 8)) & _MASK
        b += a
        a = (a - c ^ _turn(c, 16)) & _MASK
        c += b
        b = (b - a ^ _turn(a, 19)) & _MASK
        a += c
        c = (c - b ^ _turn(b, 4)) & _MASK
        b += a
    if not data:
        return struct.pack("<I", c)
    x, y, z = struct.unpack("<3I", data[12 * blocks :].ljust(12, b"\0"))
    a, b, c = a + x, b + y, c + z
    c = ((c ^ b) - _turn(b, 14)) & _MASK
    a = ((a ^ c) - _turn(c, 11)) & _MASK
    b = ((b ^ a) - _turn(a, 25)) & _MASK
    c = ((c ^ b) - _turn(b, 16)) & _MASK
    a = ((a ^ c) - _turn(c, 4)) & _MASK
    b = ((b ^ a) - _turn(a, 14)) & _MASK
    c = ((c ^ b) - _turn(b, 24)) & _MASK
    return struct.pack("<I", c)


def _turn(value: int, bits: int) -> int:
    value &= _MASK
    return (value << bits | value >> 32 - bits) & _MASK


def lookup3_of_rows(rows: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return the lookup3 hash of each of many equally long runs of bytes, all at once.

    Parameters
    ----------
    rows : ndarray, shape (runs, bytes), uint8
        The runs, of a byte or more.

    Returns
    -------
    ndarray, shape (runs,), uint32
        Their hashes, as `lookup3` has them.
    """
    count, size = rows.shape
    blocks = (size - 1) // 12
    padded = np.zeros((count, 12 * (blocks + 1)), np.uint8)
    padded[:, :size] = rows
    words = np.ascontiguousarray(padded.view("<u4").T, np.uint32)
    a = np.full(count, (0xDEADBEEF + size) & _MASK, np.uint32)
    b, c = a.copy(), a.copy()
    for block in range(blocks):
        x, y, z = words[3 * block : 3 * block + 3]
        a, b, c = a + x, b + y, c + z
        a = a - c ^ _turned(c, 4)
        c = c + b
        b = b - a ^ _turned(a, 6)
        a = a + c
        c = c - b ^ _turned(b, 8)
        b = b + a
        a = a - c ^ _turned(c, 16)
        c = c + b
        b = b - a ^ _turned(a, 19)
        a = a + c
        c = c - b ^ _turned(b, 4)
        b = b + a
    x, y, z = words[3 * blocks :]
    a, b, c = a + x, b + y, c + z
    c = (c ^ b) - _turned(b, 14)
    a = (a ^ c) - _turned(c, 11)
    b = (b ^ a) - _turned(a, 25)
    c = (c ^ b) - _turned(b, 16)
    a = (a ^ c) - _turned(c, 4)
    b = (b ^ a) - _turned(a, 14)
    hashes: NDArray[np.uint32] = (c ^ b) - _turned(b, 24)
    return hashes


def _turned(values: NDArray[Any], bits: int) -> NDArray[Any]:
    turned: NDArray[Any] = values << np.uint32(bits) | values >> np.uint32(32 - bits)
    return turned
