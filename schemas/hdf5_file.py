"""Reading an HDF5 file, as far as a dataset needs it, whoever has written it.

What our writer has laid out is read by a parser of our own, and libhdf5 never sees it. Any
other file is read through h5py, once another process has survived that.
"""

from __future__ import annotations

import io
import json
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.schemas.entries import ATTRIBUTE, PROVENANCE
from crafter_dataset.schemas.errors import CorruptDataError, NotADatasetError
from crafter_dataset.schemas.hdf5_own import OwnStructures
from crafter_dataset.schemas.hdf5_probe import require_survivable
from crafter_dataset.schemas.hdf5_stored import StoredArray
from crafter_dataset.schemas.hdf5_structures import OtherLayoutError
from crafter_dataset.schemas.wording import one_line

if TYPE_CHECKING:
    import h5py

    from crafter_dataset.schemas.hdf5_foreign import ForeignStructures

__all__ = ["Hdf5File", "StoredArray"]

Result = TypeVar("Result")


def _close(structures: OwnStructures | ForeignStructures, stream: io.RawIOBase) -> None:
    close = getattr(structures, "close", None)
    if close is not None:
        close()
    stream.close()


class Hdf5File:
    """An open file, read only.

    Parameters
    ----------
    path : Path
        The file.

    Attributes
    ----------
    attributes : dict
        The format's attributes of the root by name, parsed from JSON.
    end : int
        Bytes of the file that are published; what lies behind may still be being written.

    Raises
    ------
    NotADatasetError
        If it is not an HDF5 file that can be read, or its attributes cannot be.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stream = open(path, "rb", buffering=0)  # noqa: SIM115
        try:
            self._structures = _structures(self._stream, path)
        except NotADatasetError:
            self._stream.close()
            raise
        except Exception as error:  # h5py raises many types for what it cannot open
            self._stream.close()
            raise NotADatasetError(
                f"{path}: expected a Crafter dataset, found no HDF5 file that can be read: "
                f"{one_line(error)}"
            ) from error
        # Also when it is collected, and before the interpreter ends: libhdf5 would close what is
        # still open after that, and crash where it calls the stream.
        self._finalizer = weakref.finalize(self, _close, self._structures, self._stream)
        self._described: dict[str, StoredArray] = {}
        self.end = self._structures.end
        try:
            texts = self._structures.attributes
            self.attributes: dict[str, Any] = {
                name: json.loads(_text(name, texts[name]))
                for name in (ATTRIBUTE, PROVENANCE)
                if name in texts
            }
        except Exception as error:
            self.close()
            raise NotADatasetError(
                f"{path}: expected a Crafter dataset, found attributes that cannot be read: "
                f"{one_line(error)}"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def is_own(self) -> bool:
        """Whether all of it is laid out as our writer does."""
        return isinstance(self._structures, OwnStructures)

    def names(self) -> Iterator[str]:
        """Yield the paths of everything in the file, attributes as `path@attribute`."""
        return self._structures.names()

    def visited(self, visit: Callable[[h5py.Group], Result]) -> Result:
        """Return what a function makes of the root that h5py finds.

        Parameters
        ----------
        visit : callable
            Takes the root of the open file; what it returns may not refer to it.

        Raises
        ------
        NotADatasetError
            If libhdf5 dies of the file.
        """
        require_survivable(self.path)
        from crafter_dataset.schemas.hdf5_library import h5py

        with h5py.File(self._stream, "r") as root:
            return visit(root)

    @property
    def descriptor(self) -> int:
        """File descriptor of the open file, even if another file has its name by now."""
        return self._stream.fileno()

    def close(self) -> None:
        """Close the file."""
        self._finalizer()

    def array(self, path: str) -> StoredArray:
        """Return the structure of an array.

        Parameters
        ----------
        path : str
            Path of the array inside the file.

        Raises
        ------
        CorruptDataError
            If there is no array there that can be read.
        """
        if path not in self._described:
            self._described[path] = self._structures.array(path)
        return self._described[path]

    def places(self, path: str) -> NDArray[np.int64]:
        """Find all chunks of an array.

        Parameters
        ----------
        path : str
            Path of the array inside the file.

        Returns
        -------
        ndarray, shape (chunks, 2), int64
            Address and stored size of each chunk, in bytes, up to the last one that is there. A
            chunk that is missing, or went through other filters than the rest, has the size 0.

        Raises
        ------
        CorruptDataError
            If there is no such array, its chunks do not span whole rows, the index is damaged, or
            a chunk would lie outside the file.
        """
        return self._structures.places(path)

    def place(self, path: str, number: int) -> tuple[int, int]:
        """Find one chunk of an array.

        Parameters
        ----------
        path : str
            Path of the array inside the file.
        number : int
            Number of the chunk, from 0.

        Returns
        -------
        tuple of int
            Address and stored size in bytes, as in `places`.

        Raises
        ------
        CorruptDataError
            If there is no such array, the index is damaged, or the chunk would lie outside the
            file.
        """
        return self._structures.place(path, number)

    def read(self, path: str, start: int, stop: int) -> NDArray[Any]:
        """Read rows of an array that is laid out otherwise than ours, slowly.

        Parameters
        ----------
        path : str
            Path of the array inside the file.
        start, stop : int
            First row, and the row after the last.

        Returns
        -------
        ndarray, shape (rows, ...)
            With the stored dtype.

        Raises
        ------
        CorruptDataError
            If there is no such array, or bytes are missing, fail their checksum or cannot be
            decoded.
        """
        return self._structures.read(path, start, stop)

    def stored_bytes(self, path: str) -> int:
        """Return how many bytes of the file an array's data take.

        Parameters
        ----------
        path : str
            Path of the array inside the file.

        Raises
        ------
        CorruptDataError
            If there is no such array.
        """
        return self._structures.stored_bytes(path)


def _structures(stream: io.FileIO, path: Path) -> OwnStructures | ForeignStructures:
    try:
        return OwnStructures(stream.fileno())
    except OtherLayoutError:
        require_survivable(path)
        from crafter_dataset.schemas.hdf5_foreign import ForeignStructures  # h5py is slow to import

        # Not by its name: libhdf5 would show what it read of the file earlier in this process,
        # and ask for a lock that a builder may hold.
        return ForeignStructures(stream)


def _text(name: str, value: object) -> str | bytes:
    if not isinstance(value, str | bytes):
        raise CorruptDataError(f"{name}: expected a text, found {type(value).__name__}")
    return value
