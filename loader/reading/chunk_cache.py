"""Decoded chunks, the least recently used dropped first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

from numpy.typing import NDArray


class ChunkCache:
    """Keeps decoded chunks up to so many bytes; threads may share it.

    Parameters
    ----------
    capacity : int
        Bytes that the chunks in it take, at most. A chunk larger than that is
        not kept.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.nbytes = 0
        self._chunks: OrderedDict[Hashable, NDArray[Any]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> NDArray[Any] | None:
        """Give a chunk, read only, if it is there."""
        with self._lock:
            chunk = self._chunks.get(key)
            if chunk is not None:
                self._chunks.move_to_end(key)
        return chunk

    def put(self, key: Hashable, chunk: NDArray[Any]) -> None:
        """Keep a chunk, which must not be written to any more."""
        chunk.flags.writeable = False
        with self._lock:
            if key in self._chunks or chunk.nbytes > self.capacity:
                return
            self._chunks[key] = chunk
            self.nbytes += chunk.nbytes
            while self.nbytes > self.capacity:
                self.nbytes -= self._chunks.popitem(last=False)[1].nbytes
