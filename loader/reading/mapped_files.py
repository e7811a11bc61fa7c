"""Files mapped into memory, the least recently used closed first."""

from __future__ import annotations

import errno
import resource
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakSet

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.loader.reading.stored_file import StoredFile, open_stored
from crafter_dataset.schemas.errors import CorruptDataError
from crafter_dataset.schemas.git_lfs import MOST_BYTES, POINTER, starts_as_pointer
from crafter_dataset.schemas.shards import index_bytes, read_index


@dataclass(frozen=True, slots=True)
class OpenFile:
    """One file of an array.

    Parameters
    ----------
    stored : StoredFile
        The file.
    index : ndarray, shape (slots, 2), uint64, or None
        Offset and size of each chunk in bytes, if it is a shard.
    """

    stored: StoredFile
    index: NDArray[np.uint64] | None


LEAST_RESIDENT_BYTES = 16 * 2**20
"""Bytes of mapped files that may show in memory, however small a reader's cache is."""

FAULT_AROUND = 2**16
"""Bytes around a page that the system maps with it."""


_READERS: WeakSet[MappedFiles] = WeakSet()
"""All readers of this process, which share its file descriptors."""


class MappedFiles:
    """Maps files on their first use, and keeps a number of them open.

    A file stays as it was when it was mapped, even after a builder has replaced
    it: builders only add rows to what is committed.

    Parameters
    ----------
    most : int
        Files that are open at once; a mapped file takes a file descriptor.
    resident_bytes : int
        Bytes of them that may show in the process's memory, roughly.
    """

    def __init__(self, most: int, resident_bytes: int) -> None:
        self._most, self._resident_bytes = most, resident_bytes
        self._files: OrderedDict[str, OpenFile] = OrderedDict()
        self._mapped = self._read = 0
        self._lock = threading.Lock()
        _READERS.add(self)

    def get(
        self, path: str, slots: int | None, opened: Callable[[str], int], size: int = 0
    ) -> OpenFile:
        """Return a file, mapped; callers report what they read of it to `count`.

        Parameters
        ----------
        path : str
            Name of the file.
        slots : int or None
            Number of chunks that it has room for, if it is a shard.
        opened : callable
            Opens the file of that name, and returns a descriptor.
        size : int
            Bytes to map; 0 for all.

        Raises
        ------
        CorruptDataError
            If there is no such file, it is empty, or its index is damaged.
        """
        with self._lock:
            file = self._files.get(path)
            if file is None:
                file = self._map(path, slots, opened, size)
                self._files[path] = file
                self._mapped += file.stored.size
                if len(self._files) > self._most:
                    # Whoever still reads from it holds the map, and closes it when done.
                    self._mapped -= self._files.popitem(last=False)[1].stored.size
            else:
                self._files.move_to_end(path)
        return file

    def _map(
        self, path: str, slots: int | None, opened: Callable[[str], int], size: int
    ) -> OpenFile:
        try:
            return _map(path, slots, opened, size)
        except OSError as error:
            if error.errno != errno.EMFILE:
                raise
            for reader in list(_READERS):  # this process has many
                if reader is self or reader._lock.acquire(blocking=False):
                    reader._files.clear()
                    reader._mapped = 0
                    if reader is not self:
                        reader._lock.release()
            return _map(path, slots, opened, size)

    def count(self, size: int) -> None:
        """Count bytes that were read, and now and then release the memory that shows them.

        Otherwise a process would seem to hold all that it ever read. The system
        keeps the pages as long as it likes, and maps them again when needed.

        Parameters
        ----------
        size : int
            Bytes that were read.
        """
        self._read += size + FAULT_AROUND
        if min(self._read, self._mapped) > self._resident_bytes:
            with self._lock:
                self._read = 0
                for file in self._files.values():
                    file.stored.release()


def _map(path: str, slots: int | None, opened: Callable[[str], int], size: int) -> OpenFile:
    name = path.rpartition("/")[2]
    try:
        with open(opened(path), "rb") as stream:
            stored = open_stored(name, stream.fileno(), size)
        if stored.size <= MOST_BYTES and starts_as_pointer(bytes(stored.read(0, stored.size))):
            raise CorruptDataError(f"expected a file {name}, found {POINTER}")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, ValueError) as error:
        raise CorruptDataError(f"expected a file {name}, found none") from error
    return OpenFile(stored, None if slots is None else _index(stored, slots))


def _index(shard: StoredFile, slots: int) -> NDArray[np.uint64]:
    end = shard.read(max(0, shard.size - index_bytes(slots)), shard.size)
    return read_index(end.data, slots, shard.size)


def open_files_limit() -> int:
    """Return how many files a reader may hold open: an eighth of a process's limit."""
    soft: int = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 4096 if soft == resource.RLIM_INFINITY else max(16, min(soft // 8, 4096))
