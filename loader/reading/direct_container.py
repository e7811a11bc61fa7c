"""Base of the containers whose chunks are read straight from files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from numpy.typing import NDArray

from crafter_dataset.loader.reading.chunk_cache import ChunkCache
from crafter_dataset.loader.reading.cuts import copy_cuts, empty_rows
from crafter_dataset.loader.reading.direct import DirectArray
from crafter_dataset.schemas.container import ArrayInfo, ChunkLayout, Cuts, StoredChunks
from crafter_dataset.schemas.errors import CorruptDataError


class DirectContainer(ABC):
    """Reads arrays directly where possible, otherwise through the container's own library."""

    _cache: ChunkCache

    def keep(self, cache_bytes: int) -> None:
        """Keep decoded chunks up to so many bytes; called before anything is read.

        Parameters
        ----------
        cache_bytes : int
            Bytes that they may take.
        """
        self._cache.capacity = cache_bytes

    def read(self, path: str, start: int, stop: int) -> NDArray[Any]:
        """Read rows of an array; see `Container.read`.

        Parameters
        ----------
        path : str
            Path of the array.
        start, stop : int
            First row, and the row after the last; read up to the array's end.

        Returns
        -------
        ndarray, shape (rows, ...)
            The rows, of the array's dtype.

        Raises
        ------
        CorruptDataError
            If stored bytes are missing or fail their checksum.
        """
        direct = self._direct_array(path)
        if direct is None:
            return self._read_slowly(path, start, stop)
        shape = direct.layout.shape
        stop = max(start, min(stop, shape[0]))
        rows = empty_rows(path, (stop - start, *shape[1:]), direct.layout.dtype)
        self.read_into(path, Cuts.one(start, stop), rows[None], keep=True)
        return rows

    def read_into(self, path: str, cuts: Cuts, out: NDArray[Any], keep: bool = False) -> None:
        """Read many cuts of rows of an array into a batch; see `Container.read_into`.

        Parameters
        ----------
        path : str
            Path of the array.
        cuts : Cuts
            What to read.
        out : ndarray, shape (items, rows, ...)
            Where to put it: cut i into `out[i]`.
        keep : bool
            Whether neighbouring rows will be wanted soon.

        Raises
        ------
        CorruptDataError
            If stored bytes are missing or fail their checksum.
        """
        direct = self._direct_array(path)
        if direct is None:
            info = self.describe(path)
            if info is not None and (info.shape[1:], info.dtype) != (out.shape[2:], out.dtype):
                raise CorruptDataError(
                    f"{path}: expected rows of {out.dtype}, shape {out.shape[2:]}, found "
                    f"{info.dtype}, shape {info.shape[1:]}"
                )
            copy_cuts(self._read_slowly, path, cuts, out)
            return
        try:
            direct.read_into(cuts, out, keep)
        except CorruptDataError as error:
            raise CorruptDataError(f"{path}: {error}") from error
        except MemoryError:
            raise CorruptDataError(f"{path}: expected chunks that fit into memory") from None

    def stored(self, path: str) -> tuple[ChunkLayout, StoredChunks] | None:
        """Return an array's chunks as they are stored; see `Container.stored`.

        Parameters
        ----------
        path : str
            Path of the array.

        Returns
        -------
        tuple of ChunkLayout and StoredChunks, or None
            None if the chunks cannot be read directly.
        """
        direct = self._direct_array(path)
        return None if direct is None else (direct.layout, direct.chunks)

    @abstractmethod
    def describe(self, path: str) -> ArrayInfo | None:
        """Return the structure of an array; see `Container.describe`.

        Parameters
        ----------
        path : str
            Path of the array.
        """

    @abstractmethod
    def _direct_array(self, path: str) -> DirectArray | None:
        """Return the reader of an array, or None if it cannot be read directly."""

    @abstractmethod
    def _read_slowly(self, path: str, start: int, stop: int) -> NDArray[Any]:
        """Read rows through the container's library."""
