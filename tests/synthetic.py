"""Datasets with episodes of any lengths, filled with random rows, written by the real writer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from crafter_dataset.builder.episodes import EncodedEpisode
from crafter_dataset.builder.settings import BuildSettings
from crafter_dataset.builder.storage import containers
from crafter_dataset.builder.storage.belongings import remove_dataset
from crafter_dataset.schemas.codecs import ChunkCodec
from crafter_dataset.schemas.hdf5_format import is_hdf5
from crafter_dataset.schemas.layout import FRAME_FIELDS, TERMINATED, TIME_LIMIT


def write_dataset(
    path: Path,
    lengths: Sequence[int],
    *,
    end_reasons: Sequence[int] | None = None,
    chunk_frames: int = 8,
    codec: str = "zstd:1",
    complete: bool = True,
) -> None:
    """Write episodes of so many rows; no two rows that show a state are alike."""
    for _ in _write(path, lengths, end_reasons, chunk_frames, codec, [len(lengths)], complete):
        pass


def grow_dataset(path: Path, lengths: Sequence[int], commits: Sequence[int]) -> Iterator[int]:
    """Write such episodes, and stop at each commit, after so many of them; the last completes."""
    return _write(path, lengths, None, 8, "zstd:1", commits, True)


def _write(path, lengths, end_reasons, chunk_frames, codec, commits, complete):
    settings = BuildSettings(size=(18, 20), area=(3, 4), chunk_frames=chunk_frames)
    metadata = replace(settings.metadata(), codec=codec)
    rng = np.random.default_rng(len(lengths))
    if path.exists():
        remove_dataset(path)
    if not is_hdf5(path):
        path.mkdir(parents=True)
    writer = containers.create(path, metadata)
    for episode, length in enumerate(lengths):
        reason = TERMINATED if end_reasons is None else end_reasons[episode]
        writer.append(_episode(metadata, rng, episode, length, reason))
        if episode + 1 in commits:
            writer.commit(complete and episode + 1 == len(lengths))
            yield episode + 1
    if not lengths:
        writer.commit(complete)
    writer.close()


def _episode(metadata, rng, episode, length, reason):
    rows = {}
    for name in metadata.known_fields():
        field = FRAME_FIELDS[name]
        shape = (length, *field.row_shape(metadata.sizes()))
        values = rng.integers(1, 10, shape) if name != "frames" else rng.integers(0, 256, shape)
        rows[name] = values.astype(field.dtype)
    rows["episode_ids"][:] = episode
    for name in ("terminations", "truncations"):
        rows[name][:] = False
    for name in ("actions", "rewards"):
        rows[name][-1] = 0
    if length > 1:
        rows["terminations"][-2] = reason == TERMINATED
        rows["truncations"][-2] = reason == TIME_LIMIT
    codec, chunks = ChunkCodec.parse(metadata.codec), {}
    size = metadata.chunk_frames
    for name in [n for n in rows if FRAME_FIELDS[n].sharded]:
        field = rows.pop(name)
        padded = np.zeros((-(-length // size) * size, *field.shape[1:]), field.dtype)
        padded[:length] = field
        chunks[name] = [codec.encode(chunk) for chunk in padded.reshape(-1, size, *field.shape[1:])]
    terrain = rng.integers(1, 5, metadata.env.area, np.uint8)
    return EncodedEpisode(
        episode=episode,
        length=length,
        end_reason=reason,
        world_seed=episode,
        terrain=terrain,
        digest=np.zeros(16, np.uint8),
        chunks=chunks,
        rows=rows,
    )
