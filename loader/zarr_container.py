"""A Zarr group as a read-only container."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from schemas.container import ArrayInfo
from schemas.errors import CorruptDataError, NotADatasetError
from schemas.layout import FIELDS, Field
from schemas.metadata import Metadata, Violation
from schemas.shards import MISSING, index_bytes, read_index
from schemas.zarr_format import DOCUMENT, chunk_file, document_violations

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
        self._indexes: dict[str, tuple[tuple[int, int, int], NDArray[np.uint64]]] = {}
        root = _read_json(path / DOCUMENT) or {}
        consolidated = root.get("consolidated_metadata") or {}
        self._documents: dict[str, Any] = consolidated.get("metadata") or {}

    def describe(self, path: str) -> ArrayInfo | None:
        """Describe an array; None if none can be read at the path."""
        try:
            array = self._array(path)
        except CorruptDataError:
            return None
        dims = array.metadata.dimension_names  # type: ignore[union-attr]
        return ArrayInfo(
            shape=array.shape,
            dtype=array.dtype,
            dims=None if dims is None else tuple(str(dim) for dim in dims),
            chunk_rows=array.chunks[0] if array.ndim else 0,
            file_rows=self._file_rows(array),
        )

    def check(self, field: Field, metadata: Metadata) -> Iterator[Violation]:
        """Check an array's documents and that its files are there; see `schemas.Container`."""
        rows = self._array(field.path).shape[0] if self._array(field.path).ndim else 0
        used = self._documents.get(field.path)
        own = _read_json(self._path / field.path / DOCUMENT)
        if own is None and rows:
            yield Violation(f"{field.path}/{DOCUMENT}", "a JSON document", "none")
        document = used or own
        if document is None:
            return
        for expected, found in document_violations(field, metadata, document):
            yield Violation(field.path, expected, found)
        if used and own and rows:
            # While it is built, an array's own document is written before the root's.
            grown = {**own, "shape": [used["shape"][0], *own.get("shape", [0])[1:]]}
            if (own if metadata.status == "complete" else grown) != used:
                yield Violation(
                    f"{field.path}/{DOCUMENT}",
                    "what the root's consolidated metadata says",
                    "another",
                )
        for problem in self._missing_files(field.path, 0, rows):
            yield Violation(field.path, "a file for every chunk", problem)

    def read(self, path: str, start: int, stop: int) -> NDArray[Any]:
        """Read rows of an array; see `schemas.Container`."""
        array = self._array(path)
        if start >= stop:
            return np.zeros((0, *array.shape[1:]), array.dtype)
        # zarr-python takes what is missing for fill values; every chunk of a dataset is stored.
        for problem in self._missing_files(path, start, stop):
            raise CorruptDataError(f"{path}: {problem}")
        self._check_chunks(path, start, stop)
        try:
            return np.asarray(array[start:stop])
        except Exception as error:  # what decoding raises depends on the codec and the version
            raise CorruptDataError(f"{path}: {_one_line(error)}") from error

    def stored_bytes(self, path: str) -> int:
        """Count the bytes that the array's files take."""
        return sum(file.stat().st_size for file in (self._path / path).iterdir())

    def _file_rows(self, array: zarr.Array[Any]) -> int:
        return int((array.shards or array.chunks)[0]) if array.ndim else 0

    def _file(self, path: str, index: int) -> Path:
        return self._path / path / chunk_file(_FIELDS[path], index)

    def _missing_files(self, path: str, start: int, stop: int) -> Iterator[str]:
        rows = self._file_rows(self._array(path))
        for index in range(start // rows, -(-stop // rows)) if rows else ():
            file = self._file(path, index)
            if not file.is_file() or not file.stat().st_size:
                yield f"expected a file {file.name}, found none"

    def _check_chunks(self, path: str, start: int, stop: int) -> None:
        """Refuse rows whose chunks a shard's index leaves out."""
        array = self._array(path)
        if array.shards is None:
            return
        file_rows, chunk_rows = array.shards[0], array.chunks[0]
        for number in range(start // file_rows, -(-stop // file_rows)):
            slots = file_rows // chunk_rows
            index = self._index(self._file(path, number), slots)
            first = max(start - number * file_rows, 0) // chunk_rows
            last = min(-(-(stop - number * file_rows) // chunk_rows), slots)
            if (index[first:last] == MISSING).any():
                raise CorruptDataError(f"{path}: a chunk is missing in {self._file(path, number)}")

    def _index(self, file: Path, slots: int) -> NDArray[np.uint64]:
        """Read a shard's index, or remember it: a file that is replaced is another one."""
        status = file.stat()
        key = (status.st_ino, status.st_mtime_ns, status.st_size)
        known = self._indexes.get(str(file))
        if known is None or known[0] != key:
            try:
                with open(file, "rb") as stream:
                    stream.seek(max(status.st_size - index_bytes(slots), 0))
                    known = key, read_index(stream.read(), slots, status.st_size)
            except CorruptDataError as error:
                raise CorruptDataError(f"{file.parent.name}: {error}") from error
            self._indexes[str(file)] = known
        return known[1]

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


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
