"""A Zarr group as a read-only container."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from schemas.container import ArrayInfo
from schemas.errors import CorruptDataError, NotADatasetError
from schemas.layout import FIELDS
from schemas.zarr_format import DOCUMENT, chunk_file

_FIELDS = {field.path: field for field in FIELDS}


class ZarrContainer:
    """Reads a dataset's arrays through zarr-python.

    Parameters
    ----------
    path : Path
        Folder of the Zarr v3 group.

    Raises
    ------
    NotADatasetError
        If there is no readable Zarr v3 group.
    """

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path
        if not path.exists():
            raise NotADatasetError(f"{path}: expected a Crafter dataset, found nothing")
        if not (path / DOCUMENT).is_file():
            raise NotADatasetError(f"{path}: expected a Crafter dataset, found no Zarr v3 group")
        try:
            self._group = zarr.open_group(path, mode="r", zarr_format=3)
            self.attributes: dict[str, Any] = self._group.attrs.asdict()
        except Exception as error:  # zarr-python raises many kinds for a broken document
            raise NotADatasetError(
                f"{path}: expected a Crafter dataset, found a Zarr group that cannot be read: "
                f"{_one_line(error)}"
            ) from error
        self._arrays: dict[str, zarr.Array[Any]] = {}

    def describe(self, path: str) -> ArrayInfo | None:
        """Describe an array; None if there is none at the path."""
        try:
            array = self._array(path)
        except CorruptDataError:
            return None
        codecs = array.metadata.codecs  # type: ignore[union-attr]
        inner = getattr(codecs[0], "codecs", codecs)
        index = getattr(codecs[0], "index_codecs", codecs)
        dims = array.metadata.dimension_names  # type: ignore[union-attr]
        return ArrayInfo(
            shape=array.shape,
            dtype=array.dtype,
            dims=None if dims is None else tuple(str(dim) for dim in dims),
            chunk_rows=array.chunks[0] if array.ndim else 0,
            file_rows=(array.shards or array.chunks)[0] if array.ndim else 0,
            checksums=all(
                any(type(codec).__name__ == "Crc32cCodec" for codec in chain)
                for chain in (inner, index)
            ),
        )

    def read(self, path: str, start: int, stop: int) -> NDArray[Any]:
        """Read rows of an array; see `schemas.Container`."""
        array = self._array(path)
        if start >= stop:
            return np.zeros((0, *array.shape[1:]), array.dtype)
        # zarr-python takes a missing file for one that holds nothing but fill values; every chunk
        # of a dataset is stored.
        rows = (array.shards or array.chunks)[0]
        for index in range(start // rows, -(-stop // rows)):
            file = self._path / path / chunk_file(_FIELDS[path], index)
            if not file.is_file() or not file.stat().st_size:
                raise CorruptDataError(f"{path}: expected a file {file.name}, found none")
        try:
            return np.asarray(array[start:stop])
        except Exception as error:  # what decoding raises depends on the codec and the version
            raise CorruptDataError(f"{path}: {_one_line(error)}") from error

    def stored_bytes(self, path: str) -> int:
        """Count the bytes that the array's files take."""
        return sum(file.stat().st_size for file in (self._path / path).iterdir())

    def _array(self, path: str) -> zarr.Array[Any]:
        if path not in self._arrays:
            try:
                array = self._group[path]
            except Exception as error:
                raise CorruptDataError(f"{path}: {_one_line(error)}") from error
            if not isinstance(array, zarr.Array):
                raise CorruptDataError(f"{path}: expected an array, found a group")
            self._arrays[path] = array
        return self._arrays[path]


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
