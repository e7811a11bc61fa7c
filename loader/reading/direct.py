"""An array read straight from its files: chunks decoded where they are wanted."""

from __future__ import annotations

import math
import threading
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.loader.reading.chunk_cache import ChunkCache
from crafter_dataset.loader.workers import WorkerThreads
from crafter_dataset.schemas.arithmetic import ceil_div
from crafter_dataset.schemas.codecs import decode_into
from crafter_dataset.schemas.container import ChunkLayout, Cuts, StoredChunks
from crafter_dataset.schemas.errors import CorruptDataError

Piece: TypeAlias = tuple[int, int, NDArray[Any]]
"""Rows of a chunk, and where they go."""

WHOLE_BYTES = 2**24
"""Bytes up to which an array of small rows is read whole."""

SMALL_ROW_BYTES = 256
"""Bytes of a row, at most, if an array of many chunks may be read whole."""


class DirectArray:
    """Reads one array of a local dataset.

    Parameters
    ----------
    layout : ChunkLayout
        Where its rows lie.
    chunks : StoredChunks
        The chunks' bytes.
    cache : ChunkCache
        Decoded chunks, shared with other arrays.
    threads : WorkerThreads
        Threads that decode beside the calling one.

    Attributes
    ----------
    layout : ChunkLayout
        Where its rows lie.
    chunks : StoredChunks
        The chunks' bytes.
    """

    def __init__(
        self,
        layout: ChunkLayout,
        chunks: StoredChunks,
        cache: ChunkCache,
        threads: WorkerThreads,
    ) -> None:
        self.layout = layout
        self.chunks, self._cache, self._threads = chunks, cache, threads
        self._chunk_shape = (layout.chunk_rows, *layout.shape[1:])
        # What one file holds is read again and again, and what fits is best kept whole.
        self._nbytes = math.prod(layout.shape) * layout.dtype.itemsize
        self._keeps = not layout.images or self._nbytes <= cache.capacity // 2
        self._scratch = threading.local()
        self._whole: NDArray[Any] | None = None
        self._until_whole = self._reads_until_whole()

    @classmethod
    def of_rows(
        cls, name: str, rows: NDArray[Any], cache: ChunkCache, threads: WorkerThreads
    ) -> DirectArray:
        """Return an array all of whose rows are in memory.

        Parameters
        ----------
        name : str
            Its name.
        rows : ndarray, shape (rows, ...)
            The rows.
        cache : ChunkCache
            As for others.
        threads : WorkerThreads
            As for others.
        """
        layout = ChunkLayout(rows.shape, rows.dtype, max(len(rows), 1), False, "none")
        array = cls(layout, _NoChunks(name), cache, threads)
        array._whole, array._until_whole = rows, -1
        return array

    def read_into(self, cuts: Cuts, out: NDArray[Any], keep: bool) -> None:
        """Read cuts of rows, decoding each touched chunk once; see `Container.read_into`.

        Parameters
        ----------
        cuts : Cuts
            What to read.
        out : ndarray, shape (items, rows, ...)
            Where to put it: cut i into `out[i]`.
        keep : bool
            Whether to keep the chunks: neighbouring rows will be wanted soon.

        Raises
        ------
        CorruptDataError
            If chunks are missing or damaged, or the rows are not as in `out`.
        """
        self._check(cuts, out)
        if self._until_whole == 0:  # threads may do it twice, with the same result
            self._whole = self._read_whole()
            self._until_whole = -1
        if self._whole is None:
            if self._until_whole > 0:
                self._until_whole = max(self._until_whole - len(cuts.starts), 0)
            self._read_chunks(cuts, out, keep or self._keeps)
        else:
            # What lies outside is undefined.
            np.take(self._whole, cuts.rows(out.shape[1]), axis=0, out=out, mode="clip")

    def _reads_until_whole(self) -> int:
        """Return how many cuts are read before a small array is read whole; -1 for never.

        Of few chunks none: they are decoded soon anyway. Of many, as many as there are.
        """
        rows, row_bytes = self.layout.shape[0], self._nbytes // max(self.layout.shape[0], 1)
        if not rows or self._nbytes > WHOLE_BYTES:
            return -1
        if not self.layout.images:
            return 0
        return ceil_div(rows, self.layout.chunk_rows) if row_bytes <= SMALL_ROW_BYTES else -1

    def _read_whole(self) -> NDArray[Any] | None:
        """Read all rows of a small array: gathering from them is faster than looking up chunks."""
        shape = self.layout.shape
        rows = np.empty(shape, self.layout.dtype)
        try:
            self._read_chunks(Cuts.one(0, shape[0]), rows[None], keep=False)
        except CorruptDataError:
            return None  # the error is for whoever asks for the damaged rows
        return rows

    def _check(self, cuts: Cuts, out: NDArray[Any]) -> None:
        if out.shape[2:] != self._chunk_shape[1:] or out.dtype != self.layout.dtype:
            raise CorruptDataError(
                f"expected rows of {out.dtype}, shape {out.shape[2:]}, found "
                f"{self.layout.dtype}, shape {self._chunk_shape[1:]}"
            )
        low, high = cuts.bounds
        if low < 0 or high > self.layout.shape[0]:
            raise CorruptDataError(
                f"expected rows {low} to {high}, found {self.layout.shape[0]} rows"
            )

    def _read_chunks(self, cuts: Cuts, out: NDArray[Any], keep: bool) -> None:
        rows = self.layout.chunk_rows
        known: dict[int, NDArray[Any] | None] = {}
        missing: dict[int, list[Piece]] = {}
        for item, (start, stop, place) in enumerate(cuts):
            while start < stop:
                chunk = start // rows
                low = start - chunk * rows
                high = min(rows, low + stop - start)
                if chunk not in known:
                    known[chunk] = self._cache.get((self.chunks.name, chunk)) if keep else None
                decoded = known[chunk]
                if decoded is None:
                    piece = low, high, out[item, place : place + high - low]
                    missing.setdefault(chunk, []).append(piece)
                else:
                    out[item, place : place + high - low] = decoded[low:high]
                start += high - low
                place += high - low
        if not self.layout.images:  # few chunks, and small ones
            for chunk, pieces in missing.items():
                self._serve(chunk, pieces, keep)
        else:
            self._threads.run(lambda entry: self._serve(*entry, keep), list(missing.items()))

    def _serve(self, chunk: int, pieces: list[Piece], keep: bool) -> None:
        """Decode one chunk, and put its rows where they are wanted."""
        low, high, out = pieces[0]
        whole = high - low == self.layout.chunk_rows and out.flags.c_contiguous
        if whole and len(pieces) == 1 and not self._keeps:
            self._decode(chunk, out)
            return
        decoded = np.empty(self._chunk_shape, self.layout.dtype) if keep else self._buffer()
        self._decode(chunk, decoded)
        for low, high, out in pieces:
            out[...] = decoded[low:high]
        if keep:
            self._cache.put((self.chunks.name, chunk), decoded)

    def _buffer(self) -> NDArray[Any]:
        """Return this thread's own chunk, which stays in the processor's cache."""
        buffer: NDArray[Any] | None = getattr(self._scratch, "buffer", None)
        if buffer is None:
            buffer = self._scratch.buffer = np.empty(self._chunk_shape, self.layout.dtype)
        return buffer

    def _decode(self, chunk: int, out: NDArray[Any]) -> None:
        data = self.chunks.get(chunk)
        decode_into(self.layout.compression, data, out, self.layout.checksum)
        self.chunks.count(len(data))


class _NoChunks:
    """Stands for the chunks of an array that is in memory; see `StoredChunks`."""

    def __init__(self, name: str) -> None:
        self.name = name

    def get(self, number: int) -> NDArray[np.uint8]:
        """Refuse to return a chunk."""
        raise CorruptDataError(f"expected rows in memory, found chunk {number} asked for")

    def count(self, size: int) -> None:
        """Do nothing."""
