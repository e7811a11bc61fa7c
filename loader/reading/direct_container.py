"""What containers share whose chunks are read straight from files: read, and show as stored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from numpy.typing import NDArray

from crafter_dataset.loader.reading.cuts import copy_cuts, empty_rows
from crafter_dataset.loader.reading.direct import DirectArray
from crafter_dataset.schemas.container import ChunkLayout, Cuts, StoredChunks
from crafter_dataset.schemas.errors import CorruptDataError


class DirectContainer(ABC):
    """Reads arrays directly where that can be, and else through the container's own library."""

    def read(self, path: str, start: int, stop: int) -> NDArray[Any]:
        """Read rows of an array; see `schemas.Container`."""
        direct = self._direct_array(path)
        if direct is None:
            return self._read_slowly(path, start, stop)
        shape = direct.layout.shape
        stop = max(start, min(stop, shape[0]))
        rows = empty_rows(path, (stop - start, *shape[1:]), direct.layout.dtype)
        self.read_into(path, Cuts.one(start, stop), rows[None], keep=True)
        return rows

    def read_into(self, path: str, cuts: Cuts, out: NDArray[Any], keep: bool = False) -> None:
        """Read many cuts of rows of an array into a batch; see `schemas.Container`."""
        direct = self._direct_array(path)
        if direct is None:
            copy_cuts(self._read_slowly, path, cuts, out)
            return
        try:
            direct.read_into(cuts, out, keep)
        except CorruptDataError as error:
            raise CorruptDataError(f"{path}: {error}") from error
        except MemoryError:
            raise CorruptDataError(f"{path}: expected chunks that fit into memory") from None

    def stored(self, path: str) -> tuple[ChunkLayout, StoredChunks] | None:
        """Give an array's chunks as they are stored; see `schemas.Container`."""
        direct = self._direct_array(path)
        return None if direct is None else (direct.layout, direct.chunks)

    @abstractmethod
    def _direct_array(self, path: str) -> DirectArray | None:
        """Give the reader of an array; None if it cannot be read directly."""

    @abstractmethod
    def _read_slowly(self, path: str, start: int, stop: int) -> NDArray[Any]:
        """Read rows through the container's library."""
