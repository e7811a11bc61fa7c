"""How a whole episode gets from one process to another.

A few numbers go through a pipe, and all of its arrays as bare bytes through
shared memory, or through the pipe, too, if there is no room in it. What the
arrays are is known on both sides, so nothing has to describe them.
"""

from __future__ import annotations

import os
import pickle
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.builder.collectors.job import CollectError
from crafter_dataset.builder.episodes import Buffer, EncodedEpisode
from crafter_dataset.builder.pool.ring import SharedRing
from crafter_dataset.schemas.arithmetic import ceil_div
from crafter_dataset.schemas.metadata import Metadata

_HEADER = struct.Struct("<?7q")
"""Whether it is an episode, the size of its bytes, and where they end in the ring or `_IN_PIPE`;
then the episode's number, rows, end reason, world seed, and policy in a mixture."""
_IN_PIPE, _NO_SEED, _NO_MIXTURE = -1, -1, -1
_DIGEST_BYTES = 16

_MOST_PARTS = 1024
"""Parts that the system takes at once (IOV_MAX)."""


class EpisodePipe:
    """One end of a pipe for the episodes of a dataset.

    Parameters
    ----------
    pipe : int
        Descriptor of its open end, which the caller closes.
    memory : buffer
        Memory that both ends share, with zeros at its start.
    metadata : Metadata
        Of the dataset.
    """

    def __init__(self, pipe: int, memory: Any, metadata: Metadata) -> None:
        self._file = pipe
        self._ring = SharedRing(memory)
        sizes = metadata.sizes()
        fields = metadata.recorded_fields()
        self._images = [field.name for field in fields if field.sharded]
        self._rows = [
            (field.name, np.dtype(field.dtype), field.row_shape(sizes))
            for field in fields
            if not field.sharded
        ]
        self._chunk_frames, self._area = metadata.chunk_frames, metadata.env.area

    def send(self, message: EncodedEpisode | CollectError) -> None:
        """Write an episode as a collector makes it, or the error that was raised instead.

        Parameters
        ----------
        message : EncodedEpisode or CollectError
            The episode has a terrain, and in `rare` nothing but its policy in a mixture.
        """
        if isinstance(message, CollectError):
            content = pickle.dumps(message)
            self._write([_HEADER.pack(False, len(content), _IN_PIPE, 0, 0, 0, 0, 0), content])
            return
        assert message.terrain is not None
        assert message.rare.keys() <= {"policies"}
        chunks = [chunk for name in self._images for chunk in message.chunks[name]]
        parts: list[Buffer] = [
            np.array([len(chunk) for chunk in chunks], np.int64).data.cast("B"),
            *(message.rows[name].data.cast("B") for name, _, _ in self._rows),
            message.digest.data,
            message.terrain.data.cast("B"),
            *chunks,
        ]
        seed = _NO_SEED if message.world_seed is None else message.world_seed
        size = sum(map(len, parts))
        place = self._ring.put(parts, size)
        header = _HEADER.pack(
            True, size, _IN_PIPE if place is None else place,
            message.episode, message.length, message.end_reason, seed,
            message.rare.get("policies", _NO_MIXTURE),
        )  # fmt: skip
        self._write([header, *parts] if place is None else [header])

    def receive(self) -> EncodedEpisode | CollectError:
        """Read what `send` wrote.

        Returns
        -------
        EncodedEpisode or CollectError
            An episode's arrays and chunks are views of one buffer.

        Raises
        ------
        EOFError
            If the sender died.
        """
        header = self._read(_HEADER.size)
        is_episode, size, place, *numbers = _HEADER.unpack(header.data)
        content = self._read(size) if place == _IN_PIPE else self._ring.take(place, size)
        if not is_episode:
            error: CollectError = pickle.loads(content.data)  # from a process of our own
            return error
        episode, length, end_reason, seed, policy = numbers
        count = ceil_div(length, self._chunk_frames)
        at = 8 * count * len(self._images)
        sizes = content[:at].view(np.int64).tolist()
        rows: dict[str, NDArray[Any]] = {}
        for name, dtype, shape in self._rows:
            values = np.ndarray((length, *shape), dtype, content, at)
            rows[name] = values
            at += values.nbytes
        digest = content[at : at + _DIGEST_BYTES]
        at += _DIGEST_BYTES
        terrain = np.ndarray(self._area, np.uint8, content, at)
        at += terrain.nbytes
        view, chunks = content.data.toreadonly(), {}
        for first, name in enumerate(self._images):
            chunks[name] = [
                view[at : (at := at + size)] for size in sizes[first * count : (first + 1) * count]
            ]
        return EncodedEpisode(
            episode=episode,
            length=length,
            end_reason=end_reason,
            world_seed=None if seed == _NO_SEED else seed,
            terrain=terrain,
            digest=digest,
            chunks=chunks,
            rows=rows,
            rare={} if policy == _NO_MIXTURE else {"policies": policy},
        )

    def _write(self, parts: list[Buffer]) -> None:
        """Write parts one after the other, without joining them first."""
        start = 0
        while start < len(parts):
            count = os.writev(self._file, parts[start : start + _MOST_PARTS])
            while start < len(parts) and count >= len(parts[start]):
                count -= len(parts[start])
                start += 1
            if count:
                parts[start] = memoryview(parts[start])[count:]

    def _read(self, size: int) -> NDArray[np.uint8]:
        """Read that many bytes."""
        content = np.empty(size, np.uint8)
        left = content.data
        while left:
            count = os.readv(self._file, [left])
            if not count:
                raise EOFError
            left = left[count:]
        return content
