"""A Zarr group that is no local folder (an address, a zip file) as a read-only container."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray
from zarr.core.sync import sync

from loader.zarr.cuts import copy_cuts
from loader.zarr.stock import StockGroup
from schemas.container import ArrayInfo, Cuts
from schemas.errors import CorruptDataError
from schemas.layout import FIELDS, Field
from schemas.metadata import Metadata, Violation
from schemas.zarr_format import chunk_file, document_violations

_FIELDS = {field.path: field for field in FIELDS}
_log = logging.getLogger(__name__)


class RemoteZarr:
    """Reads a dataset's arrays through zarr-python, wherever it can open a group.

    Parameters
    ----------
    address : str
        What `zarr.open_group` takes: an address such as `s3://bucket/data.zarr`
        (for which fsspec and its driver must be installed), or a zip file.

    Raises
    ------
    NotADatasetError
        If zarr-python cannot open it.
    """

    def __init__(self, address: str) -> None:
        self.name = address
        self._stock = StockGroup(address)
        self.attributes = self._stock.attributes
        self._found: set[tuple[str, int]] = set()
        _log.warning("%s: not a local folder, so it is read through zarr-python, slowly", address)

    def describe(self, path: str) -> ArrayInfo | None:
        """Describe an array; None if none can be read at the path."""
        return self._stock.describe(path)

    def check(self, field: Field, metadata: Metadata) -> Iterator[Violation]:
        """Check an array's document and that its files are there; see `schemas.Container`."""
        array = self._stock.array(field.path)
        document = array.metadata.to_dict()
        for expected, found in document_violations(field, metadata, dict(document)):
            yield Violation(field.path, expected, found)
        for problem in self._missing_files(field.path, 0, array.shape[0] if array.ndim else 0):
            yield Violation(field.path, "a file for every chunk", problem)

    def read(self, path: str, start: int, stop: int) -> NDArray[Any]:
        """Read rows of an array; see `schemas.Container`."""
        for problem in self._missing_files(path, start, stop) if start < stop else ():
            raise CorruptDataError(f"{path}: {problem}")
        return self._stock.read(path, start, stop)

    def read_into(self, path: str, cuts: Cuts, out: NDArray[Any], keep: bool = False) -> None:
        """Read many cuts of rows of an array into a batch; see `schemas.Container`."""
        copy_cuts(lambda start, stop: self.read(path, start, stop), cuts, out)

    def stored_bytes(self, path: str) -> int:
        """Count the bytes that the array's files take."""
        return int(self._stock.array(path).nbytes_stored())

    def _missing_files(self, path: str, start: int, stop: int) -> Iterator[str]:
        """zarr-python takes what is missing for fill values; every chunk of a dataset is stored."""
        rows = self._stock.file_rows(path)
        stop = min(stop, self._stock.array(path).shape[0])
        for index in range(start // rows, -(-stop // rows)) if rows else ():
            if (path, index) in self._found:
                continue
            name = chunk_file(_FIELDS[path], index)
            if sync((self._stock.array(path).store_path / name).exists()):
                self._found.add((path, index))
            else:
                yield f"expected a file {name}, found none"
