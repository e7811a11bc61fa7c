"""The index of an array's chunks: a version 2 B-tree that grows at its right edge.

A node is written once it is full, and never again. What is not full yet, the
nodes along the right edge, is written again at each commit.

Source: HDF5 File Format Specification Version 3.0, sections III.A.2 and VII.E.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from crafter_dataset.builder.storage.hdf5.checksum import lookup3

UNDEFINED = b"\xff" * 8
"""The address of what is not there, as it is stored."""

FILTERED_CHUNKS = 11
"""Type of the tree's records."""

Record = bytes
_FRAME = 10
"""Bytes of a node beside its records and children: signature, version, type, checksum."""


@dataclass(frozen=True)
class Child:
    """A node that was written.

    Parameters
    ----------
    address : int
        Where it lies in the file.
    records : int
        Records in it.
    total : int
        Records in it and in all nodes below it.
    """

    address: int
    records: int
    total: int


@dataclass
class _Level:
    """The open node of one depth: its records, and the children between them, without the last."""

    records: list[Record] = field(default_factory=list)
    children: list[Child] = field(default_factory=list)


class ChunkTree:
    """Builds the index of one array.

    Parameters
    ----------
    append : callable
        Writes bytes at the end of the file and returns their address.
    dims : int
        Number of the array's dimensions.
    chunk_bytes : int
        Bytes of a chunk before compression.
    node_bytes : int
        Size of a node.
    """

    def __init__(
        self, append: Callable[[bytes], int], dims: int, chunk_bytes: int, node_bytes: int
    ) -> None:
        self._append = append
        self._dims, self._chunk_bytes = dims, chunk_bytes
        self._size_bytes = min(8, 1 + (chunk_bytes.bit_length() - 1 + 8) // 8)
        self._record_bytes = 8 + self._size_bytes + 4 + 8 * dims
        self.node_bytes = node_bytes
        self._total = 0
        self._levels = [_Level()]
        self._most = [(node_bytes - _FRAME) // self._record_bytes]
        self._most_below = [self._most[0]]

    def add(self, chunk: int, address: int, size: int) -> None:
        """Take the next chunk.

        Parameters
        ----------
        chunk : int
            Its number along the first dimension.
        address : int
            Where it lies in the file.
        size : int
            Bytes that it takes there.
        """
        self._total += 1
        record = struct.pack("<Q", address) + size.to_bytes(self._size_bytes, "little")
        record += struct.pack(f"<I{self._dims}Q", 0, chunk, *[0] * (self._dims - 1))
        leaf = self._levels[0]
        # A full leaf keeps one record back to stand between it and the next one, so that neither
        # is ever empty.
        if len(leaf.records) == self._most[0]:
            *full, between = leaf.records
            leaf.records = []
            self._close(1, self._write(0, full, []), between)
        leaf.records.append(record)

    def write(self, last: tuple[int, int, int] | None = None) -> bytes:
        """Write what is open, and the header; return the header's address.

        Parameters
        ----------
        last : tuple of int, optional
            A chunk as `add` takes it, which is not there the next time.

        Returns
        -------
        bytes
            The address as it is stored, 8 bytes; `UNDEFINED` if there is no chunk.
        """
        if last is not None:
            # On a copy: what is added there, levels too, is not there the next time.
            copy = ChunkTree(self._append, self._dims, self._chunk_bytes, self.node_bytes)
            copy._levels = [_Level([*level.records], [*level.children]) for level in self._levels]
            copy._most, copy._most_below = [*self._most], [*self._most_below]
            copy._total = self._total
            copy.add(*last)
            return copy.write()
        if not self._total:
            return UNDEFINED
        child = None
        for depth, level in enumerate(self._levels):
            children = list(level.children)
            if child is not None:
                children.append(child)
            child = self._write(depth, level.records, children)
        assert child is not None
        header = b"BTHD" + struct.pack(
            "<BBIHHBBQHQ", 0, FILTERED_CHUNKS, self.node_bytes, self._record_bytes,
            len(self._levels) - 1, 100, 40, child.address, child.records, self._total,
        )  # fmt: skip
        return struct.pack("<Q", self._append(header + lookup3(header)))

    def _close(self, depth: int, child: Child, between: Record) -> None:
        """Hand a full node, and the record that follows it, to the open node above."""
        if depth == len(self._levels):
            self._levels.append(_Level())
            width = 8 + self._count_bytes + self._total_bytes(depth)
            most = (self.node_bytes - _FRAME - width) // (self._record_bytes + width)
            self._most.append(most)
            self._most_below.append((most + 1) * self._most_below[-1] + most)
        level = self._levels[depth]
        level.records.append(between)
        level.children.append(child)
        # Two records more than are written: one goes up, one stays to divide what is left.
        if len(level.records) == self._most[depth]:
            kept = self._most[depth] - 2
            full = self._write(depth, level.records[:kept], level.children[: kept + 1])
            up = level.records[kept]
            level.records, level.children = level.records[kept + 1 :], level.children[kept + 1 :]
            self._close(depth + 1, full, up)

    def _write(self, depth: int, records: list[Record], children: list[Child]) -> Child:
        node = (b"BTIN" if depth else b"BTLF") + struct.pack("<BB", 0, FILTERED_CHUNKS)
        node += b"".join(records)
        for child in children:
            node += struct.pack("<Q", child.address)
            node += child.records.to_bytes(self._count_bytes, "little")
            if width := self._total_bytes(depth):
                node += child.total.to_bytes(width, "little")
        node += lookup3(node)
        assert len(node) <= self.node_bytes
        total = len(records) + sum(child.total for child in children)
        return Child(self._append(node.ljust(self.node_bytes, b"\0")), len(records), total)

    @property
    def _count_bytes(self) -> int:
        """Bytes of the number of records in a child."""
        return _bytes_for(self._most[0])

    def _total_bytes(self, depth: int) -> int:
        """Return the bytes that a child's total takes in a node at a depth; 0 if it is a leaf."""
        return 0 if depth < 2 else _bytes_for(self._most_below[depth - 1])


def _bytes_for(limit: int) -> int:
    return (limit.bit_length() - 1) // 8 + 1
