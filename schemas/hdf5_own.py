"""An HDF5 file that our writer has laid out, read without libhdf5."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.schemas.errors import CorruptDataError
from crafter_dataset.schemas.hdf5_format import DIMENSIONS
from crafter_dataset.schemas.hdf5_index import read_places
from crafter_dataset.schemas.hdf5_stored import StoredArray, require_room
from crafter_dataset.schemas.hdf5_structures import (
    SUPERBLOCK_BYTES,
    ArrayHeader,
    GroupHeader,
    OtherLayoutError,
    Texts,
    read_header,
    read_superblock,
)
from crafter_dataset.schemas.layout import TABLE


class OwnStructures:
    """The structures of a file, of one commit.

    Parameters
    ----------
    descriptor : int
        The file, open for reading; whoever opened it closes it.

    Attributes
    ----------
    end : int
        Bytes of the file that are published.
    attributes : dict
        Texts of the root by name.

    Raises
    ------
    OtherLayoutError
        If other software has written any of it.
    CorruptDataError
        If it is damaged where the whole depends on it.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        block = read_superblock(
            os.pread(descriptor, SUPERBLOCK_BYTES, 0), os.fstat(descriptor).st_size
        )
        self.end = block.end
        self._groups: dict[str, GroupHeader] = {}
        self._headers: dict[str, ArrayHeader | CorruptDataError] = {}
        self._found: dict[str, NDArray[np.int64]] = {}
        root = read_header(self._read, block.root)
        if not isinstance(root, GroupHeader):
            raise CorruptDataError("expected a group at the root, found an array")
        self._take("", root)
        self.attributes: Texts = root.attributes

    def names(self) -> Iterator[str]:
        """Yield the paths of everything in the file, attributes as `path@attribute`."""
        yield from (f"@{name}" for name in self.attributes)
        everything = {**{k: v for k, v in self._groups.items() if k}, **self._headers}
        for path, header in everything.items():
            yield path
            if not isinstance(header, CorruptDataError):
                yield from (f"{path}@{name}" for name in header.attributes)

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
        header = self._header(path)
        require_room(path, header.shape, self.end)
        names = header.attributes.get(DIMENSIONS)
        dims = (names,) if isinstance(names, str) else names
        return StoredArray(
            shape=header.shape,
            stored_dtype=header.dtype,
            dims=dims if dims is None else dims[: len(header.shape)],
            chunk_rows=header.chunk_rows,
            filters=header.filters,
        )

    def places(self, path: str) -> NDArray[np.int64]:
        """Find all chunks of an array; see `Hdf5File.places`.

        Parameters
        ----------
        path : str
            Path of the array inside the file.

        Raises
        ------
        CorruptDataError
            If there is no such array, or its index is damaged.
        """
        if path not in self._found:
            try:
                self._found[path] = read_places(self._read, self._header(path), self.end)
            except CorruptDataError as error:
                raise _named(path, error) from error
        return self._found[path]

    def place(self, path: str, number: int) -> tuple[int, int]:
        """Find one chunk of an array; see `Hdf5File.place`.

        Parameters
        ----------
        path : str
            Path of the array inside the file.
        number : int
            Number of the chunk, from 0.

        Raises
        ------
        CorruptDataError
            If there is no such array, or its index is damaged.
        """
        places = self.places(path)
        if number >= len(places):
            return 0, 0
        address, size = places[number].tolist()
        return address, size

    def stored_bytes(self, path: str) -> int:
        """Return how many bytes of the file an array's data take.

        Parameters
        ----------
        path : str
            Path of the array inside the file.

        Raises
        ------
        CorruptDataError
            If there is no such array, or its index is damaged.
        """
        return int(self.places(path)[:, 1].sum())

    def read(self, path: str, start: int, stop: int) -> NDArray[np.generic]:
        """Refuse to read rows: chunks of such a file are read where they lie.

        Parameters
        ----------
        path : str
            Path of the array inside the file.
        start, stop : int
            First row, and the row after the last.

        Raises
        ------
        CorruptDataError
            Always.
        """
        raise CorruptDataError(f"{path}: expected rows {start} to {stop} in chunks, found others")

    def _take(self, path: str, group: GroupHeader) -> None:
        """Read the headers of a group's members; damage in one is an error of that one alone."""
        self._groups[path] = group
        for name, address in group.links.items():
            place = f"{path}/{name}" if path else name
            try:
                header = read_header(self._read, address)
            except CorruptDataError as error:
                self._headers[place] = _named(place, error)
                continue
            if isinstance(header, ArrayHeader):
                self._headers[place] = header
            elif place == TABLE:
                self._take(place, header)
            else:
                raise OtherLayoutError(f"a group {place}")

    def _header(self, path: str) -> ArrayHeader:
        header = self._headers.get(path)
        if header is None:
            found = "a group" if path in self._groups else "none"
            raise CorruptDataError(f"{path}: expected an array in this file, found {found}")
        if isinstance(header, CorruptDataError):
            raise CorruptDataError(str(header))
        return header

    def _read(self, address: int, size: int) -> bytes:
        if address > self.end - size:
            raise CorruptDataError(f"a structure at {address} lies outside the file")
        data = os.pread(self._descriptor, size, address)
        if len(data) < size:
            raise CorruptDataError(f"expected {size} bytes at {address}, found {len(data)}")
        return data


def _named(path: str, error: CorruptDataError) -> CorruptDataError:
    return CorruptDataError(f"{path}: {error}")
