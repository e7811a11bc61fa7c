"""What is known of an array in an HDF5 file, whoever has laid it out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.schemas.errors import CorruptDataError
from crafter_dataset.schemas.layout import TABLE

LEAST_CHUNK_BYTES = 16
"""Bytes of the file that a chunk takes, at least, with its place in the index."""


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


def require_room(path: str, shape: tuple[int, ...], end: int) -> None:
    """Refuse a per-episode array of more episodes than a file has room for.

    Each takes more than 16 bytes of the file, whatever its arrays claim.

    Parameters
    ----------
    path : str
        Path of the array inside the file.
    shape : tuple of int
        Its shape, rows first.
    end : int
        Bytes of the file.

    Raises
    ------
    CorruptDataError
        If they do not fit.
    """
    if path.startswith(f"{TABLE}/") and shape[:1] > (end // 16,):
        raise CorruptDataError(
            f"{path}: expected episodes that fit into {end} bytes, found {shape[0]}"
        )


def table_of_places(
    numbers: NDArray[Any], addresses: NDArray[Any], sizes: NDArray[Any], count: int, end: int
) -> NDArray[np.int64]:
    """Return where chunks lie, by their numbers.

    Parameters
    ----------
    numbers, addresses, sizes : ndarray, shape (found,)
        Number, address and stored size of each chunk that was found.
    count : int
        Chunks that the array has, by its shape.
    end : int
        Bytes of the file.

    Returns
    -------
    ndarray, shape (chunks, 2), int64
        Address and stored size of each chunk, up to the last one that is there; 0 for others.

    Raises
    ------
    CorruptDataError
        If one lies outside the array or the file.
    """
    if ((numbers < 0) | (numbers >= count)).any():
        raise CorruptDataError("a chunk lies outside the array")
    # The sum of the two could overflow.
    if ((addresses < 0) | (sizes < 0) | (sizes > end)).any() or (addresses > end - sizes).any():
        raise CorruptDataError("a chunk lies outside the file")
    # All chunks of a dataset are stored, and each takes that many bytes of the file: the last one
    # cannot be further out, whatever the shape says.
    length = int(numbers.max()) + 1 if len(numbers) else 0
    if length > end // LEAST_CHUNK_BYTES:
        raise CorruptDataError(
            f"expected chunks that fit into {end} bytes, found one with the number {length - 1}"
        )
    places = np.zeros((length, 2), np.int64)
    places[numbers, 0], places[numbers, 1] = addresses, sizes
    return places
