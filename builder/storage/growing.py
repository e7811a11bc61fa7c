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
    """A chunk that starts at a row is damaged."""

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
        """Have all rows written, so that they last once the container is synced."""

    @abstractmethod
    def restore(self, rows: int) -> None:
        """Go on after the first `rows` rows of what is stored.

        Raises
        ------
        CorruptDataError
            If they are not all there.
        """


class ImageArray(GrowingArray):
    """An array whose chunks come already encoded."""

    @abstractmethod
    def append(self, chunks: Sequence[Buffer]) -> None:
        """Add encoded chunks, each with the checksum that `ChunkCodec.encode` gives it."""


class RowArray(GrowingArray):
    """An array of small rows, which are encoded here; the last chunk is kept in memory."""

    def __init__(self, field: Field, metadata: Metadata, chunk_rows: int) -> None:
        super().__init__(field, metadata, chunk_rows)
        self._buffer = np.full(self._chunk_shape, field.fill, self._dtype)
        self._unwritten = False

    def append(self, rows: NDArray[Any]) -> None:
        """Add rows."""
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
        """Add one row."""
        self._buffer[self.rows % self._chunk_rows] = row
        self._add(1)

    def pad_to(self, rows: int) -> None:
        """Add rows of fill values, which is what the buffer holds beyond its last row."""
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
        """Have all rows written, so that they last once the container is synced."""
        if self._unwritten:
            self._store(self.rows // self._chunk_rows)

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Read rows back, those not yet written too."""
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
