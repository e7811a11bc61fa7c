"""How a whole episode goes through a pipe: a small pickled part, then its chunks as bare bytes.

Pickling the chunks, too, would copy them thrice on the way, in the one process
that all the workers wait for.
"""

from __future__ import annotations

import os
from itertools import accumulate, chain, pairwise
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from builder.collect import CollectError
from builder.episodes import EncodedEpisode

_MOST_PARTS = 1024
"""Parts that the system takes at once (IOV_MAX)."""


def send(pipe: Connection, message: EncodedEpisode | CollectError) -> None:
    """Write an episode, or the error that came in its stead."""
    if isinstance(message, CollectError):
        pipe.send((message, {}))
        return
    sizes = {name: list(map(len, chunks)) for name, chunks in message.chunks.items()}
    pipe.send((vars(message) | {"chunks": {}}, sizes))
    _write(pipe, [memoryview(chunk) for chunks in message.chunks.values() for chunk in chunks])


def _write(pipe: Connection, parts: list[memoryview]) -> None:
    """Write parts one after the other, without joining them first."""
    start = 0
    while start < len(parts):
        count = os.writev(pipe.fileno(), parts[start : start + _MOST_PARTS])
        while start < len(parts) and count >= len(parts[start]):
            count -= len(parts[start])
            start += 1
        if count:
            parts[start] = parts[start][count:]


def receive(pipe: Connection) -> EncodedEpisode | CollectError:
    """Read what `send` wrote; the chunks are views of one buffer.

    Raises
    ------
    EOFError
        If the sender died meanwhile.
    """
    message: Any
    message, sizes = pipe.recv()
    if isinstance(message, CollectError):
        return message
    ends = [0, *accumulate(chain.from_iterable(sizes.values()))]
    buffer = np.empty(ends[-1], np.uint8).data  # unlike a bytearray, not zeroed first
    left = buffer
    while left:
        count = os.readv(pipe.fileno(), [left])
        if not count:
            raise EOFError
        left = left[count:]
    views = iter([buffer[start:end].toreadonly() for start, end in pairwise(ends)])
    chunks = {name: [next(views) for _ in lengths] for name, lengths in sizes.items()}
    return EncodedEpisode(**message | {"chunks": chunks})
