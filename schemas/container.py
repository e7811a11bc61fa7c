"""What a container is, be it a Zarr group or an HDF5 file: arrays of rows, and attributes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.schemas.codecs import Checksum, crc32c
from crafter_dataset.schemas.layout import Field
from crafter_dataset.schemas.metadata import Metadata
from crafter_dataset.schemas.violations import Violation


@dataclass(frozen=True)
class Cuts:
    """Rows to be read from one array, and where they go: one cut for each item of a batch.

    Parameters
    ----------
    starts, stops : ndarray of int64, shape (items,)
        First row of each cut, and the row after its last.
    places : ndarray of int64, shape (items,)
        Where in the item its first row goes.
    """

    starts: NDArray[np.int64]
    stops: NDArray[np.int64]
    places: NDArray[np.int64]

    @classmethod
    def one(cls, start: int, stop: int) -> Cuts:
        """Make a single cut, which fills its item."""
        return cls(*(np.array([value]) for value in (start, stop, 0)))

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        """Iterate over start, stop and place of each cut."""
        return zip(self.starts.tolist(), self.stops.tolist(), self.places.tolist(), strict=True)

    @property
    def offsets(self) -> NDArray[np.int64]:
        """Row of the array that would be in row 0 of each item, as a column."""
        return (self.starts - self.places)[:, None]


@dataclass(frozen=True)
class ArrayInfo:
    """The structure of one array.

    Parameters
    ----------
    shape : tuple of int
        Shape, rows first.
    dtype : numpy.dtype
        Element type.
    dims : tuple of str or None
        Dimension names.
    chunk_rows : int
        Rows that are compressed together.
    file_rows : int
        Rows that a file (or, without files, a chunk) holds.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    dims: tuple[str, ...] | None
    chunk_rows: int
    file_rows: int


@dataclass(frozen=True)
class ChunkLayout:
    """How the rows of an array lie in chunks that span whole rows.

    Parameters
    ----------
    shape : tuple of int
        Shape, rows first.
    dtype : numpy.dtype
        Element type, little-endian.
    chunk_rows : int
        Rows that are compressed together.
    images : bool
        Whether rows are images, and chunks many; else rows are small, and chunks few.
    compression : str
        What `schemas.codecs.decode_into` undoes.
    checksum : callable
        What follows each chunk's bytes.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunk_rows: int
    images: bool
    compression: str
    checksum: Checksum = crc32c


class StoredChunks(Protocol):
    """Where the bytes of an array's chunks are."""

    name: str
    """Name of the array among all whose chunks are in one cache."""

    def get(self, number: int) -> NDArray[np.uint8]:
        """Give a chunk as it is stored, its checksum too.

        Raises
        ------
        CorruptDataError
            If it is missing.
        """

    def count(self, size: int) -> None:
        """Take note that so many bytes were read."""


class Container(Protocol):
    """A dataset's arrays and attributes, read only."""

    name: str
    """Name for messages."""

    attributes: dict[str, Any]
    """Attributes of the root."""

    def describe(self, path: str) -> ArrayInfo | None:
        """Describe an array; None if there is none at the path."""

    def check(self, field: Field, metadata: Metadata) -> Iterator[Violation]:
        """Check what the format asks of an array in this kind of container."""

    def read(self, path: str, start: int, stop: int) -> NDArray[Any]:
        """Read rows of an array.

        Raises
        ------
        CorruptDataError
            If bytes are missing or fail their checksum.
        """

    def read_into(self, path: str, cuts: Cuts, out: NDArray[Any], keep: bool = False) -> None:
        """Read many cuts of rows of an array into a batch of the caller's.

        Parameters
        ----------
        path : str
            Path of the array.
        cuts : Cuts
            What to read.
        out : ndarray, shape (items, rows, ...)
            Where to put it: cut i into `out[i]`. What no cut covers is undefined.
        keep : bool
            Whether neighbouring rows will be wanted soon.

        Raises
        ------
        CorruptDataError
            If bytes are missing or fail their checksum; `out` is undefined then.
        """

    def stored(self, path: str) -> tuple[ChunkLayout, StoredChunks] | None:
        """Give an array's chunks as they are stored; None if they cannot be had.

        Raises
        ------
        CorruptDataError
            If there is no such array.
        """

    def stored_bytes(self, path: str) -> int:
        """Count the bytes that the array takes on disk."""
