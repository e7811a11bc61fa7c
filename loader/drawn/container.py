"""A container whose frames are drawn as they are read, from what it stores of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.loader.drawn.drawing import draw_batch
from crafter_dataset.loader.drawn.pictures import Pictures
from crafter_dataset.loader.reading.cuts import empty_rows
from crafter_dataset.loader.workers import WorkerThreads
from crafter_dataset.schemas.container import ArrayInfo, ChunkLayout, Container, Cuts, StoredChunks
from crafter_dataset.schemas.errors import CorruptDataError
from crafter_dataset.schemas.layout import FRAME_FIELDS, Field
from crafter_dataset.schemas.metadata import Metadata
from crafter_dataset.schemas.violations import Violation

FRAMES = FRAME_FIELDS["frames"]

_MOST_PROVEN = 2**28
"""Bytes of a chunk's pictures, at most, that are drawn only to compare them with their checksum."""


class DrawnContainer:
    """Reads all arrays of another container, and draws what that does not store: the frames.

    Parameters
    ----------
    stored : Container
        A dataset whose pictures are drawn.
    metadata : Metadata
        Its metadata.
    threads : int
        Threads that draw at once.
    """

    def __init__(self, stored: Container, metadata: Metadata, threads: int) -> None:
        self.name, self.attributes = stored.name, stored.attributes
        self._stored, self._metadata = stored, metadata
        self._shape = FRAMES.row_shape(metadata.sizes())
        self._pictures = Pictures(stored, metadata)
        self._threads = WorkerThreads(threads)
        self._proven = False

    def describe(self, path: str) -> ArrayInfo | None:
        """Return the structure of an array; see `Container.describe`.

        Parameters
        ----------
        path : str
            Path of the array inside the dataset.
        """
        if path != FRAMES.path:
            return self._stored.describe(path)
        meta = self._metadata
        shape = (meta.counts.rows, *FRAMES.row_shape(meta.sizes()))
        chunk = meta.chunk_frames
        return ArrayInfo(shape, np.dtype(FRAMES.dtype), FRAMES.dims, chunk, chunk)

    def check(self, field: Field, metadata: Metadata) -> Iterator[Violation]:
        """Check what the format asks of an array; see `Container.check`.

        Parameters
        ----------
        field : Field
            The array.
        metadata : Metadata
            Metadata of the dataset.
        """
        return self._stored.check(field, metadata)

    def stored(self, path: str) -> tuple[ChunkLayout, StoredChunks] | None:
        """Return an array's chunks as they are stored; see `Container.stored`.

        Parameters
        ----------
        path : str
            Path of the array inside the dataset.
        """
        return None if path == FRAMES.path else self._stored.stored(path)

    def stored_bytes(self, path: str) -> int:
        """Return how many bytes an array takes on disk.

        Parameters
        ----------
        path : str
            Path of the array inside the dataset.
        """
        return 0 if path == FRAMES.path else self._stored.stored_bytes(path)

    def read(self, path: str, start: int, stop: int) -> NDArray[Any]:
        """Read rows of an array; see `Container.read`. Padding between frames is black.

        Parameters
        ----------
        path : str
            Path of the array inside the dataset.
        start, stop : int
            First row, and the row after the last; rows that do not exist are left out.

        Raises
        ------
        CorruptDataError
            If stored bytes are missing or fail their checksum, or give no picture.
        """
        if path != FRAMES.path:
            return self._stored.read(path, start, stop)
        meta = self._metadata
        stop = max(start, min(stop, meta.counts.rows))
        shape = (stop - start, *FRAMES.row_shape(meta.sizes()))
        rows = empty_rows(path, shape, np.dtype(FRAMES.dtype))
        rows[...] = FRAMES.fill
        pieces = [
            Cuts.one(max(start, first), min(stop, first + length))
            for first, length in self._episodes_within(start, stop)
        ]
        for piece in pieces:
            low, high, _ = next(iter(piece))
            self.read_into(path, piece, rows[None, low - start : high - start], keep=True)
        return rows

    def read_into(self, path: str, cuts: Cuts, out: NDArray[Any], keep: bool = False) -> None:
        """Read many cuts of rows of an array into a batch; see `Container.read_into`.

        Parameters
        ----------
        path : str
            Path of the array inside the dataset.
        cuts : Cuts
            What to read; of frames, each within an episode.
        out : ndarray, shape (items, rows, ...)
            Where to put it: cut i into `out[i]`.
        keep : bool
            Whether neighbouring rows will be wanted soon.

        Raises
        ------
        CorruptDataError
            If stored bytes are missing or fail their checksum, or give no picture.
        """
        if path != FRAMES.path:
            self._stored.read_into(path, cuts, out, keep)
            return
        shape = self._shape
        if out.shape[2:] != shape or out.dtype != np.uint8:
            raise CorruptDataError(
                f"{path}: expected rows of {out.dtype}, shape {out.shape[2:]}, found uint8, "
                f"shape {shape}"
            )
        if not self._proven:
            self._prove(cuts)
            self._proven = True
        target = out if out.flags.c_contiguous else np.empty_like(out, order="C")
        self._draw(cuts, target)
        if target is not out:
            for item, (start, stop, place) in enumerate(cuts):
                rows = slice(place, place + stop - start)
                out[item, rows] = target[item, rows]

    def _draw(self, cuts: Cuts, out: NDArray[np.uint8]) -> None:
        try:
            draw_batch(self._stored, self._pictures, cuts, out, self._threads)
        except CorruptDataError as error:
            raise CorruptDataError(f"{FRAMES.path}: {error}") from error
        except MemoryError:  # metadata may claim any size
            raise CorruptDataError(
                f"{FRAMES.path}: expected pictures that fit into memory, found {self._shape}"
            ) from None

    def _prove(self, cuts: Cuts) -> None:
        """Draw the whole chunk that the first cut begins in, whose checksum is known.

        So code that draws wrongly is found even by those who never read whole chunks.
        """
        chunk = self._metadata.chunk_frames
        if chunk * math.prod(self._shape) > _MOST_PROVEN:
            return
        for start, stop, _ in cuts:
            if start < stop:
                first = start - start % chunk
                for at, length in self._episodes_within(first, first + chunk):
                    low, high = max(first, at), min(first + chunk, at + length)
                    self._draw(Cuts.one(low, high), np.empty((1, high - low, *self._shape), "u1"))
                return

    def _episodes_within(self, start: int, stop: int) -> list[tuple[int, int]]:
        """Return first row and length of the episodes that have rows in a range."""
        starts, lengths = self._pictures.starts, self._pictures.lengths
        last = int(np.searchsorted(starts, stop, "left"))
        first = max(int(np.searchsorted(starts, start, "right")) - 1, 0)
        found = zip(starts[first:last].tolist(), lengths[first:last].tolist(), strict=True)
        return [(at, rows) for at, rows in found if at + rows > start]
