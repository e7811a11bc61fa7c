"""One episode on its way to storage: encoded chunk by chunk while it is played."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.codecs import ChunkCodec
from schemas.digests import EpisodeHasher
from schemas.layout import CUT, FRAME_FIELDS, digested_fields
from schemas.metadata import Metadata

Rows = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class EncodedEpisode:
    """A whole episode, compressed: plain values that can be sent anywhere.

    Parameters
    ----------
    episode : int
        Episode id.
    length : int
        Rows, T + 1 for T actions.
    end_reason : int
        Index into `schemas.layout.END_REASONS`.
    world_seed : int
        Seed of the world's RandomState.
    terrain : ndarray, shape `area`, uint8
        Material ids at reset.
    digest : ndarray, shape (16,), uint8
        Digest of the rows.
    chunks : dict of str to list of bytes
        Encoded chunks of each sharded field; the last one is padded.
    rows : dict of str to ndarray
        Rows of the other per-frame fields, without padding.
    """

    episode: int
    length: int
    end_reason: int
    world_seed: int
    terrain: NDArray[np.uint8]
    digest: NDArray[np.uint8]
    chunks: dict[str, list[bytes]]
    rows: Rows

    @property
    def episode_return(self) -> np.float32:
        """Sum of the rewards."""
        return np.float32(self.rows["rewards"].sum(dtype=np.float64))

    @property
    def nbytes(self) -> int:
        """Bytes that the episode takes in memory, roughly."""
        chunks = sum(len(chunk) for chunks in self.chunks.values() for chunk in chunks)
        return chunks + sum(rows.nbytes for rows in self.rows.values()) + self.terrain.nbytes


class EpisodeEncoder:
    """Takes an episode row by row and compresses each chunk as soon as it is full.

    So the memory that an episode takes is one chunk plus what it compresses
    to. A row is written in two parts: what was seen (`observe`), then what was
    done there and what came of it (`act`).

    Parameters
    ----------
    metadata : Metadata
        Of the dataset that the episode is for.
    """

    def __init__(self, metadata: Metadata) -> None:
        self._chunk_frames = metadata.chunk_frames
        self._codec = ChunkCodec.parse(metadata.codec)
        sizes = metadata.sizes()
        self._fields = [FRAME_FIELDS[name] for name in digested_fields(metadata.fields)]
        self._buffer: Rows = {
            f.name: np.zeros((self._chunk_frames, *f.row_shape(sizes)), f.dtype)
            for f in self._fields
        }
        self.start()

    def start(self) -> None:
        """Begin a new episode, forgetting the last."""
        self.length = 0
        self._used = 0
        self._clear_buffer()
        self._chunks: dict[str, list[bytes]] = {f.name: [] for f in self._fields if f.sharded}
        self._rows: dict[str, list[NDArray[Any]]] = {
            f.name: [] for f in self._fields if not f.sharded
        }
        self._hasher = EpisodeHasher(self._buffer)

    def observe(self, seen: Mapping[str, Any]) -> None:
        """Open the next row with what was seen; keys that are not stored are ignored."""
        if self._used == self._chunk_frames:
            self._flush()
        for name, value in seen.items():
            if name in self._buffer:
                self._buffer[name][self._used] = value
        self._used += 1
        self.length += 1

    def act(self, action: int, reward: float, terminated: bool, truncated: bool) -> None:
        """Complete the open row with what was done there."""
        row = self._used - 1
        self._buffer["actions"][row] = action
        self._buffer["rewards"][row] = reward
        self._buffer["terminations"][row] = terminated
        self._buffer["truncations"][row] = truncated

    def extend(self, rows: Mapping[str, NDArray[Any]]) -> None:
        """Add complete rows of every stored field."""
        start, count = 0, len(rows["actions"])
        while start < count:
            if self._used == self._chunk_frames:
                self._flush()
            taken = min(count - start, self._chunk_frames - self._used)
            for name, buffer in self._buffer.items():
                buffer[self._used : self._used + taken] = rows[name][start : start + taken]
            self._used += taken
            self.length += taken
            start += taken

    def finish(
        self, episode: int, end_reason: int, world_seed: int, terrain: NDArray[np.uint8]
    ) -> EncodedEpisode:
        """Compress what is left and give the whole episode; the open row is its last."""
        self._flush()
        return EncodedEpisode(
            episode=episode,
            length=self.length,
            end_reason=end_reason,
            world_seed=world_seed,
            terrain=terrain,
            digest=self._hasher.digest(),
            chunks=self._chunks,
            rows={name: np.concatenate(parts) for name, parts in self._rows.items()},
        )

    def _flush(self) -> None:
        self._hasher.update({name: buffer[: self._used] for name, buffer in self._buffer.items()})
        for name, chunks in self._chunks.items():
            chunks.append(self._codec.encode(self._buffer[name]))
        for name, parts in self._rows.items():
            parts.append(self._buffer[name][: self._used].copy())
        self._used = 0
        self._clear_buffer()

    def _clear_buffer(self) -> None:
        for field in self._fields:
            self._buffer[field.name][:] = field.fill


def decode_rows(episode: EncodedEpisode, metadata: Metadata) -> Rows:
    """Decompress all rows of an episode, without padding."""
    codec, sizes = ChunkCodec.parse(metadata.codec), metadata.sizes()
    rows = dict(episode.rows)
    for name, chunks in episode.chunks.items():
        field = FRAME_FIELDS[name]
        shape = (metadata.chunk_frames, *field.row_shape(sizes))
        parts = [codec.decode(chunk, np.dtype(field.dtype), shape) for chunk in chunks]
        rows[name] = np.concatenate(parts)[: episode.length]
    return rows


def cut_episode(episode: EncodedEpisode, length: int, metadata: Metadata) -> EncodedEpisode:
    """Cut an episode short, as if the collection had stopped at its `length`-th row.

    The last row becomes a final frame, and the action before it is marked as
    truncated.
    """
    if length >= episode.length:
        return episode
    rows = {name: values[:length].copy() for name, values in decode_rows(episode, metadata).items()}
    for name in ("actions", "rewards", "terminations", "truncations"):
        rows[name][-1] = 0
    rows["truncations"][-2:-1] = True
    encoder = EpisodeEncoder(metadata)
    encoder.extend(rows)
    return encoder.finish(episode.episode, CUT, episode.world_seed, episode.terrain)
