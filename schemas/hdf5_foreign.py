"""The structures of an HDF5 file that other software has laid out, through h5py.

A file cannot make a reader open other files: links to them, virtual datasets and
external data are refused. h5py finds where bytes lie; it decodes none of them.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.schemas.arithmetic import ceil_div
from crafter_dataset.schemas.entries import ATTRIBUTE, PROVENANCE
from crafter_dataset.schemas.errors import CorruptDataError
from crafter_dataset.schemas.hdf5_foreign_rows import read_rows
from crafter_dataset.schemas.hdf5_format import DIMENSIONS, SIGNATURE
from crafter_dataset.schemas.hdf5_library import h5py
from crafter_dataset.schemas.hdf5_stored import StoredArray, require_room, table_of_places
from crafter_dataset.schemas.layout import MOST_CHUNK_BYTES
from crafter_dataset.schemas.wording import one_line

MOST_TEXT_BYTES = 2**24
"""Bytes of an attribute, at most."""


class ForeignStructures:
    """The structures of a file, through h5py.

    Parameters
    ----------
    stream : file object
        The file, open for reading; whoever opened it closes it after this.

    Attributes
    ----------
    end : int
        Bytes of the file that are published.
    attributes : dict
        The format's attributes of the root by name, as they are stored.

    Raises
    ------
    Exception
        Of many types, if h5py cannot open it or read these attributes.
    """

    def __init__(self, stream: io.FileIO) -> None:
        self._stream = stream
        self._file = h5py.File(stream, "r")
        self._arrays: dict[str, h5py.Dataset] = {}
        self._checked: set[str] = set()
        try:
            self.end = self._published_end()
            self.attributes = {
                name: self._attribute(name)
                for name in (ATTRIBUTE, PROVENANCE)
                if name in self._file.attrs
            }
        except BaseException:
            self.close()
            raise

    def names(self) -> Iterator[str]:
        """Yield the paths of everything in the file, attributes as `path@attribute`."""
        for path, attributes in self.all_attributes():
            if path:
                yield path
            yield from (f"{path}@{name}" for name in attributes)

    def all_attributes(self) -> Iterator[tuple[str, h5py.AttributeManager]]:
        """Yield the path of everything in the file, and its attributes.

        Yields
        ------
        path : str
            Path of a group or an array; the root's is empty.
        attributes : h5py.AttributeManager
            Its attributes.
        """
        yield "", self._file.attrs
        found: list[str] = []
        self._file.visit(found.append)
        for path in found:
            yield path, self._file[path].attrs

    def close(self) -> None:
        """Close the file, but for the stream."""
        self._file.close()

    def array(self, path: str) -> StoredArray:
        """Return the structure of an array; see `Hdf5File.array`.

        Parameters
        ----------
        path : str
            Path of the array inside the file.

        Raises
        ------
        CorruptDataError
            If there is no array there that can be read.
        """
        dataset = self._dataset(path)
        try:
            chunks = dataset.chunks
            plain = chunks is not None and chunks[1:] == dataset.shape[1:]
            chunk_bytes = math.prod(chunks or (0,)) * dataset.dtype.itemsize
            if chunk_bytes > MOST_CHUNK_BYTES:
                raise ValueError(
                    f"expected chunks of at most {MOST_CHUNK_BYTES} bytes, found {chunk_bytes}"
                )
            require_room(path, dataset.shape, self.end)
            properties = dataset.id.get_create_plist()
            filters = [properties.get_filter(i)[0] for i in range(properties.get_nfilters())]
            return StoredArray(
                shape=dataset.shape,
                stored_dtype=dataset.dtype,
                dims=_dims(dataset),
                chunk_rows=chunks[0] if plain and chunks else 0,
                filters=tuple(filters),
            )
        except CorruptDataError:
            raise
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
        numbers, addresses, sizes = np.array(found, np.int64).reshape(-1, 3).T
        try:
            return table_of_places(numbers, addresses, sizes, count, self.end)
        except CorruptDataError as error:
            raise CorruptDataError(f"{path}: {error}") from error

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
        """Read rows of an array; see `Hdf5File.read`.

        Parameters
        ----------
        path : str
            Path of the array inside the file.
        start, stop : int
            First row, and the row after the last; read up to the array's end.

        Returns
        -------
        ndarray, shape (rows, ...)
            With the stored dtype.

        Raises
        ------
        CorruptDataError
            If there is no such array, bytes are missing, fail their checksum or cannot be
            decoded, or went through filters that are not known here.
        """
        try:
            self.require_all_stored(path)
            return read_rows(self._stream.fileno(), self._dataset(path), self.end, start, stop)
        except MemoryError:
            raise CorruptDataError(f"{path}: expected rows that fit into memory") from None
        except Exception as error:
            raise CorruptDataError(f"{path}: {one_line(error)}") from error

    def require_all_stored(self, path: str) -> None:
        """Refuse an array that is not stored in full.

        Parameters
        ----------
        path : str
            Path of the array inside the file.

        Raises
        ------
        CorruptDataError, ValueError
            If there is no such array, or chunks or bytes of it are not in the file.
        """
        if path not in self._checked:
            require_all_stored(self._dataset(path))
            self._checked.add(path)

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
        dataset = self._dataset(path)
        try:
            return int(dataset.id.get_storage_size())
        except Exception as error:
            raise CorruptDataError(f"{path}: {one_line(error)}") from error

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
        if isinstance(value, str | bytes) and len(value) > MOST_TEXT_BYTES:
            raise ValueError(f"{name}: expected at most {MOST_TEXT_BYTES} bytes")
        return value


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
