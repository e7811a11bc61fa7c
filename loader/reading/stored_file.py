"""One file of an array: mapped into memory, or read piece by piece where that is not safe."""

from __future__ import annotations

import errno
import functools
import mmap
import os
import weakref
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.schemas.errors import CorruptDataError

_POPULATE_READ = 22
"""Linux's MADV_POPULATE_READ, for which Python has no name."""


class StoredFile(Protocol):
    """A file that stays open, and whose bytes are asked for."""

    size: int
    """Bytes of the file when it was opened, or those that were asked for."""

    def read(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Return bytes of the file.

        Parameters
        ----------
        start, stop : int
            The first byte, and the one after the last.

        Returns
        -------
        ndarray, shape (stop - start,), uint8
            The bytes, not to be written to.
        """

    def release(self) -> None:
        """Let go of the memory that shows what was read."""


class MappedFile:
    """A file in memory.

    Parameters
    ----------
    path : str
        Name of the file, for messages.
    descriptor : int
        The open file, which the caller closes.
    size : int
        Bytes to map; 0 for all.

    Raises
    ------
    OSError
        If it cannot be mapped.
    ValueError
        If it is empty, or shorter.
    """

    def __init__(self, path: str, descriptor: int, size: int) -> None:
        # Private, which is the same for who only reads: some network file systems share no maps.
        self._map = mmap.mmap(descriptor, size, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ)
        self._data = np.frombuffer(self._map, np.uint8)
        self.size, self._path = len(self._data), path

    def read(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Return bytes of the file; see `StoredFile`.

        Parameters
        ----------
        start, stop : int
            The first byte, and the one after the last.

        Raises
        ------
        CorruptDataError
            If they cannot be read.
        """
        # The system reads them now, where it can say that it cannot: touching them later would
        # end the process.
        page = start & -mmap.PAGESIZE
        size = min(stop, self.size) - page
        if start < stop and size > 0:
            try:
                self._map.madvise(_POPULATE_READ, page, size)
            except OSError as error:
                raise self._unreadable(start, stop) from error
        return self._data[start:stop]

    def _unreadable(self, start: int, stop: int) -> CorruptDataError:
        found = self._map.size()
        if found < self.size:
            return CorruptDataError(f"expected {self.size} bytes in {self._path}, found {found}")
        return CorruptDataError(
            f"expected bytes {start} to {stop} of {self._path} to be readable, found that the disk "
            "does not give them"
        )

    def release(self) -> None:
        """Let go of the memory; the system maps the pages again when they are needed."""
        self._map.madvise(mmap.MADV_DONTNEED)


class ReadFile:
    """A file that cannot be mapped.

    Parameters
    ----------
    path : str
        Name of the file, for messages.
    descriptor : int
        The open file, which the caller closes.
    size : int
        Bytes that matter; 0 for all.

    Raises
    ------
    ValueError
        If it is empty, or shorter.
    """

    def __init__(self, path: str, descriptor: int, size: int) -> None:
        found = os.fstat(descriptor).st_size
        if not found or found < size:
            raise ValueError(f"expected {size or 'some'} bytes, found {found}")
        self._path, self.size = path, size or found
        self._file = os.dup(descriptor)
        weakref.finalize(self, os.close, self._file)

    def read(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Return bytes of the file; see `StoredFile`.

        Parameters
        ----------
        start, stop : int
            The first byte, and the one after the last.

        Raises
        ------
        CorruptDataError
            If they cannot be read.
        """
        content = np.empty(max(min(stop, self.size) - start, 0), np.uint8)
        left = content.data
        while left:
            try:
                count = os.preadv(self._file, [left], start)
            except OSError as error:
                raise CorruptDataError(
                    f"expected {self._path} to be readable, found {error.strerror}"
                ) from error
            if not count:
                found = os.fstat(self._file).st_size
                raise CorruptDataError(f"expected {self.size} bytes in {self._path}, found {found}")
            left, start = left[count:], start + count
        return content

    def release(self) -> None:
        """Do nothing: what was read is the caller's."""


def open_stored(path: str, descriptor: int, size: int) -> StoredFile:
    """Map a file; or open it to be read, where the system could not tell that a map is damaged.

    Parameters
    ----------
    path : str
        Name of the file, for messages.
    descriptor : int
        The open file, which the caller closes.
    size : int
        Bytes that matter; 0 for all.

    Returns
    -------
    StoredFile
        The file.

    Raises
    ------
    OSError
        If the process has no more descriptors.
    ValueError
        If it is empty, or shorter.
    """
    if _can_populate():
        try:
            return MappedFile(path, descriptor, size)
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                raise
    return ReadFile(path, descriptor, size)


@functools.cache
def _can_populate() -> bool:
    """Whether the system reads a map's pages when it is told to: Linux from 5.14 on."""
    with mmap.mmap(-1, mmap.PAGESIZE) as probe:
        try:
            probe.madvise(_POPULATE_READ)
        except (OSError, AttributeError):
            return False
    return True
