"""Memory that two processes share, through which one hands bytes to the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.builder.episodes import Buffer

RING_BYTES = 2**22
"""Some ten episodes of the default size."""
MOST_BYTES = 2**25
"""What the rings of all workers take together: containers often have 2**26 bytes to share."""
LINE_BYTES = 64
"""What a ring's size and place are multiples of."""


class SharedRing:
    """One side's view of it; where messages are, the sides tell each other by other means.

    All bytes ever put in are counted, and what is skipped at the ring's end
    so that each message lies in one piece. The memory begins with the count
    up to which messages were taken out.

    Parameters
    ----------
    memory : buffer
        The shared memory, with zeros at its start.
    """

    def __init__(self, memory: Any) -> None:
        whole: NDArray[np.uint8] = np.frombuffer(memory, np.uint8)
        self._taken = whole[:8].view(np.int64)
        self._bytes = whole[LINE_BYTES:]
        self._view = self._bytes.data
        self._put = 0

    def put(self, parts: Sequence[Buffer], size: int) -> int | None:
        """Put in a message of that size, and tell where it ends; None if there is no room now."""
        room, taken = len(self._bytes), int(self._taken[0])
        if size > room:
            return None
        start = self._put % room
        skipped = room - start if start + size > room else 0
        is_empty = self._put == taken  # then nothing is in the way of what is skipped
        end = self._put + skipped + size
        if end - taken > room and not is_empty:
            return None
        start = 0 if skipped else start
        for part in parts:
            self._view[start : start + len(part)] = part
            start += len(part)
        self._put = end
        return end

    def take(self, end: int, size: int) -> NDArray[np.uint8]:
        """Take a copy of the message of that size which ends there."""
        start = (end - size) % len(self._bytes)
        content = self._bytes[start : start + size].copy()
        self._taken[0] = end
        return content
