"""What is known of an array in an HDF5 file, whoever has laid it out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from crafter_dataset.schemas.errors import CorruptDataError
from crafter_dataset.schemas.layout import TABLE


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
