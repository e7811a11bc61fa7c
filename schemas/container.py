"""What a container is, Zarr group or HDF5 file: arrays of rows, and attributes."""

from __future__ import annotations

import functools
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
    starts, stops : ndarray, shape (items,), int64
        First row of each cut, and the row after its last.
    places : ndarray, shape (items,), int64
        Row of the item that the cut's first row goes to.
    """

    starts: NDArray[np.int64]
    stops: NDArray[np.int64]
    places: NDArray[np.int64]

    @classmethod
    def one(cls, start: int, stop: int) -> Cuts:
        """Make a single cut, which fills its item.

        Parameters
        ----------
        start, stop : int
            First row, and the row after the last.
        """
        return cls(*(np.array([value]) for value in (start, stop, 0)))

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        """Iterate over start, stop and place of each cut."""
        return zip(self.starts.tolist(), self.stops.tolist(), self.places.tolist(), strict=True)

    # The same cuts are read from several arrays: what follows from them is found once.

    @functools.cached_property
    def bounds(self) -> tuple[int, int]:
        """The lowest of the first rows, and the highest of those after the last; 0 without any."""
        return int(self.starts.min(initial=0)), int(self.stops.max(initial=0))

    def rows(self, count: int) -> NDArray[np.int64]:
        """Return the row of the array for each row of each item, also for those not cut.

        Parameters
        ----------
        count : int
            Rows of an item.

        Returns
        -------
        ndarray, shape (items, count), int64
            Read-only; what lies outside of a cut may be no row at all.
        """
        found = self._rows.get(count)
        if found is None:
            found = (self.starts - self.places)[:, None] + np.arange(count)
            found.flags.writeable = False
            self._rows[count] = found
        return found

    def partial(self, count: int) -> list[tuple[int, int, int]]:
        """Return the items that a cut does not fill: their numbers, and the rows that it fills.

        Parameters
        ----------
        count : int
            Rows of an item.
        """
        ends = self.places + (self.stops - self.starts)
        items = np.flatnonzero((self.places > 0) | (ends < count))
        return [(item, self.places[item].item(), ends[item].item()) for item in items.tolist()]

    @functools.cached_property
    def _rows(self) -> dict[int, NDArray[np.int64]]:
        return {}


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
        Rows that are compressed together; 0 in HDF5 if chunks do not span the other dimensions.
    file_rows : int
        Rows that a file holds; in HDF5, those of a chunk.
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
        Whether rows are images, in many chunks; else rows are small, in few chunks.
    compression : str
        Compression of a chunk, as `schemas.codecs.decode_into` takes it.
    checksum : callable
        Computes the checksum that follows each chunk's bytes: `crc32c` or `fletcher32`.
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
    """Name of the array, unique among those that share a cache of chunks."""

    def get(self, number: int) -> NDArray[np.uint8]:
        """Return a chunk as it is stored, with its checksum.

        Parameters
        ----------
        number : int
            Number of the chunk, from 0.

        Returns
        -------
        ndarray, shape (bytes,), uint8
            Compressed bytes, then the checksum; neither is checked.

        Raises
        ------
        CorruptDataError
            If it is missing.
        """

    def count(self, size: int) -> None:
        """Take note that bytes were read.

        Parameters
        ----------
        size : int
            How many.
        """


class Container(Protocol):
    """A dataset's arrays and attributes, read only."""

    name: str
    """Name for messages."""

    attributes: dict[str, Any]
    """Attributes of the root."""

    def describe(self, path: str) -> ArrayInfo | None:
        """Return the structure of an array; None if none can be read at the path.

        Parameters
        ----------
        path : str
            Path of the array inside the dataset.
        """

    def check(self, field: Field, metadata: Metadata) -> Iterator[Violation]:
        """Check what the format asks of an array in this kind of container.

        Parameters
        ----------
        field : Field
            The array, which can be described.
        metadata : Metadata
            Metadata of the dataset.

        Yields
        ------
        Violation
            One for each rule that is broken.
        """

    def read(self, path: str, start: int, stop: int) -> NDArray[Any]:
        """Read rows of an array.

        Parameters
        ----------
        path : str
            Path of the array inside the dataset.
        start, stop : int
            First row, and the row after the last; rows that do not exist are left out.

        Returns
        -------
        ndarray, shape (rows, ...)
            With the dtype of the array.

        Raises
        ------
        CorruptDataError
            If bytes are missing or fail their checksum.
        """

    def read_into(self, path: str, cuts: Cuts, out: NDArray[Any], keep: bool = False) -> None:
        """Read many cuts of rows of an array into the caller's batch.

        Parameters
        ----------
        path : str
            Path of the array inside the dataset.
        cuts : Cuts
            What to read.
        out : ndarray, shape (items, rows, ...)
            Where to put it, with the dtype of the array: cut i goes into `out[i]`. Rows that no
            cut covers are undefined.
        keep : bool
            Whether neighbouring rows will be wanted soon.

        Raises
        ------
        CorruptDataError
            If bytes are missing or fail their checksum; `out` is undefined then.
        """

    def stored(self, path: str) -> tuple[ChunkLayout, StoredChunks] | None:
        """Return an array's chunks as they are stored; None if they cannot be read directly.

        Parameters
        ----------
        path : str
            Path of the array inside the dataset.

        Returns
        -------
        tuple of ChunkLayout and StoredChunks, or None
            How rows lie in the chunks, and the chunks' bytes.

        Raises
        ------
        CorruptDataError
            If there is no such array.
        """

    def stored_bytes(self, path: str) -> int:
        """Return how many bytes an array takes on disk.

        Parameters
        ----------
        path : str
            Path of the array inside the dataset.
        """
