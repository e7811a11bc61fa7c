"""An HDF5 file as a read-only container."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.loader.reading.chunk_cache import ChunkCache
from crafter_dataset.loader.reading.direct import DirectArray
from crafter_dataset.loader.reading.direct_container import DirectContainer
from crafter_dataset.loader.reading.fallback_log import log_once
from crafter_dataset.loader.reading.mapped_files import LEAST_RESIDENT_BYTES, MappedFiles
from crafter_dataset.loader.workers import WorkerThreads
from crafter_dataset.schemas.arithmetic import ceil_div
from crafter_dataset.schemas.codecs import fletcher32
from crafter_dataset.schemas.container import ArrayInfo, ChunkLayout
from crafter_dataset.schemas.errors import CorruptDataError, NotADatasetError
from crafter_dataset.schemas.hdf5_file import Hdf5File, StoredArray
from crafter_dataset.schemas.hdf5_format import compression_of_filters, violations
from crafter_dataset.schemas.layout import FIELDS, TABLE, Field
from crafter_dataset.schemas.metadata import Metadata
from crafter_dataset.schemas.violations import Violation

MOST_PLACES = 2**17
"""Chunks of an array, at most, that are all looked up at once; those of a larger one singly."""

_IMAGES = frozenset(field.path for field in FIELDS if field.sharded)


class LocalHdf5(DirectContainer):
    """Reads a dataset's arrays: chunks from the mapped file, or slowly if laid out otherwise.

    Parameters
    ----------
    path : Path
        The file.
    cache_bytes : int
        Bytes that decoded chunks may take.
    threads : int
        Threads that decode at once.

    Raises
    ------
    NotADatasetError
        If it is not an HDF5 file that can be read.
    """

    def __init__(self, path: Path, cache_bytes: int, threads: int) -> None:
        self.name = str(path)
        if not path.is_file():
            found = "a folder" if path.exists() else "nothing"
            raise NotADatasetError(f"{path}: expected a Crafter dataset, found {found}")
        self._file = Hdf5File(path)
        self.attributes = self._file.attributes
        self._cache = ChunkCache(cache_bytes)
        self._files = MappedFiles(1, max(LEAST_RESIDENT_BYTES, 4 * cache_bytes))
        self._threads = WorkerThreads(threads)
        self._direct: dict[str, DirectArray | None] = {}

    def describe(self, path: str) -> ArrayInfo | None:
        """Return the structure of an array, or None if none can be read at the path.

        Parameters
        ----------
        path : str
            Path of the array in the file.
        """
        try:
            array = self._file.array(path)
        except CorruptDataError:
            return None
        return ArrayInfo(array.shape, array.dtype, array.dims, array.chunk_rows, array.chunk_rows)

    def check(self, field: Field, metadata: Metadata) -> Iterator[Violation]:
        """Check how an array is chunked, and that all chunks are there; see `Container.check`.

        Parameters
        ----------
        field : Field
            The array.
        metadata : Metadata
            The dataset's metadata.

        Yields
        ------
        Violation
            What is wrong.
        """
        array = self._file.array(field.path)
        for expected, found in violations(field, metadata, array.chunk_rows, array.filters):
            yield Violation(field.path, expected, found)
        try:
            sizes = self._file.places(field.path)[:, 1]
        except CorruptDataError as error:
            yield Violation(field.path, "a chunk index that can be read", str(error))
            return
        missing = ceil_div(array.shape[0], max(array.chunk_rows, 1)) - np.count_nonzero(sizes)
        if missing:
            yield Violation(field.path, "every chunk in the file", f"{missing} missing")

    def stored_bytes(self, path: str) -> int:
        """Return how many bytes the array's chunks take.

        Parameters
        ----------
        path : str
            Path of the array in the file.
        """
        return self._file.stored_bytes(path)

    def _read_slowly(self, path: str, start: int, stop: int) -> NDArray[Any]:
        # Tables are read whole, and their chunks are those of few bytes that grow most.
        if path.startswith(f"{TABLE}/"):
            array = self._file.array(path)
            raise CorruptDataError(
                f"{path}: expected chunks of whole rows, one of deflate, zstd and blosc, then "
                f"fletcher32, found filters {list(array.filters)}"
            )
        return self._file.read(path, start, stop)

    def _direct_array(self, path: str) -> DirectArray | None:
        if path not in self._direct:
            array = self._file.array(path)
            layout = _layout(array, path in _IMAGES)
            if layout is None:
                log_once(
                    "%s: %s is laid out otherwise than here, so it is read slowly", self.name, path
                )
                self._direct[path] = None
            else:
                chunks = _Chunks(self._file, path, self._files)
                self._direct[path] = DirectArray(layout, chunks, self._cache, self._threads)
        return self._direct[path]


def _layout(array: StoredArray, images: bool) -> ChunkLayout | None:
    """Return how an array's chunks can be read directly, or None if they cannot."""
    compression = compression_of_filters(array.filters)
    little = array.stored_dtype.newbyteorder("<") == array.stored_dtype
    if compression is None or not array.chunk_rows or not little or array.dtype.kind not in "buif":
        return None
    return ChunkLayout(array.shape, array.dtype, array.chunk_rows, images, compression, fletcher32)


class _Chunks:
    """The chunks of one array in the file."""

    def __init__(self, file: Hdf5File, path: str, files: MappedFiles) -> None:
        self.name = path
        self.count = files.count
        self._path, self._end, self._files = str(file.path), file.end, files
        self._opened = lambda path: os.dup(file.descriptor)  # another may have its name by now
        # Finding all places takes a few microseconds each, finding a single one some tens.
        array = file.array(path)
        self._find: Callable[[int], tuple[int, int]]
        if array.shape[0] // array.chunk_rows <= MOST_PLACES:
            places = [(address, size) for address, size in file.places(path).tolist()]
            self._find = lambda number: places[number] if number < len(places) else (0, 0)
        else:
            self._find = functools.cache(functools.partial(file.place, path))

    def get(self, number: int) -> NDArray[np.uint8]:
        """Return a chunk as it is stored; see `StoredChunks.get`."""
        address, size = self._find(number)
        if not size:
            raise CorruptDataError("a chunk is missing in the file")
        file = self._files.get(self._path, None, self._opened, self._end)
        return file.stored.read(address, address + size)
