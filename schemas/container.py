"""What validation asks of a container, be it a Zarr group or an HDF5 file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from schemas.layout import Field
from schemas.metadata import Metadata, Violation

Span: TypeAlias = tuple[int, int, NDArray[Any]]
"""First row, the row after the last, and the array, shape (rows, ...), to put them in."""


@dataclass(frozen=True)
class ArrayInfo:
    """The structure of one array.

    Parameters
    ----------
    shape : tuple of int
        Shape, rows first.
    dtype : numpy.dtype
        Element type.
    dims : tuple of str or None
        Dimension names.
    chunk_rows : int
        Rows that are compressed together.
    file_rows : int
        Rows that a file (or, without files, a chunk) holds.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    dims: tuple[str, ...] | None
    chunk_rows: int
    file_rows: int


class Container(Protocol):
    """A dataset's arrays and attributes, read only."""

    name: str
    """Name for messages."""

    attributes: dict[str, Any]
    """Attributes of the root."""

    def describe(self, path: str) -> ArrayInfo | None:
        """Describe an array; None if there is none at the path."""

    def check(self, field: Field, metadata: Metadata) -> Iterator[Violation]:
        """Check what the format asks of an array in this kind of container."""

    def read(self, path: str, start: int, stop: int) -> NDArray[Any]:
        """Read rows of an array.

        Raises
        ------
        CorruptDataError
            If bytes are missing or fail their checksum.
        """

    def read_spans(self, path: str, spans: Sequence[Span], keep: bool = False) -> None:
        """Read many spans of rows of an array, each into an array of the caller's.

        Parameters
        ----------
        path : str
            Path of the array.
        spans : sequence of Span
            What to read and where to put it.
        keep : bool
            Whether neighbouring rows will be wanted soon.

        Raises
        ------
        CorruptDataError
            If bytes are missing or fail their checksum; the arrays are undefined then.
        """

    def stored_bytes(self, path: str) -> int:
        """Count the bytes that the array takes on disk."""
