"""Where the chunks of an array lie: a version 2 B-tree, read by a parser of our own.

It is read level by level, so that whatever children a node claims, no more nodes are looked at
than the file has room for.

Source: HDF5 File Format Specification Version 3.0, sections III.A.2 and VII.E.
"""

from __future__ import annotations

import math
import struct

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.schemas.arithmetic import ceil_div
from crafter_dataset.schemas.errors import CorruptDataError
from crafter_dataset.schemas.hdf5_checksum import lookup3, lookup3_of_rows
from crafter_dataset.schemas.hdf5_stored import table_of_places
from crafter_dataset.schemas.hdf5_structures import UNDEFINED, ArrayHeader, Read

_HEADER_BYTES = 38
_FILTERED_CHUNKS = 11
_FRAME = 10
"""Bytes of a node beside its records and children: signature, version, type, checksum."""

_MOST_DEPTH = 8
_BATCH = 256
"""Nodes that are read at a time."""

_FEW = 8
"""Nodes up to which hashing them one by one is faster."""


def read_places(read: Read, array: ArrayHeader, end: int) -> NDArray[np.int64]:
    """Find all chunks of an array.

    Parameters
    ----------
    read : callable
        Reads bytes of the file.
    array : ArrayHeader
        The array.
    end : int
        Bytes of the file.

    Returns
    -------
    ndarray, shape (chunks, 2), int64
        Address and stored size of each chunk, in bytes, up to the last one that is there. A chunk
        that is missing, or left out a filter, has the size 0.

    Raises
    ------
    CorruptDataError
        If the index is damaged, or a chunk lies outside the array or the file.
    """
    if array.index == UNDEFINED:
        return np.zeros((0, 2), np.int64)
    rank = len(array.shape)
    chunk_bytes = array.chunk_rows * math.prod(array.shape[1:]) * array.dtype.itemsize
    size_bytes = min(8, 1 + (chunk_bytes.bit_length() - 1 + 8) // 8)
    record_bytes = 8 + size_bytes + 4 + 8 * rank
    count = ceil_div(array.shape[0], array.chunk_rows)
    records = _Tree(read, array, record_bytes, end, count).records()
    addresses, sizes = (_unsigned(part) for part in np.split(records[:, : 8 + size_bytes], [8], 1))
    masks = _unsigned(records[:, 8 + size_bytes : 12 + size_bytes])
    corners = np.ascontiguousarray(records[:, 12 + size_bytes :]).view("<u8")
    numbers = corners[:, 0]
    if corners[:, 1:].any():
        raise CorruptDataError("a chunk lies outside the array")
    if len(np.unique(numbers)) != len(numbers):
        raise CorruptDataError("expected each chunk once, found one twice")
    places = table_of_places(numbers, addresses, sizes, count, end)
    places[numbers[masks != 0]] = 0
    return places


class _Tree:
    """The index of one array."""

    def __init__(
        self, read: Read, array: ArrayHeader, record_bytes: int, end: int, count: int
    ) -> None:
        self._read, self._record_bytes = read, record_bytes
        self._node_bytes, self._nodes_left = array.node_bytes, end // array.node_bytes
        header = read(array.index, _HEADER_BYTES)
        if header[:4] != b"BTHD" or lookup3(header[:-4]) != header[-4:]:
            raise CorruptDataError("the index of its chunks fails its checksum")
        version, kind, node_bytes, found, depth, _, _, root, held, total = struct.unpack_from(
            "<BBIHHBBQHQ", header, 4
        )
        expected = 0, _FILTERED_CHUNKS, array.node_bytes, record_bytes
        if (version, kind, node_bytes, found) != expected or depth > _MOST_DEPTH:
            raise CorruptDataError("expected an index of its chunks, found another structure")
        if total > count:
            raise CorruptDataError(f"expected {count} chunks, found {total}")
        self._depth, self._total = depth, total
        self._root = np.array([root], np.uint64), np.array([held], np.uint64)
        self._most = [(node_bytes - _FRAME) // record_bytes]
        self._widths = [(0, 0)]
        below = self._most[0]
        for level in range(1, depth + 1):
            widths = _bytes_for(self._most[0]), _bytes_for(below) if level > 1 else 0
            child = 8 + sum(widths)
            most = (node_bytes - _FRAME - child) // (record_bytes + child)
            self._widths.append(widths)
            self._most.append(most)
            below = (most + 1) * below + most
        if min(self._most) < 1:
            raise CorruptDataError("expected nodes with room for records, found smaller ones")

    def records(self) -> NDArray[np.uint8]:
        """Return all records, shape (records, bytes), uint8, in no order."""
        found: list[NDArray[np.uint8]] = [np.zeros((0, self._record_bytes), np.uint8)]
        addresses, counts = self._root
        number = 0
        for level in range(self._depth, -1, -1):
            self._nodes_left -= len(addresses)
            if self._nodes_left < 0 or (counts > self._most[level]).any():
                raise CorruptDataError("an index of chunks with more in it than there is room for")
            children = []
            for first in range(0, len(addresses), _BATCH):
                batch = slice(first, first + _BATCH)
                nodes = self._nodes(addresses[batch])
                for held in np.unique(counts[batch]).tolist():
                    alike = nodes[counts[batch] == held]
                    records, below = self._parse(alike, level, held)
                    number += len(records)
                    if number > self._total:
                        raise CorruptDataError(f"expected {self._total} chunks, found more")
                    found.append(records)
                    children.append(below)
            if level:
                addresses = np.concatenate([below[0] for below in children])
                counts = np.concatenate([below[1] for below in children])
        if number != self._total:
            raise CorruptDataError(f"expected {self._total} chunks in an index, found {number}")
        return np.concatenate(found)

    def _nodes(self, addresses: NDArray[np.uint64]) -> NDArray[np.uint8]:
        data = b"".join(self._read(address, self._node_bytes) for address in addresses.tolist())
        return np.frombuffer(data, np.uint8).reshape(-1, self._node_bytes)

    def _parse(
        self, nodes: NDArray[np.uint8], level: int, held: int
    ) -> tuple[NDArray[np.uint8], tuple[NDArray[np.uint64], NDArray[np.uint64]]]:
        """Return the records of nodes that have equally many; the children's places and counts."""
        counted, total = self._widths[level]
        child = 8 + counted + total if level else 0
        middle = 6 + held * self._record_bytes
        size = middle + child * (held + 1)
        signature = np.frombuffer((b"BTIN" if level else b"BTLF") + b"\0\x0b", np.uint8)
        stored = np.ascontiguousarray(nodes[:, size : size + 4]).view("<u4").ravel()
        if (nodes[:, :6] != signature).any() or (_hashes(nodes[:, :size]) != stored).any():
            raise CorruptDataError("the index of its chunks fails its checksum")
        records = nodes[:, 6:middle].reshape(-1, self._record_bytes)
        below = nodes[:, middle:size].reshape(-1, child) if level else np.zeros((0, 16), np.uint8)
        return records, (_unsigned(below[:, :8]), _unsigned(below[:, 8 : 8 + counted]))


def _hashes(rows: NDArray[np.uint8]) -> NDArray[np.uint32]:
    if len(rows) > _FEW:
        return lookup3_of_rows(rows)
    return np.frombuffer(b"".join(lookup3(row.tobytes()) for row in rows), "<u4")


def _unsigned(columns: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return little-endian numbers of up to eight bytes."""
    wide = np.zeros((len(columns), 8), np.uint8)
    wide[:, : columns.shape[1]] = columns
    return wide.view("<u8").ravel()


def _bytes_for(limit: int) -> int:
    return (limit.bit_length() - 1) // 8 + 1
