"""Arrays that grow at the end, as files that are each replaced as a whole.

A file that is full is written once. The last, partly filled one is kept in
memory and written at each commit, so that what a reader has once seen is
never changed under it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from builder.episodes import Buffer
from builder.storage.files import replace_file, sync_folder
from schemas.codecs import ChunkCodec
from schemas.errors import CorruptDataError
from schemas.layout import Field
from schemas.metadata import Metadata
from schemas.shards import read_chunks, shard_parts
from schemas.zarr_format import chunk_file


class DamagedRowError(CorruptDataError):
    """A chunk that starts at a row is damaged."""

    def __init__(self, message: str, row: int) -> None:
        super().__init__(message)
        self.row = row


class GrowingArray(ABC):
    """One array of a Zarr dataset, as seen by its only writer.

    Parameters
    ----------
    root : Path
        Folder of the dataset.
    field : Field
        The array's description.
    metadata : Metadata
        Of the dataset.
    before_write : callable
        Called before each file is replaced.
    """

    def __init__(
        self, root: Path, field: Field, metadata: Metadata, before_write: Callable[[], None]
    ) -> None:
        self._before_write = before_write
        sizes = metadata.sizes()
        self.field = field
        self.folder = root / field.path
        self.rows = 0
        self._codec = ChunkCodec.parse(metadata.codec)
        self._dtype = np.dtype(field.dtype)
        self._row_shape = field.row_shape(sizes)
        self._file_rows = field.file_rows(sizes, metadata.chunk_frames)
        self._chunk_rows = field.chunk_rows(sizes, metadata.chunk_frames)
        self._unwritten = False
        self._unsynced = False
        self._sizes: dict[int, int] = {}

    @property
    def nbytes(self) -> int:
        """Bytes in the array's files."""
        return sum(self._sizes.values())

    def flush(self) -> None:
        """Make all rows durable."""
        if self._unwritten:
            self._write_file(self.rows // self._file_rows)
        if self._unsynced:
            sync_folder(self.folder)
            self._unsynced = False

    def restore(self, rows: int) -> None:
        """Go on after the first `rows` rows of the files that are there.

        Raises
        ------
        CorruptDataError
            If the last file does not hold them.
        """
        self.rows = rows
        self._unwritten = False
        self._sizes = {
            index: self._path(index).stat().st_size
            for index in range(-(-rows // self._file_rows))
            if self._path(index).exists()
        }
        try:
            self._load(self._path(rows // self._file_rows), rows % self._file_rows)
        except FileNotFoundError:
            raise CorruptDataError("its last file is missing") from None

    def remove_beyond(self, rows: int) -> None:
        """Delete files that hold nothing but rows after the first `rows`."""
        needed = {self._path(index).name for index in range(-(-rows // self._file_rows))}
        for path in self.folder.glob("c.*"):
            if path.name not in needed:
                path.unlink()

    def _path(self, index: int) -> Path:
        return self.folder / chunk_file(self.field, index)

    def _write_file(self, index: int) -> None:
        self._before_write()
        self._sizes[index] = replace_file(self._path(index), self._content())
        self._unwritten = False
        self._unsynced = True

    @abstractmethod
    def _content(self) -> Iterable[Buffer]:
        """Yield the parts of the last file."""

    @abstractmethod
    def _load(self, path: Path, rows: int) -> None:
        """Take back into memory the first rows of the last file."""


class ShardedArray(GrowingArray):
    """An array whose files hold many chunks, which come already encoded."""

    def __init__(
        self, root: Path, field: Field, metadata: Metadata, before_write: Callable[[], None]
    ) -> None:
        super().__init__(root, field, metadata, before_write)
        self._slots = self._file_rows // self._chunk_rows
        self._chunks: list[Buffer] = []

    @property
    def nbytes(self) -> int:
        """Bytes in the array's files, those of the last one that are not yet written too."""
        last = self._sizes.get(self.rows // self._file_rows, 0)
        return super().nbytes - last + sum(map(len, self._chunks))

    def append(self, chunks: Sequence[Buffer]) -> None:
        """Add encoded chunks."""
        for chunk in chunks:
            self._chunks.append(chunk)
            self._unwritten = True
            if len(self._chunks) == self._slots:
                self._write_file(self.rows // self._file_rows)
                self._chunks.clear()
            self.rows += self._chunk_rows

    def _content(self) -> Iterable[Buffer]:
        return shard_parts(self._chunks, self._slots)

    def _load(self, path: Path, rows: int) -> None:
        self._chunks = []
        if rows:
            stored = read_chunks(path.read_bytes(), self._slots, rows // self._chunk_rows)
            self._chunks = list(stored)
            shape = (self._chunk_rows, *self._row_shape)
            for number, chunk in enumerate(self._chunks):
                try:
                    self._codec.decode(chunk, self._dtype, shape)
                except CorruptDataError as error:
                    row = self.rows - rows + number * self._chunk_rows
                    raise DamagedRowError(str(error), row) from error


class ChunkedArray(GrowingArray):
    """An array whose files hold one chunk each, which is encoded here."""

    def __init__(
        self, root: Path, field: Field, metadata: Metadata, before_write: Callable[[], None]
    ) -> None:
        super().__init__(root, field, metadata, before_write)
        self._buffer = np.full((self._file_rows, *self._row_shape), field.fill, self._dtype)

    def append(self, rows: NDArray[Any]) -> None:
        """Add rows."""
        start = 0
        while start < len(rows):
            used = self.rows % self._file_rows
            taken = min(len(rows) - start, self._file_rows - used)
            self._buffer[used : used + taken] = rows[start : start + taken]
            self._add(taken)
            start += taken

    def pad_to(self, rows: int) -> None:
        """Add rows of fill values, which is what the buffer holds beyond its last row."""
        while self.rows < rows:
            self._add(min(rows - self.rows, self._file_rows - self.rows % self._file_rows))

    def _add(self, rows: int) -> None:
        """Count rows that are in the buffer, and write it once it is full."""
        self._unwritten = True
        if self.rows % self._file_rows + rows == self._file_rows:
            self._write_file(self.rows // self._file_rows)
            self._buffer[:] = self.field.fill
        self.rows += rows

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Read rows back, those not yet written too."""
        parts = []
        while start < stop:
            index, offset = divmod(start, self._file_rows)
            taken = min(stop - start, self._file_rows - offset)
            if index == self.rows // self._file_rows:
                chunk = self._buffer
            else:
                chunk = self._decode(self._path(index).read_bytes())
            parts.append(chunk[offset : offset + taken])
            start += taken
        empty = np.zeros((0, *self._row_shape), self._dtype)
        return np.concatenate([empty, *parts])

    def _content(self) -> Iterable[Buffer]:
        return [self._codec.encode(self._buffer)]

    def _load(self, path: Path, rows: int) -> None:
        self._buffer[:] = self.field.fill
        if rows:
            self._buffer[:rows] = self._decode(path.read_bytes())[:rows]

    def _decode(self, data: bytes) -> NDArray[Any]:
        return self._codec.decode(data, self._dtype, (self._file_rows, *self._row_shape))
