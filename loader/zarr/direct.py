"""An array read straight from its files: mapped, found by index, decoded where it is wanted."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from loader.workers import WorkerThreads
from loader.zarr.chunk_cache import ChunkCache
from loader.zarr.mapped_files import MappedFiles
from schemas.codecs import compression_of, decode_into
from schemas.container import Cuts
from schemas.errors import CorruptDataError
from schemas.shards import MISSING

Piece: TypeAlias = tuple[int, int, NDArray[Any]]
"""Rows of a chunk, and where they go."""

MOST_CHUNK_BYTES = 2**31 - 1
"""Blosc's limit; a larger chunk is left to zarr-python."""

WHOLE_BYTES = 2**24
"""Bytes up to which an array of small rows is read whole."""


@dataclass(frozen=True)
class DirectLayout:
    """Where the rows of an array lie, for arrays whose chunks span whole rows.

    Parameters
    ----------
    shape : tuple of int
        Shape, rows first.
    dtype : numpy.dtype
        Element type, little-endian.
    chunk_rows : int
        Rows that are compressed together.
    slots : int or None
        Chunks that a shard has room for; None if each chunk is a file.
    compression : str
        What `schemas.codecs.decode_into` undoes.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunk_rows: int
    slots: int | None
    compression: str

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> DirectLayout | None:
        """Read an array's Zarr v3 document; None if it is none that can be read directly."""
        try:
            return cls._parse(document)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            return None

    @classmethod
    def _parse(cls, document: Mapping[str, Any]) -> DirectLayout | None:
        shape = tuple(_size(length) for length in document["shape"])
        dtype = np.dtype(document["data_type"]).newbyteorder("<")
        grid, keys = document["chunk_grid"], document["chunk_key_encoding"]
        rows, *rest = (_size(length) for length in grid["configuration"]["chunk_shape"])
        codecs, slots = document["codecs"], None
        plain = (
            document["zarr_format"] == 3
            and document["node_type"] == "array"
            and dtype.kind in "buif"
            and grid["name"] == "regular"
            and (keys["name"], keys["configuration"]["separator"]) == ("default", ".")
            and not document.get("storage_transformers")
            and tuple(rest) == shape[1:]
            and rows > 0
        )
        if codecs[0]["name"] == "sharding_indexed":
            sharding = codecs[0]["configuration"]
            chunk_rows, *chunk_rest = (_size(length) for length in sharding["chunk_shape"])
            plain &= (
                len(codecs) == 1
                and chunk_rest == rest
                and chunk_rows > 0
                and rows % chunk_rows == 0
                and sharding.get("index_location", "end") == "end"
                and compression_of(sharding["index_codecs"]) == "none"
            )
            if not plain:
                return None
            slots, rows, codecs = rows // chunk_rows, chunk_rows, sharding["codecs"]
        compression = compression_of(codecs)
        if not plain or compression is None:
            return None
        if rows * math.prod(rest) * dtype.itemsize > MOST_CHUNK_BYTES:
            return None
        return cls(shape, dtype, rows, slots, compression)


def _size(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(value)
    return value


class DirectArray:
    """Reads one array of a local Zarr group.

    Parameters
    ----------
    folder : str
        Folder of the array.
    layout : DirectLayout
        Where its rows lie.
    files : MappedFiles
        The open files, shared with other arrays.
    cache : ChunkCache
        Decoded chunks, shared with other arrays.
    threads : WorkerThreads
        Who decodes beside the calling thread.
    """

    def __init__(
        self,
        folder: str,
        layout: DirectLayout,
        files: MappedFiles,
        cache: ChunkCache,
        threads: WorkerThreads,
    ) -> None:
        self.layout = layout
        self._folder = folder
        self._files, self._cache, self._threads = files, cache, threads
        self._prefix = f"{folder}/c."
        self._suffix = ".0" * (len(layout.shape) - 1)
        self._chunk_shape = (layout.chunk_rows, *layout.shape[1:])
        # What one file holds is asked for again and again, and what fits is best kept whole.
        self._nbytes = math.prod(layout.shape) * layout.dtype.itemsize
        self._keeps = layout.slots is None or self._nbytes <= cache.capacity // 2
        self._scratch = threading.local()
        self._whole: NDArray[Any] | None = None
        self._tried_whole = False

    def read_into(self, cuts: Cuts, out: NDArray[Any], keep: bool) -> None:
        """Read cuts of rows, each touched chunk decoded once; see `Container.read_into`."""
        self._check(cuts, out)
        if not self._tried_whole:  # threads may do it twice, to the same end
            self._whole = self._read_whole()
            self._tried_whole = True
        if self._whole is None:
            self._read_chunks(cuts, out, keep or self._keeps)
        else:
            rows = cuts.offsets + np.arange(out.shape[1])
            # What lies outside is undefined.
            np.take(self._whole, rows, axis=0, out=out, mode="clip")

    def _read_whole(self) -> NDArray[Any] | None:
        """Read all rows of a small array: to gather from them is faster than to look up chunks."""
        shape = self.layout.shape
        if self.layout.slots is not None or not shape[0] or self._nbytes > WHOLE_BYTES:
            return None
        rows = np.empty(shape, self.layout.dtype)
        try:
            self._read_chunks(Cuts.one(0, shape[0]), rows[None], keep=False)
        except CorruptDataError:
            return None  # that is for those to know who ask for the damaged rows
        return rows

    def _check(self, cuts: Cuts, out: NDArray[Any]) -> None:
        if out.shape[2:] != self._chunk_shape[1:] or out.dtype != self.layout.dtype:
            raise CorruptDataError(
                f"expected rows of {out.dtype}, shape {out.shape[2:]}, found "
                f"{self.layout.dtype}, shape {self._chunk_shape[1:]}"
            )
        low, high = cuts.starts.min(initial=0), cuts.stops.max(initial=0)
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
                    known[chunk] = self._cache.get((self._folder, chunk)) if keep else None
                decoded = known[chunk]
                if decoded is None:
                    piece = low, high, out[item, place : place + high - low]
                    missing.setdefault(chunk, []).append(piece)
                else:
                    out[item, place : place + high - low] = decoded[low:high]
                start += high - low
                place += high - low
        if self.layout.slots is None:  # few chunks, and small ones
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
            self._cache.put((self._folder, chunk), decoded)

    def _buffer(self) -> NDArray[Any]:
        """Give this thread's own chunk, which stays in the processor's cache."""
        buffer: NDArray[Any] | None = getattr(self._scratch, "buffer", None)
        if buffer is None:
            buffer = self._scratch.buffer = np.empty(self._chunk_shape, self.layout.dtype)
        return buffer

    def _decode(self, chunk: int, out: NDArray[Any]) -> None:
        slots = self.layout.slots
        number, slot = divmod(chunk, slots or 1)
        file = self._files.get(f"{self._prefix}{number}{self._suffix}", slots)
        data = file.data
        if file.index is not None:
            start, size = file.index[slot].tolist()
            if start == MISSING:
                raise CorruptDataError(f"a chunk is missing in c.{number}{self._suffix}")
            data = data[start : start + size]
        decode_into(self.layout.compression, data, out)
        self._files.count(len(data))
