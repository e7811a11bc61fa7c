"""Arrays of a Zarr group, as files that are each replaced as a whole.

A file that is full is written once. The last, partly filled one is kept in
memory and written at each commit, so that what a reader has once seen never
changes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.builder.episodes import Buffer
from crafter_dataset.builder.storage.background import BackgroundFiles
from crafter_dataset.builder.storage.files import sync_folder
from crafter_dataset.builder.storage.growing import DamagedRowError, ImageArray, RowArray
from crafter_dataset.schemas.arithmetic import ceil_div
from crafter_dataset.schemas.errors import CorruptDataError
from crafter_dataset.schemas.layout import Field
from crafter_dataset.schemas.metadata import Metadata
from crafter_dataset.schemas.shards import read_chunks, shard_parts
from crafter_dataset.schemas.zarr_format import chunk_file

_NUMBER = re.compile(r"c\.(\d{1,18})")


class ArrayFolder:
    """The files of one array.

    Parameters
    ----------
    root : Path
        Folder of the dataset.
    field : Field
        The array's description.
    metadata : Metadata
        Of the dataset.
    files : BackgroundFiles
        What writes them.
    before_write : callable
        Called before each file is replaced.
    """

    def __init__(
        self,
        root: Path,
        field: Field,
        metadata: Metadata,
        files: BackgroundFiles,
        before_write: Callable[[], None],
    ) -> None:
        self.path = root / field.path
        self._field = field
        self._file_rows = field.file_rows(metadata.sizes(), metadata.chunk_frames)
        self._files, self._before_write = files, before_write
        self._unsynced = False
        self.sizes: dict[int, int] = {}

    def write(self, index: int, parts: Sequence[Buffer]) -> None:
        """Have a file replaced, in the background.

        Parameters
        ----------
        index : int
            Number of the file.
        parts : sequence of bytes or memoryview
            Its content, which may not change any more.
        """
        self._before_write()
        self.sizes[index] = self._files.replace(self.file(index), parts)
        self._unsynced = True

    def read(self, index: int) -> bytes:
        """Read a file.

        Parameters
        ----------
        index : int
            Number of the file.

        Raises
        ------
        CorruptDataError
            If it is missing.
        """
        self._files.wait()
        try:
            return self.file(index).read_bytes()
        except FileNotFoundError:
            raise CorruptDataError("its last file is missing") from None

    def sync(self) -> None:
        """Make the files and their names durable."""
        self._files.wait()
        if self._unsynced:
            sync_folder(self.path)
            self._unsynced = False

    def restore(self, rows: int) -> None:
        """Find the sizes of the files that hold the first rows.

        Parameters
        ----------
        rows : int
            How many.
        """
        self.sizes = {
            index: self.file(index).stat().st_size
            for index in range(ceil_div(rows, self._file_rows))
            if self.file(index).exists()
        }

    def remove_beyond(self, rows: int) -> None:
        """Delete files that hold none of the first rows.

        Parameters
        ----------
        rows : int
            How many.
        """
        needed = ceil_div(rows, self._file_rows)
        with os.scandir(self.path) as entries:
            found = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
        for name in found:
            number = _NUMBER.match(name)
            index = int(number[1]) if number else 0
            if index >= needed and name == chunk_file(self._field, index):
                (self.path / name).unlink()

    def file(self, index: int) -> Path:
        """Return the path of a file.

        Parameters
        ----------
        index : int
            Number of the file.
        """
        return self.path / chunk_file(self._field, index)


class ZarrImages(ImageArray):
    """An array whose files hold many chunks.

    Parameters
    ----------
    folder : ArrayFolder
        Its files.
    field : Field
        The array's description.
    metadata : Metadata
        Of the dataset.
    """

    def __init__(self, folder: ArrayFolder, field: Field, metadata: Metadata) -> None:
        sizes = metadata.sizes()
        super().__init__(field, metadata, field.chunk_rows(sizes, metadata.chunk_frames))
        self._file_rows = field.file_rows(sizes, metadata.chunk_frames)
        self.folder = folder
        self._slots = self._file_rows // self._chunk_rows
        self._chunks: list[Buffer] = []
        self._unwritten = False

    @property
    def nbytes(self) -> int:
        """Bytes in the array's files, with those of the last one that are not yet written."""
        last = self.folder.sizes.get(self.rows // self._file_rows, 0)
        return sum(self.folder.sizes.values()) - last + sum(map(len, self._chunks))

    def append(self, chunks: Sequence[Buffer]) -> None:
        """Add encoded chunks.

        Parameters
        ----------
        chunks : sequence of bytes or memoryview
            Whole chunks, as `ChunkCodec.encode` makes them.
        """
        for chunk in chunks:
            self._chunks.append(chunk)
            self._unwritten = True
            if len(self._chunks) == self._slots:
                self._write()
                self._chunks.clear()
            self.rows += self._chunk_rows

    def flush(self) -> None:
        """Have all rows written; they are durable after `ArrayFolder.sync`."""
        if self._unwritten:
            self._write()

    def restore(self, rows: int) -> None:
        """Go on after the first rows of the files that are there; see `GrowingArray`.

        Parameters
        ----------
        rows : int
            How many.
        """
        self.rows = rows
        self._chunks, self._unwritten = [], False
        self.folder.restore(rows)
        number, used = divmod(rows, self._file_rows)
        if not used:
            return
        stored = read_chunks(self.folder.read(number), self._slots, used // self._chunk_rows)
        self._chunks = list(stored)
        for slot, chunk in enumerate(stored):
            try:
                self._codec.decode(chunk, self._dtype, self._chunk_shape)
            except CorruptDataError as error:
                raise DamagedRowError(str(error), rows - used + slot * self._chunk_rows) from error

    def _write(self) -> None:
        parts = list(shard_parts(self._chunks, self._slots))
        self.folder.write(self.rows // self._file_rows, parts)
        self._unwritten = False


class ZarrRows(RowArray):
    """An array whose files hold one chunk each.

    Parameters
    ----------
    folder : ArrayFolder
        Its files.
    field : Field
        The array's description.
    metadata : Metadata
        Of the dataset.
    """

    def __init__(self, folder: ArrayFolder, field: Field, metadata: Metadata) -> None:
        super().__init__(field, metadata, field.file_rows(metadata.sizes(), metadata.chunk_frames))
        self.folder = folder

    @property
    def nbytes(self) -> int:
        """Bytes in the array's files."""
        return sum(self.folder.sizes.values())

    def restore(self, rows: int) -> None:
        """Go on after the first rows of the files that are there; see `GrowingArray`.

        Parameters
        ----------
        rows : int
            How many.
        """
        self.rows = rows
        self.folder.restore(rows)
        self._load_last()

    def _store(self, index: int) -> None:
        self.folder.write(index, [self._codec.encode(self._buffer)])
        self._unwritten = False

    def _stored(self, index: int) -> NDArray[Any]:
        return self._codec.decode(self.folder.read(index), np.dtype(self._dtype), self._chunk_shape)
