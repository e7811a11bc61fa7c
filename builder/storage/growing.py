"""Arrays that grow at the end, as seen by a dataset's only writer, in any container."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.builder.episodes import Buffer
from crafter_dataset.schemas.codecs import ChunkCodec
from crafter_dataset.schemas.errors import CorruptDataError
from crafter_dataset.schemas.layout import Field
from crafter_dataset.schemas.metadata import Metadata


class DamagedRowError(CorruptDataError):
    """A chunk that starts at a row is damaged.

    Parameters
    ----------
    message : str
        What is wrong.
    row : int
        The chunk's first row in its array.
    """

    def __init__(self, message: str, row: int) -> None:
        super().__init__(message)
        self.row = row


class GrowingArray(ABC):
    """One array of a dataset.

    Parameters
    ----------
    field : Field
        The array's description.
    metadata : Metadata
        Of the dataset.
    chunk_rows : int
        Rows that are compressed together.

    Attributes
    ----------
    rows : int
        Rows so far.
    """

    def __init__(self, field: Field, metadata: Metadata, chunk_rows: int) -> None:
        self.field = field
        self.rows = 0
        self._codec = ChunkCodec.parse(metadata.codec)
        self._dtype = np.dtype(field.dtype)
        self._row_shape = field.row_shape(metadata.sizes())
        self._chunk_rows = chunk_rows
        self._chunk_shape = (chunk_rows, *self._row_shape)

    @abstractmethod
    def flush(self) -> None:
        """Write all rows, so that they are durable once the container is synced."""

    @abstractmethod
    def restore(self, rows: int) -> None:
        """Go on after the first rows of what is stored.

        Parameters
        ----------
        rows : int
            How many.

        Raises
        ------
        CorruptDataError
            If they are not all there.
        """


class ImageArray(GrowingArray):
    """An array whose chunks come already encoded."""

    @abstractmethod
    def append(self, chunks: Sequence[Buffer]) -> None:
        """Add encoded chunks.

        Parameters
        ----------
        chunks : sequence of bytes or memoryview
            Whole chunks, each with its checksum, as `ChunkCodec.encode` makes them.
        """


class RowArray(GrowingArray):
    """An array of small rows, which are encoded here; the last chunk is kept in memory.

    Parameters
    ----------
    field : Field
        The array's description.
    metadata : Metadata
        Of the dataset.
    chunk_rows : int
        Rows that are compressed together.
    """

    def __init__(self, field: Field, metadata: Metadata, chunk_rows: int) -> None:
        super().__init__(field, metadata, chunk_rows)
        self._buffer = np.full(self._chunk_shape, field.fill, self._dtype)
        self._unwritten = False

    def append(self, rows: NDArray[Any]) -> None:
        """Add rows.

        Parameters
        ----------
        rows : ndarray, shape (rows, ...)
            Of the field's dtype and row shape.
        """
        start, count = 0, len(rows)
        used = self.rows % self._chunk_rows
        if used + count < self._chunk_rows:  # as most often
            self._buffer[used : used + count] = rows
            self.rows += count
            self._unwritten = True
            return
        while start < count:
            used = self.rows % self._chunk_rows
            taken = min(count - start, self._chunk_rows - used)
            self._buffer[used : used + taken] = rows[start : start + taken]
            self._add(taken)
            start += taken

    def append_row(self, row: Any) -> None:
        """Add one row.

        Parameters
        ----------
        row : scalar or ndarray
            Of the field's dtype and row shape.
        """
        self._buffer[self.rows % self._chunk_rows] = row
        self._add(1)

    def pad_to(self, rows: int) -> None:
        """Add rows of fill values, which the buffer holds beyond its last row.

        Parameters
        ----------
        rows : int
            Rows that there are to be in all.
        """
        while self.rows < rows:
            self._add(min(rows - self.rows, self._chunk_rows - self.rows % self._chunk_rows))

    def _add(self, rows: int) -> None:
        """Count rows that are in the buffer, and store it once it is full."""
        self._unwritten = True
        if (self.rows + rows) % self._chunk_rows == 0:
            self._store(self.rows // self._chunk_rows)
            self._buffer[:] = self.field.fill
        self.rows += rows

    def flush(self) -> None:
        """Write all rows, so that they are durable once the container is synced."""
        if self._unwritten:
            self._store(self.rows // self._chunk_rows)

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Read rows back, also those not yet written.

        Parameters
        ----------
        start, stop : int
            First row, and the one after the last.

        Returns
        -------
        ndarray, shape (stop - start, ...)
            Of the field's dtype and row shape.
        """
        parts = []
        while start < stop:
            index, offset = divmod(start, self._chunk_rows)
            taken = min(stop - start, self._chunk_rows - offset)
            chunk = self._buffer if index == self.rows // self._chunk_rows else self._stored(index)
            parts.append(chunk[offset : offset + taken])
            start += taken
        empty = np.zeros((0, *self._row_shape), self._dtype)
        return np.concatenate([empty, *parts])

    def _load_last(self) -> None:
        """Take the rows of the last chunk, if it is not full, back into memory."""
        self._unwritten = False
        self._buffer[:] = self.field.fill
        if used := self.rows % self._chunk_rows:
            self._buffer[:used] = self._stored(self.rows // self._chunk_rows)[:used]

    @abstractmethod
    def _store(self, index: int) -> None:
        """Write the buffer as the chunk of that number."""

    @abstractmethod
    def _stored(self, index: int) -> NDArray[Any]:
        """Read a chunk that was written.

        Raises
        ------
        CorruptDataError
            If it is missing or damaged.
        """
