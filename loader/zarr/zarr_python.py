"""A Zarr group through zarr-python: slower than reading files, but it covers everything."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.loader.zarr.bounded_codecs import bounded, require_bounded
from crafter_dataset.loader.zarr.library import zarr
from crafter_dataset.loader.zarr.zip_files import root_inside
from crafter_dataset.schemas.container import ArrayInfo
from crafter_dataset.schemas.errors import (
    CorruptDataError,
    NotADatasetError,
)
from crafter_dataset.schemas.layout import MOST_CHUNK_BYTES, TABLE
from crafter_dataset.schemas.variables import unset_advice
from crafter_dataset.schemas.wording import one_line
from crafter_dataset.schemas.zarr_format import compression_of_codecs


class ZarrPythonGroup:
    """A group that zarr-python has opened, read-only.

    Parameters
    ----------
    where : Path or str
        Folder, zip file or address.

    Attributes
    ----------
    attributes : dict
        Attributes of the group.

    Raises
    ------
    NotADatasetError
        If zarr-python cannot open it.
    """

    def __init__(self, where: Path | str) -> None:
        try:
            with bounded():
                if _is_zip(where):
                    root, store = root_inside(where), zarr.storage.ZipStore(where)
                    self._group = zarr.open_group(store, path=root, mode="r", zarr_format=3)
                else:
                    self._group = zarr.open_group(where, mode="r", zarr_format=3)
            self.attributes: dict[str, Any] = self._group.attrs.asdict()
        except Exception as error:  # it raises many kinds of errors for what it cannot open
            raise NotADatasetError(
                f"{where}: expected a Crafter dataset, found no Zarr v3 group that can be read: "
                f"{one_line(error)}{unset_advice('ZARR_')}"
            ) from error
        self._arrays: dict[str, zarr.Array[Any]] = {}
        self._readable: set[str] = set()

    @property
    def place(self) -> zarr.storage.StorePath:
        """Where the group is in its store."""
        return self._group.store_path

    def array(self, path: str) -> zarr.Array[Any]:
        """Return an array.

        Parameters
        ----------
        path : str
            Path of the array in the group.

        Raises
        ------
        CorruptDataError
            If there is none that can be read.
        """
        if path not in self._arrays:
            try:
                with bounded():
                    array = self._group[path]
            except Exception as error:
                raise CorruptDataError(
                    f"{path}: {one_line(error)}{unset_advice('ZARR_')}"
                ) from error
            if not isinstance(array, zarr.Array):
                raise CorruptDataError(f"{path}: expected an array, found a group")
            self._arrays[path] = array
        return self._arrays[path]

    def describe(self, path: str) -> ArrayInfo | None:
        """Return the structure of an array, or None if none can be read at the path.

        Parameters
        ----------
        path : str
            Path of the array in the group.
        """
        try:
            array = self.array(path)
        except CorruptDataError:
            return None
        dims = array.metadata.dimension_names  # type: ignore[union-attr]
        return ArrayInfo(
            shape=array.shape,
            dtype=array.dtype,
            dims=None if dims is None else tuple(str(dim) for dim in dims),
            chunk_rows=array.chunks[0] if array.ndim else 0,
            file_rows=self.file_rows(path),
        )

    def file_rows(self, path: str) -> int:
        """Return how many rows one file of an array holds.

        Parameters
        ----------
        path : str
            Path of the array in the group.

        Raises
        ------
        CorruptDataError
            If there is none that can be read.
        """
        array = self.array(path)
        return int((array.shards or array.chunks)[0]) if array.ndim else 0

    def read(self, path: str, start: int, stop: int) -> NDArray[Any]:
        """Read rows of an array; what is missing in the store becomes fill values.

        Parameters
        ----------
        path : str
            Path of the array in the group.
        start, stop : int
            First row, and the row after the last; read up to the array's end.

        Returns
        -------
        ndarray, shape (rows, ...)
            The rows, of the array's dtype.

        Raises
        ------
        CorruptDataError
            If bytes fail their checksum or cannot be decoded, or could grow beyond bounds.
        """
        array = self.array(path)
        try:
            if path not in self._readable:
                _require_readable(path, array)
                self._readable.add(path)
            if start >= stop:
                return np.zeros((0, *array.shape[1:]), array.dtype)
            return np.asarray(array[start:stop])
        except Exception as error:  # what decoding raises depends on the codec and the version
            raise CorruptDataError(f"{path}: {one_line(error)}") from error


def _is_zip(where: Path | str) -> bool:
    return str(where).lower().endswith(".zip") and Path(where).is_file()


def _require_readable(path: str, array: zarr.Array[Any]) -> None:
    """Refuse an array of which a chunk could grow beyond bounds."""
    codecs = array.metadata.to_dict()["codecs"]
    require_bounded(codecs)
    if path.startswith(f"{TABLE}/") and compression_of_codecs(codecs) is None:
        names = ", ".join(str(codec["name"]) for codec in codecs)  # type: ignore[union-attr, call-overload, index]
        raise ValueError(
            f"expected codecs bytes, at most one of zstd and blosc, crc32c, found {names}"
        )
    if array.dtype.kind not in "buif":
        raise ValueError(f"expected numbers, found {array.dtype}")
    if math.prod(array.chunks) * array.dtype.itemsize > MOST_CHUNK_BYTES:
        raise ValueError(
            f"expected chunks of at most {MOST_CHUNK_BYTES} bytes, found {array.chunks} of "
            f"{array.dtype}"
        )
