"""The checksum of HDF5's own structures."""

from __future__ import annotations

import struct

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
