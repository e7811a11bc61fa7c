"""Decoded chunks, the least recently used dropped first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

from numpy.typing import NDArray


class ChunkCache:
    """Keeps decoded chunks up to a number of bytes; threads may share it.

    Parameters
    ----------
    capacity : int
        Bytes that the chunks in it take, at most. A chunk larger than that is
        not kept.

    Attributes
    ----------
    capacity : int
        Bytes that the chunks may take.
    nbytes : int
        Bytes that they take now.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.nbytes = 0
        self._chunks: OrderedDict[Hashable, NDArray[Any]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> NDArray[Any] | None:
        """Return a chunk, read-only, or None if it is not there.

        Parameters
        ----------
        key : hashable
            Array and number of the chunk.
        """
        with self._lock:
            chunk = self._chunks.get(key)
            if chunk is not None:
                self._chunks.move_to_end(key)
        return chunk

    def put(self, key: Hashable, chunk: NDArray[Any]) -> None:
        """Keep a chunk, unless it is there already or too large.

        Parameters
        ----------
        key : hashable
            Array and number of the chunk.
        chunk : ndarray, shape (rows, ...)
            Its rows; becomes read-only.
        """
        chunk.flags.writeable = False
        with self._lock:
            if key in self._chunks or chunk.nbytes > self.capacity:
                return
            self._chunks[key] = chunk
            self.nbytes += chunk.nbytes
            while self.nbytes > self.capacity:
                self.nbytes -= self._chunks.popitem(last=False)[1].nbytes
