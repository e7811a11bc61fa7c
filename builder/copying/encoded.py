"""Episodes of a stored dataset as encoded ones, without decoding where the codec allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.builder.copying.combine import ORIGIN_FIELDS, Part, Plan
from crafter_dataset.builder.copying.remade import Remaker, is_remade
from crafter_dataset.builder.copying.rows import read_rows
from crafter_dataset.builder.episodes import Buffer, EncodedEpisode
from crafter_dataset.schemas.arithmetic import ceil_div
from crafter_dataset.schemas.codecs import CHECKSUM_BYTES, ChunkCodec, crc32c, verify
from crafter_dataset.schemas.container import ChunkLayout, StoredChunks
from crafter_dataset.schemas.errors import CorruptDataError
from crafter_dataset.schemas.layout import TABLE_FIELDS, Field, padded_rows
from crafter_dataset.schemas.metadata import Metadata

THREADS = 8
"""Threads that compress at once, at most."""


def read_encoded(plan: Plan, start: int = 0, threads: int = THREADS) -> Iterator[EncodedEpisode]:
    """Read the episodes of a plan, one at a time.

    Parameters
    ----------
    plan : Plan
        The plan.
    start : int
        Id of the first episode to read.
    threads : int
        Threads that compress at once, at most.

    Yields
    ------
    EncodedEpisode
        With the codec and the id that the plan gives it.

    Raises
    ------
    CorruptDataError
        If stored bytes are missing or fail their checksum, naming the episode.
    """
    with ThreadPoolExecutor(threads, "crafter-dataset-copier") as pool:
        readers = [_Reader(part, plan.metadata, pool) for part in plan.parts]
        for episode in range(start, len(plan)):
            part, number = plan.places[episode].tolist()
            origin = {name: column[episode].item() for name, column in plan.origins.items()}
            yield readers[part].read(number, episode, origin)


class _Reader:
    """Reads episodes of one part."""

    def __init__(self, part: Part, target: Metadata, pool: ThreadPoolExecutor) -> None:
        self._part, self._container = part, part.container
        self._meta, self._target = part.metadata, target
        self._pool = pool
        self._codec = ChunkCodec.parse(target.codec)
        self._table = {
            field.name: read_rows(part, field, 0, self._meta.counts.episodes)
            for field in self._meta.table_fields()
            if not field.large and field.name not in ORIGIN_FIELDS
        }
        self._remaker = Remaker(part, target) if is_remade(part.metadata, target) else None
        self._fields = () if self._remaker else target.frame_fields()
        self._recorded = {field.name for field in target.recorded_fields()}
        self._stored = {
            field.name: self._same_bytes(field) for field in self._fields if field.sharded
        }

    def read(self, number: int, episode: int, rare: dict[str, Any]) -> EncodedEpisode:
        """Read the part's episode `number`, which is to have the id `episode`."""
        table = {name: column[number] for name, column in self._table.items()}
        start, length = int(table["starts"]), int(table["lengths"])
        if int(table["end_reasons"]) >= len(self._meta.end_reasons):
            raise CorruptDataError(
                f"episode {number}, end_reasons: expected 0 to {len(self._meta.end_reasons) - 1}, "
                f"found {table['end_reasons']} ({self._container.name})"
            )
        chunks: dict[str, list[Buffer]] = {}
        rows: dict[str, NDArray[Any]] = {}
        name = "terrain"
        try:
            terrain = None
            if "terrain" in self._meta.episode_fields:
                terrain = read_rows(self._part, TABLE_FIELDS["terrain"], number, number + 1)[0]
            for field in self._fields:
                name = field.name
                if name in self._stored:
                    chunks[name] = self._chunks(field, start, length)
                elif name in self._recorded:
                    rows[name] = read_rows(self._part, field, start, start + length)
        except CorruptDataError as error:
            text = str(error).removeprefix(f"{name}: ")
            raise CorruptDataError(
                f"episode {number}, {name}: {text} ({self._container.name})"
            ) from error
        if "final_frames" in table:
            rare = {**rare, "final_frames": bool(table["final_frames"])}
        found = EncodedEpisode(
            episode=episode,
            length=length,
            end_reason=int(table["end_reasons"]),
            world_seed=int(table["world_seeds"]) if "world_seeds" in table else None,
            terrain=terrain,
            digest=table["digests"],
            chunks=chunks,
            rows=rows,
            rare=rare,
        )
        return found if self._remaker is None else self._remade(found, number, start)

    def _remade(self, episode: EncodedEpisode, number: int, start: int) -> EncodedEpisode:
        """Make an episode anew, of which all but the rows was read."""
        assert self._remaker is not None
        try:
            made = self._remaker.make(episode, number, start)
        except CorruptDataError as error:
            found = str(error).removeprefix(f"episode {number}: ")
            where = "" if self._container.name in found else f" ({self._container.name})"
            raise CorruptDataError(f"episode {number}: {found}{where}") from error
        except MemoryError:
            raise CorruptDataError(
                f"episode {number}: expected rows that fit into memory, found {episode.length} "
                f"({self._container.name})"
            ) from None
        return replace(made, rare=episode.rare)

    def _same_bytes(self, field: Field) -> tuple[ChunkLayout, StoredChunks] | None:
        """Return the stored chunks of a field, if those of the target are to be the same."""
        found = self._container.stored(field.path)
        row_shape = field.row_shape(self._target.sizes())
        if found is None or (
            found[0].compression != self._codec.compression
            or found[0].chunk_rows != self._target.chunk_frames
            or found[0].shape[1:] != row_shape
            or found[0].dtype != np.dtype(field.dtype)
        ):
            return None
        return found

    def _chunks(self, field: Field, start: int, length: int) -> list[Buffer]:
        name, size = field.name, self._target.chunk_frames
        stored = self._stored[name]
        if stored is not None:
            layout, source = stored
            first = start // size
            return [
                _take(source.get(first + index), layout.checksum)
                for index in range(ceil_div(length, size))
            ]
        count = padded_rows(length, size)
        stop = start + (count if field.spread else length)
        rows = read_rows(self._part, field, start, stop)
        padded = np.full((count, *rows.shape[1:]), field.fill, rows.dtype)
        padded[: len(rows)] = rows
        return list(self._pool.map(self._codec.encode, padded.reshape(-1, size, *rows.shape[1:])))


def _take(stored: NDArray[np.uint8], checksum: Callable[[Any], bytes]) -> bytes:
    """Check a stored chunk, and return it with the checksum that `ChunkCodec.encode` appends."""
    verify(stored, checksum)
    if checksum is crc32c:
        return stored.tobytes()
    body = stored[:-CHECKSUM_BYTES]
    return body.tobytes() + crc32c(body)
