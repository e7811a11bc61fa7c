"""Arrays of an HDF5 file: chunks at its end, and an index of where they lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.builder.episodes import Buffer
from crafter_dataset.builder.storage.growing import DamagedRowError, ImageArray, RowArray
from crafter_dataset.builder.storage.hdf5 import objects
from crafter_dataset.builder.storage.hdf5.file import AppendedFile
from crafter_dataset.builder.storage.hdf5.tree import ChunkTree
from crafter_dataset.schemas import hdf5_format
from crafter_dataset.schemas.codecs import CHECKSUM_BYTES, fletcher32
from crafter_dataset.schemas.layout import Field
from crafter_dataset.schemas.metadata import Metadata

Place = tuple[int, int]
"""Address and stored size of a chunk, in bytes."""

IMAGE_NODE_BYTES, ROW_NODE_BYTES = 4096, 1024
"""Size of a node of the index, for arrays of many chunks and of few."""


class IndexedChunks:
    """Where the chunks of one array lie.

    Parameters
    ----------
    file : AppendedFile
        The file.
    field : Field
        The array's description.
    metadata : Metadata
        Of the dataset.

    Attributes
    ----------
    more_attributes : sequence of bytes
        Attributes of the array that are not ours, as messages.
    """

    def __init__(self, file: AppendedFile, field: Field, metadata: Metadata) -> None:
        self._file, self._field = file, field
        self.more_attributes: Sequence[bytes] = ()
        self.rows = hdf5_format.chunk_rows(field, metadata)
        self._row_shape = field.row_shape(metadata.sizes())
        self._dtype = np.dtype(field.dtype)
        self._filters = hdf5_format.filters_of(field, metadata)
        self._node_bytes = IMAGE_NODE_BYTES if field.sharded else ROW_NODE_BYTES
        self._chunk_bytes = self.rows * field.row_bytes(metadata.sizes())
        self.restart(())

    def add(self, place: Place) -> None:
        """Take the next chunk.

        Parameters
        ----------
        place : tuple of int
            Its address and stored size.
        """
        self._tree.add(self._count, *place)
        self._count += 1

    def header(self, rows: int, last: Place | None = None) -> int:
        """Write index and object header of the array; return the header's address.

        Parameters
        ----------
        rows : int
            Rows of the array.
        last : tuple of int, optional
            Place of the chunk after those that were added, for this time only.
        """
        index = self._tree.write(None if last is None else (self._count, *last))
        header = objects.dataset(
            (rows, *self._row_shape),
            self._dtype,
            hdf5_format.fill_of(self._field),
            self.rows,
            self._filters,
            self._node_bytes,
            index,
            hdf5_format.array_attributes(self._field),
            self.more_attributes,
        )
        return self._file.append(header)

    def restart(self, stored: Sequence[Place]) -> None:
        """Go on after some chunks of the file.

        Parameters
        ----------
        stored : sequence of tuple of int
            Address and stored size of each.
        """
        dims = len(self._row_shape) + 1
        self._tree = ChunkTree(self._file.append, dims, self._chunk_bytes, self._node_bytes)
        self._count = 0
        for place in stored:
            self.add(place)


class Hdf5Images(ImageArray):
    """An array whose chunks come already encoded.

    Parameters
    ----------
    file : AppendedFile
        The file.
    field : Field
        The array's description.
    metadata : Metadata
        Of the dataset.
    places : sequence of tuple of int
        Address and stored size of each chunk in the file.
    """

    def __init__(
        self, file: AppendedFile, field: Field, metadata: Metadata, places: Sequence[Place] = ()
    ) -> None:
        self.chunks = IndexedChunks(file, field, metadata)
        super().__init__(field, metadata, self.chunks.rows)
        self._file, self._places = file, places

    def append(self, chunks: Sequence[Buffer]) -> None:
        """Add encoded chunks: the same bytes as in Zarr, but for the checksum.

        Parameters
        ----------
        chunks : sequence of bytes or memoryview
            Whole chunks, as `ChunkCodec.encode` makes them.
        """
        self._places = ()
        parts: list[Buffer] = []
        for chunk in chunks:
            body = memoryview(chunk)[:-CHECKSUM_BYTES]
            parts += [body, fletcher32(body)]
        address = self._file.append(*parts)
        for chunk in chunks:
            self.chunks.add((address, len(chunk)))
            address += len(chunk)
        self.rows += self._chunk_rows * len(chunks)

    def flush(self) -> None:
        """Do nothing: chunks are written as they come."""

    def header(self) -> int:
        """Write what describes the array; return its address."""
        return self.chunks.header(self.rows)

    def restore(self, rows: int) -> None:
        """Go on after the first rows of the file; see `GrowingArray`.

        Parameters
        ----------
        rows : int
            How many.
        """
        self.rows = rows
        count = rows // self._chunk_rows
        _check_all_there(self._places, count, self._chunk_rows)
        self.chunks.restart(self._places[:count])


class Hdf5Rows(RowArray):
    """An array of small rows, which are encoded here.

    Parameters
    ----------
    file : AppendedFile
        The file.
    field : Field
        The array's description.
    metadata : Metadata
        Of the dataset.
    places : sequence of tuple of int
        Address and stored size of each chunk in the file.
    """

    def __init__(
        self, file: AppendedFile, field: Field, metadata: Metadata, places: Sequence[Place] = ()
    ) -> None:
        self.chunks = IndexedChunks(file, field, metadata)
        super().__init__(field, metadata, self.chunks.rows)
        self._file, self._places = file, list(places)
        self._last: Place | None = None

    def header(self) -> int:
        """Write what describes the array; return its address."""
        partial = self.rows % self._chunk_rows
        return self.chunks.header(self.rows, self._last if partial else None)

    def restore(self, rows: int) -> None:
        """Go on after the first rows of the file; see `GrowingArray`.

        Parameters
        ----------
        rows : int
            How many.
        """
        self.rows = rows
        whole, partial = divmod(rows, self._chunk_rows)
        _check_all_there(self._places, whole + bool(partial), self._chunk_rows)
        self.chunks.restart(self._places[:whole])
        self._last = self._places[whole] if partial else None
        self._load_last()

    def _store(self, index: int) -> None:
        encoded = self._codec.encode(self._buffer, fletcher32)
        place = self._file.append(encoded), len(encoded)
        self._places[index:] = [place]
        # If it is full, `_add` puts it into the index for good; else it is written again later.
        self._last, self._unwritten = place, False

    def _add(self, rows: int) -> None:
        full = self.rows % self._chunk_rows + rows == self._chunk_rows
        super()._add(rows)
        if full and self._last is not None:
            self.chunks.add(self._last)
            self._last = None

    def _stored(self, index: int) -> NDArray[Any]:
        address, size = self._places[index]
        data = self._file.read(address, size)
        return self._codec.decode(data, self._dtype, self._chunk_shape, fletcher32)


def _check_all_there(places: Sequence[Place], count: int, chunk_rows: int) -> None:
    """Refuse an index that lacks one of the first chunks; a missing one has the size 0."""
    sizes = [size for _, size in places[:count]] + [0] * (count - len(places))
    if 0 in sizes:
        raise DamagedRowError("a chunk is missing", sizes.index(0) * chunk_rows)


def make_array(
    file: AppendedFile, field: Field, metadata: Metadata, places: Sequence[Place] = ()
) -> Hdf5Images | Hdf5Rows:
    """Make the kind of array that a field needs.

    Parameters
    ----------
    file : AppendedFile
        The file.
    field : Field
        The array's description.
    metadata : Metadata
        Of the dataset.
    places : sequence of tuple of int
        Address and stored size of each chunk in the file.
    """
    return (Hdf5Images if field.sharded else Hdf5Rows)(file, field, metadata, places)
