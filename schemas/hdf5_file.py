"""Reading an HDF5 file through h5py, as far as a dataset needs it, whoever has written it.

A file cannot make a reader open other files: links to them, virtual datasets and
external data are refused.
"""

from __future__ import annotations

import io
import json
import math
import os
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.schemas.arithmetic import ceil_div
from crafter_dataset.schemas.entries import ATTRIBUTE, PROVENANCE
from crafter_dataset.schemas.errors import CorruptDataError, NotADatasetError
from crafter_dataset.schemas.hdf5_format import DIMENSIONS, SIGNATURE
from crafter_dataset.schemas.layout import MOST_CHUNK_BYTES, TABLE
from crafter_dataset.schemas.variables import HDF5, hidden
from crafter_dataset.schemas.wording import one_line

with hidden(*HDF5):
    import h5py

Result = TypeVar("Result")

MOST_TEXT_BYTES = 2**24
"""Bytes of an attribute, at most."""


@dataclass(frozen=True)
class StoredArray:
    """The structure of one array.

    Parameters
    ----------
    shape : tuple of int
        Shape, rows first.
    stored_dtype : numpy.dtype
        Element type, as it is stored.
    dims : tuple of str or None
        Dimension names.
    chunk_rows : int
        Rows that are compressed together; 0 if chunks do not span the other dimensions.
    filters : tuple of int
        Numbers of the filters that chunks go through.
    """

    shape: tuple[int, ...]
    stored_dtype: np.dtype[Any]
    dims: tuple[str, ...] | None
    chunk_rows: int
    filters: tuple[int, ...]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Element type, of this machine's byte order."""
        return self.stored_dtype.newbyteorder("=")


def _close(file: h5py.File, stream: io.RawIOBase) -> None:
    file.close()
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
            # Not by its name: libhdf5 would show what it read of the file earlier in this process,
            # and ask for a lock that a builder may hold.
            self._file = h5py.File(self._stream, "r")
        except Exception as error:  # h5py raises many types for what it cannot open
            self._stream.close()
            raise NotADatasetError(
                f"{path}: expected a Crafter dataset, found no HDF5 file that can be read: "
                f"{one_line(error)}"
            ) from error
        # Also when it is collected, and before the interpreter ends: libhdf5 would close what is
        # still open after that, and crash where it calls the stream.
        self._finalizer = weakref.finalize(self, _close, self._file, self._stream)
        self._arrays: dict[str, h5py.Dataset] = {}
        self._described: dict[str, StoredArray] = {}
        self._checked: set[str] = set()
        try:
            self.end = self._published_end()
            self.attributes = {
                name: self._attribute(name)
                for name in (ATTRIBUTE, PROVENANCE)
                if name in self._file.attrs
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

    def visited(self, visit: Callable[[h5py.Group], Result]) -> Result:
        """Return what a function makes of the root.

        Parameters
        ----------
        visit : callable
            Takes the root of the open file; what it returns may not refer to it.
        """
        return visit(self._file)

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
            self._described[path] = self._describe(path)
        return self._described[path]

    def _describe(self, path: str) -> StoredArray:
        dataset = self._dataset(path)
        try:
            chunks = dataset.chunks
            plain = chunks is not None and chunks[1:] == dataset.shape[1:]
            chunk_bytes = math.prod(chunks or (0,)) * dataset.dtype.itemsize
            if chunk_bytes > MOST_CHUNK_BYTES:
                raise ValueError(
                    f"expected chunks of at most {MOST_CHUNK_BYTES} bytes, found {chunk_bytes}"
                )
            # Each episode takes more than 16 bytes of the file, whatever its arrays claim.
            if path.startswith(f"{TABLE}/") and dataset.shape[:1] > (self.end // 16,):
                raise ValueError(
                    f"expected episodes that fit into {self.end} bytes, found {dataset.shape[0]}"
                )
            properties = dataset.id.get_create_plist()
            filters = [properties.get_filter(i)[0] for i in range(properties.get_nfilters())]
            return StoredArray(
                shape=dataset.shape,
                stored_dtype=dataset.dtype,
                dims=_dims(dataset),
                chunk_rows=chunks[0] if plain and chunks else 0,
                filters=tuple(filters),
            )
        except Exception as error:
            raise CorruptDataError(f"{path}: {one_line(error)}") from error

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
        dataset, rows = self._dataset(path), self.array(path).chunk_rows
        if not rows:
            raise CorruptDataError(f"{path}: expected chunks that span whole rows, found others")
        count = ceil_div(dataset.shape[0], rows)
        # Memory only for the chunks that are there, whatever the shape says.
        found: list[tuple[int, int, int]] = []

        def take(info: Any) -> None:
            if len(found) >= count:
                raise CorruptDataError(f"{path}: expected {count} chunks, found more")
            size = 0 if info.filter_mask else info.size
            found.append((info.chunk_offset[0] // rows, info.byte_offset, size))

        try:
            dataset.id.chunk_iter(take)
        except CorruptDataError:
            raise
        except Exception as error:
            raise CorruptDataError(f"{path}: {one_line(error)}") from error
        if any(address >= self.end for _, address, _ in found):  # some beyond int64
            raise CorruptDataError(f"{path}: a chunk lies outside the file")
        table = np.array(found, np.int64).reshape(-1, 3)
        numbers, addresses, sizes = table.T
        if ((addresses < 0) | (sizes < 0) | (addresses > self.end - sizes)).any():
            raise CorruptDataError(f"{path}: a chunk lies outside the file")
        if ((numbers < 0) | (numbers >= count)).any():
            raise CorruptDataError(f"{path}: a chunk lies outside the array")
        places = np.zeros((int(numbers.max(initial=-1)) + 1, 2), np.int64)
        places[numbers] = table[:, 1:]
        return places

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
        dataset, rows = self._dataset(path), self.array(path).chunk_rows
        try:
            corner = (number * rows, *[0] * (dataset.ndim - 1))
            info = dataset.id.get_chunk_info_by_coord(corner)
        except Exception as error:
            raise CorruptDataError(f"{path}: {one_line(error)}") from error
        if info.byte_offset is None or info.filter_mask:
            return 0, 0
        if info.byte_offset + info.size > self.end:
            raise CorruptDataError(f"{path}: a chunk lies outside the file")
        return int(info.byte_offset), int(info.size)

    def read(self, path: str, start: int, stop: int) -> NDArray[Any]:
        """Read rows of an array through h5py, whatever filters they went through.

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
        dataset = self._dataset(path)
        try:
            if path not in self._checked:
                require_all_stored(dataset)
                self._checked.add(path)
            return np.asarray(dataset[start:stop])
        except MemoryError:
            raise CorruptDataError(f"{path}: expected rows that fit into memory") from None
        except Exception as error:
            raise CorruptDataError(f"{path}: {one_line(error)}") from error

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
        return int(self._dataset(path).id.get_storage_size())

    def _dataset(self, path: str) -> h5py.Dataset:
        if path not in self._arrays:
            self._arrays[path] = find_dataset(self._file, path)
        return self._arrays[path]

    def _published_end(self) -> int:
        """Return where the content ends; the superblock says so if its version is one we write."""
        block = os.pread(self._stream.fileno(), 36, 0)
        if block[:8] == SIGNATURE and block[8] in (2, 3) and block[9] == 8:
            return int.from_bytes(block[28:36], "little")
        return os.fstat(self._stream.fileno()).st_size

    def _attribute(self, name: str) -> Any:
        if self._file.attrs.get_id(name).get_storage_size() > MOST_TEXT_BYTES:
            raise ValueError(f"{name}: expected at most {MOST_TEXT_BYTES} bytes")
        value = self._file.attrs[name]
        if not isinstance(value, str | bytes):
            raise ValueError(f"{name}: expected a text, found {type(value).__name__}")
        if len(value) > MOST_TEXT_BYTES:
            raise ValueError(f"{name}: expected at most {MOST_TEXT_BYTES} bytes")
        return json.loads(value)


def _dims(dataset: h5py.Dataset) -> tuple[str, ...] | None:
    if DIMENSIONS not in dataset.attrs:
        return None
    names = np.asarray(dataset.attrs[DIMENSIONS]).ravel()[: dataset.ndim].tolist()
    return tuple(n.decode() if isinstance(n, bytes) else str(n) for n in names)


def find_dataset(root: h5py.Group, path: str) -> h5py.Dataset:
    """Find an array whose data are in the file itself.

    Parameters
    ----------
    root : h5py.Group
        Root of the file.
    path : str
        Path of the array from there.

    Returns
    -------
    h5py.Dataset
        The array.

    Raises
    ------
    CorruptDataError
        If there is none, or it is a link, or has its data in other files.
    """
    place: Any = root
    try:
        for name in path.split("/"):
            link = place.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                found = "none" if link is None else f"a {type(link).__name__}"
                raise CorruptDataError(f"{path}: expected an array in this file, found {found}")
            place = place[name]
        if not isinstance(place, h5py.Dataset):
            raise CorruptDataError(f"{path}: expected an array, found a group")
        if place.shape is None:
            raise CorruptDataError(f"{path}: expected an array, found an empty dataset")
        if place.is_virtual or place.external:
            raise CorruptDataError(f"{path}: expected data in this file, found data of other files")
    except CorruptDataError:
        raise
    except Exception as error:
        raise CorruptDataError(f"{path}: {one_line(error)}") from error
    return place


def require_all_stored(dataset: h5py.Dataset) -> None:
    """Refuse an array that is not stored in full.

    h5py would make up the rest, and a file can claim any size at no cost.

    Parameters
    ----------
    dataset : h5py.Dataset
        The array.

    Raises
    ------
    ValueError
        If chunks or bytes of it are not in the file.
    """
    if dataset.chunks is None:
        expected = dataset.size * (0 if dataset.dtype.hasobject else dataset.dtype.itemsize)
        found = dataset.id.get_storage_size()
    else:
        pairs = zip(dataset.shape, dataset.chunks, strict=True)
        expected = math.prod(ceil_div(length, chunk) for length, chunk in pairs)
        found = dataset.id.get_num_chunks()
    if found < expected:
        what = "bytes" if dataset.chunks is None else "chunks"
        raise ValueError(f"expected {expected} {what} in the file, found {found}")
