"""A dataset as it was read into memory: arrays of long chunks decoded, others as stored."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.loader.memory.block import MemoryBlock
from crafter_dataset.schemas.arithmetic import ceil_div, round_up
from crafter_dataset.schemas.container import (
    ArrayInfo,
    ChunkLayout,
    Container,
    Cuts,
    StoredChunks,
)
from crafter_dataset.schemas.errors import CorruptDataError
from crafter_dataset.schemas.layout import Field
from crafter_dataset.schemas.metadata import Metadata
from crafter_dataset.schemas.progress import Progress, Report

DECODED = (
    "actions", "rewards", "terminations", "truncations", "inventory", "sleeping", "random_words",
)  # fmt: skip
"""Per-frame arrays whose rows are kept: windows of pictures need a few of each long chunk."""

_ALIGNMENT = 64
_BLOCK_ROWS = 2**16
_SHOW_SECONDS = 1.0


@dataclass(frozen=True)
class KeptArray:
    """Where an array is in the memory.

    Parameters
    ----------
    info : ArrayInfo
        Its structure.
    stored_bytes : int
        Bytes that it takes on disk.
    start : int
        Its first byte.
    chunks : ChunkLayout or None
        How rows lie in its chunks, if these are kept as they are stored; None if its rows are.
    bounds : ndarray, shape (chunks + 1,), int64, or None
        Where each chunk begins, and where the last ends, from `start` on.
    """

    info: ArrayInfo
    stored_bytes: int
    start: int
    chunks: ChunkLayout | None = None
    bounds: NDArray[np.int64] | None = None


@dataclass
class Snapshot:
    """A dataset in memory; it can be pickled, and shares its memory then.

    Parameters
    ----------
    name : str
        Name of the dataset, for messages.
    attributes : dict of str
        Attributes of its root.
    arrays : dict of str to KeptArray
        Its arrays, by their paths.
    block : MemoryBlock
        The memory.
    """

    name: str
    attributes: dict[str, Any]
    arrays: dict[str, KeptArray]
    block: MemoryBlock = field(repr=False)


def take_snapshot(container: Container, metadata: Metadata, report: Report) -> Snapshot:
    """Read a dataset into memory.

    Parameters
    ----------
    container : Container
        The dataset, as it is stored.
    metadata : Metadata
        Its metadata.
    report : callable
        Takes a `Progress` now and then.

    Raises
    ------
    CorruptDataError
        If stored bytes are missing or fail their checksum, or the memory does not suffice.
    """
    plans, end = [], 0
    for each in metadata.present_fields():
        if each.fixed and not metadata.counts.episodes:
            continue  # a build that has just begun may have none yet
        plan = _Plan(container, each, metadata)
        plan.start = end = round_up(end, _ALIGNMENT)
        end += plan.nbytes
        plans.append(plan)
    block = MemoryBlock(end)
    begun, shown = time.monotonic(), 0
    total = sum(plan.rows for plan in plans)
    done = 0
    for plan in plans:
        for rows in plan.fill(block.content):
            done += rows
            seconds = time.monotonic() - begun
            if seconds > _SHOW_SECONDS * (shown + 1):
                shown = int(seconds / _SHOW_SECONDS)
                frames = metadata.counts.frames * done // max(total, 1)
                report(Progress("frames", metadata.counts.frames, None, frames, 0, frames, seconds))
    kept = {plan.path: plan.kept() for plan in plans}
    return Snapshot(container.name, container.attributes, kept, block)


class _Plan:
    """How one array gets into memory."""

    start = 0

    def __init__(self, container: Container, about: Field, metadata: Metadata) -> None:
        self._container, self.path = container, about.path
        info = container.describe(about.path)
        shape = (metadata.rows_of(about), *about.row_shape(metadata.sizes()))
        if info is None or (info.shape, info.dtype) != (shape, np.dtype(about.dtype)):
            found = "none" if info is None else f"{info.shape} of {info.dtype}"
            raise CorruptDataError(
                f"{about.path}: expected shape {shape} of {about.dtype}, found {found}"
            )
        self._info, self.rows = info, shape[0]
        self._stored: tuple[ChunkLayout, StoredChunks] | None = None
        self._bounds: NDArray[np.int64] | None = None
        self.nbytes = self.rows * about.row_bytes(metadata.sizes())
        if self.rows and (about.large or (about.per_frame and about.path not in DECODED)):
            self._stored = container.stored(about.path)
        if self._stored is not None:
            layout, chunks = self._stored
            count = ceil_div(self.rows, layout.chunk_rows)
            sizes = [len(chunks.get(number)) for number in range(count)]
            self._bounds = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
            self.nbytes = int(self._bounds[-1])

    def fill(self, memory: NDArray[np.uint8]) -> Iterator[int]:
        """Read the array; yield numbers of rows that are done."""
        part = memory[self.start : self.start + self.nbytes]
        if self._stored is not None:
            assert self._bounds is not None
            layout, chunks = self._stored
            for number, (low, high) in enumerate(
                zip(self._bounds[:-1].tolist(), self._bounds[1:].tolist(), strict=True)
            ):
                part[low:high] = chunks.get(number)
                yield layout.chunk_rows
            return
        rows = part.view(self._info.dtype).reshape(self._info.shape)
        for start in range(0, self.rows, _BLOCK_ROWS):
            stop = min(start + _BLOCK_ROWS, self.rows)
            self._container.read_into(self.path, Cuts.one(start, stop), rows[None, start:stop])
            yield stop - start

    def kept(self) -> KeptArray:
        """Return where the array is."""
        stored_bytes = self._container.stored_bytes(self.path)
        layout = None if self._stored is None else self._stored[0]
        return KeptArray(self._info, stored_bytes, self.start, layout, self._bounds)
