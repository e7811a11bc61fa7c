"""One file of an array: mapped into memory, or read piece by piece where that is not possible."""

from __future__ import annotations

import errno
import mmap
import os
import weakref
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.schemas.errors import CorruptDataError


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

    def size_now(self) -> int:
        """Return how many bytes the file has now."""

    def release(self) -> None:
        """Let go of the memory that shows what was read."""


class MappedFile:
    """A file in memory.

    Parameters
    ----------
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

    def __init__(self, descriptor: int, size: int) -> None:
        # Private, which is the same for who only reads: some network file systems share no maps.
        self._map = mmap.mmap(descriptor, size, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ)
        self._data = np.frombuffer(self._map, np.uint8)
        self.size = len(self._data)

    def read(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Return bytes of the file; see `StoredFile`.

        Parameters
        ----------
        start, stop : int
            The first byte, and the one after the last.
        """
        return self._data[start:stop]

    def size_now(self) -> int:
        """Return how many bytes the file has now."""
        return self._map.size()

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
                raise CorruptDataError(
                    f"expected {self.size} bytes in {self._path}, found {self.size_now()}"
                )
            left, start = left[count:], start + count
        return content

    def size_now(self) -> int:
        """Return how many bytes the file has now."""
        return os.fstat(self._file).st_size

    def release(self) -> None:
        """Do nothing: what was read is the caller's."""


def open_stored(path: str, descriptor: int, size: int) -> StoredFile:
    """Map a file, or open it to be read where the file system does not map.

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
    try:
        return MappedFile(descriptor, size)
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            raise
    return ReadFile(path, descriptor, size)
