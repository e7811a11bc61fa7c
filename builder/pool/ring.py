"""Memory that two processes share, through which one hands bytes to the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.builder.episodes import Buffer

RING_BYTES = 2**22
"""About ten episodes of the default size."""
MOST_BYTES = 2**25
"""What the rings of all workers take together: containers often have 2**26 bytes to share."""
LINE_BYTES = 64
"""What a ring's size and place are multiples of."""


class SharedRing:
    """One side's view of the memory; the sides tell each other where messages are by other means.

    A place is the count of all bytes ever put in, with those skipped at the
    ring's end so that each message lies in one piece. The memory begins with the
    place up to which messages were taken out.

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
        """Put in a message, and return the place where it ends; None if there is no room now.

        Parameters
        ----------
        parts : sequence of bytes or memoryview
            The message, in pieces.
        size : int
            Bytes of the message.
        """
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
        """Take a message out, and return a copy of it.

        Parameters
        ----------
        end : int
            The place where it ends.
        size : int
            Bytes of the message.

        Returns
        -------
        ndarray, shape (size,), uint8
            Its bytes.
        """
        start = (end - size) % len(self._bytes)
        content = self._bytes[start : start + size].copy()
        self._taken[0] = end
        return content
