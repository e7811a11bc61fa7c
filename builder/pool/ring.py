"""Memory that two processes share, through which one hands bytes to the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from builder.episodes import Buffer

RING_BYTES = 2**22
"""Some ten episodes of the default size."""


class SharedRing:
    """One side's view of it; which bytes are where, the sides tell each other by other means.

    All bytes ever put in are counted, and what is skipped at the ring's end
    so that each message lies in one piece.

    Parameters
    ----------
    memory : buffer
        The shared memory.
    """

    def __init__(self, memory: Any) -> None:
        self._bytes: NDArray[np.uint8] = np.frombuffer(memory, np.uint8)
        self._view = self._bytes.data
        self._put = 0
        self.taken = 0
        """Up to where messages were taken out; who puts them in is to be told, and sets it."""

    def put(self, parts: Sequence[Buffer], size: int) -> int | None:
        """Put in a message of that size, and tell where it ends; None if there is no room now."""
        room = len(self._bytes)
        at = self._put % room
        start = 0 if at + size > room else at
        end = self._put + size + (room - at if start != at else 0)
        if end - self.taken > room:
            return None
        for part in parts:
            self._view[start : start + len(part)] = part
            start += len(part)
        self._put = end
        return end

    def take(self, end: int, size: int) -> NDArray[np.uint8]:
        """Take a copy of the message of that size which ends there."""
        start = (end - size) % len(self._bytes)
        content = self._bytes[start : start + size].copy()
        self.taken = end
        return content
