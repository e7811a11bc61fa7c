"""Files mapped into memory, the least recently used closed first."""

from __future__ import annotations

import errno
import mmap
import resource
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakSet

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.schemas.errors import CorruptDataError
from crafter_dataset.schemas.git_lfs import POINTER, starts_as_pointer
from crafter_dataset.schemas.shards import read_index


@dataclass(frozen=True, slots=True)
class MappedFile:
    """One file of an array.

    Parameters
    ----------
    map : mmap.mmap
        The file in memory.
    data : ndarray, shape (bytes,), uint8
        Its bytes.
    index : ndarray, shape (slots, 2), uint64, or None
        Offset and size of each chunk in bytes, if it is a shard.
    """

    map: mmap.mmap
    data: NDArray[np.uint8]
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
        self._files: OrderedDict[str, MappedFile] = OrderedDict()
        self._mapped = self._read = 0
        self._lock = threading.Lock()
        _READERS.add(self)

    def get(
        self, path: str, slots: int | None, opened: Callable[[str], int], size: int = 0
    ) -> MappedFile:
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
            If there is no such file, it is empty, its index is damaged, or it
            was cut short since it was mapped.
        """
        with self._lock:
            file = self._files.get(path)
            if file is None:
                file = self._map(path, slots, opened, size)
                self._files[path] = file
                self._mapped += len(file.data)
                if len(self._files) > self._most:
                    # Whoever still reads from it holds the map, and closes it when done.
                    self._mapped -= len(self._files.popitem(last=False)[1].data)
            else:
                self._files.move_to_end(path)
        # Reading what is no longer there would end the process.
        if file.map.size() < len(file.data):
            name = path.rpartition("/")[2]
            raise CorruptDataError(
                f"expected {len(file.data)} bytes in {name}, found {file.map.size()}"
            )
        return file

    def _map(
        self, path: str, slots: int | None, opened: Callable[[str], int], size: int
    ) -> MappedFile:
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
                    file.map.madvise(mmap.MADV_DONTNEED)


def _map(path: str, slots: int | None, opened: Callable[[str], int], size: int) -> MappedFile:
    name = path.rpartition("/")[2]
    try:
        with open(opened(path), "rb") as stream:
            mapped = mmap.mmap(stream.fileno(), size, access=mmap.ACCESS_READ)
            if starts_as_pointer(mapped):
                raise CorruptDataError(f"expected a file {name}, found {POINTER}")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, ValueError) as error:
        raise CorruptDataError(f"expected a file {name}, found none") from error
    data = np.frombuffer(mapped, np.uint8)
    index = None if slots is None else read_index(memoryview(mapped), slots)
    return MappedFile(mapped, data, index)


def open_files_limit() -> int:
    """Return how many files a reader may hold open: an eighth of a process's limit."""
    soft: int = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 4096 if soft == resource.RLIM_INFINITY else max(16, min(soft // 8, 4096))
