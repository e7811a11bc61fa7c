"""A dataset in memory as a read-only container."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.loader.memory.snapshot import KeptArray, Snapshot
from crafter_dataset.loader.reading.chunk_cache import ChunkCache
from crafter_dataset.loader.reading.direct import DirectArray
from crafter_dataset.loader.reading.direct_container import DirectContainer
from crafter_dataset.loader.workers import WorkerThreads
from crafter_dataset.schemas.container import ArrayInfo, ChunkLayout, StoredChunks
from crafter_dataset.schemas.errors import CorruptDataError
from crafter_dataset.schemas.layout import Field
from crafter_dataset.schemas.metadata import Metadata
from crafter_dataset.schemas.violations import Violation


class MemoryContainer(DirectContainer):
    """Reads a dataset's arrays from memory.

    Parameters
    ----------
    snapshot : Snapshot
        The dataset.
    cache_bytes : int
        Bytes that decoded chunks may take.
    threads : int
        Threads that decode at once.
    """

    def __init__(self, snapshot: Snapshot, cache_bytes: int, threads: int) -> None:
        self.name, self.attributes = snapshot.name, snapshot.attributes
        self._snapshot = snapshot
        self._cache, self._threads = ChunkCache(cache_bytes), WorkerThreads(threads)
        self._direct: dict[str, DirectArray] = {}

    def describe(self, path: str) -> ArrayInfo | None:
        """Return the structure of an array; see `Container.describe`.

        Parameters
        ----------
        path : str
            Path of the array inside the dataset.
        """
        kept = self._snapshot.arrays.get(path)
        return None if kept is None else kept.info

    def check(self, field: Field, metadata: Metadata) -> Iterator[Violation]:
        """Find nothing wrong: it was read, and no file is left to check; see `Container.check`.

        Parameters
        ----------
        field : Field
            The array.
        metadata : Metadata
            Metadata of the dataset.
        """
        return iter(())

    def stored(self, path: str) -> tuple[ChunkLayout, StoredChunks] | None:
        """Return an array's chunks as they were stored; None for those that were decoded.

        Parameters
        ----------
        path : str
            Path of the array inside the dataset.
        """
        return None if self._kept(path).chunks is None else super().stored(path)

    def stored_bytes(self, path: str) -> int:
        """Return how many bytes an array takes on disk.

        Parameters
        ----------
        path : str
            Path of the array inside the dataset.
        """
        return self._kept(path).stored_bytes

    def _kept(self, path: str) -> KeptArray:
        kept = self._snapshot.arrays.get(path)
        if kept is None:
            raise CorruptDataError(f"{path}: expected an array, found none")
        return kept

    def _direct_array(self, path: str) -> DirectArray:
        if path not in self._direct:
            kept, content = self._kept(path), self._snapshot.block.content
            if kept.chunks is None:
                rows = np.ndarray(kept.info.shape, kept.info.dtype, content, kept.start)
                self._direct[path] = DirectArray.of_rows(path, rows, self._cache, self._threads)
            else:
                chunks = _KeptChunks(path, kept, content)
                self._direct[path] = DirectArray(kept.chunks, chunks, self._cache, self._threads)
        return self._direct[path]

    def _read_slowly(self, path: str, start: int, stop: int) -> NDArray[Any]:
        raise AssertionError("every array is read directly")


class _KeptChunks:
    """Chunks of an array in memory, as they were stored; see `StoredChunks`."""

    def __init__(self, path: str, kept: KeptArray, content: NDArray[np.uint8]) -> None:
        assert kept.bounds is not None
        self.name = path
        self._bounds = kept.bounds
        self._content = content[kept.start : kept.start + int(kept.bounds[-1])]

    def get(self, number: int) -> NDArray[np.uint8]:
        """Return a chunk as it was stored, with its checksum."""
        return self._content[self._bounds[number] : self._bounds[number + 1]]

    def count(self, size: int) -> None:
        """Do nothing: memory is not read anew."""
