"""A Zarr group that is not a local folder (an address, a zip file) as a read-only container."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.loader.reading.cuts import copy_cuts
from crafter_dataset.loader.reading.fallback_log import log_once
from crafter_dataset.loader.zarr.library import SuffixByteRequest, default_buffer_prototype, sync
from crafter_dataset.loader.zarr.zarr_python import ZarrPythonGroup
from crafter_dataset.schemas.arithmetic import ceil_div
from crafter_dataset.schemas.container import ArrayInfo, ChunkLayout, Cuts, StoredChunks
from crafter_dataset.schemas.entries import ATTRIBUTE
from crafter_dataset.schemas.errors import CorruptDataError
from crafter_dataset.schemas.layout import FIELDS, Field
from crafter_dataset.schemas.metadata import Metadata
from crafter_dataset.schemas.shards import MISSING, index_bytes, read_index
from crafter_dataset.schemas.violations import Violation
from crafter_dataset.schemas.wording import one_line
from crafter_dataset.schemas.zarr_format import DOCUMENT, chunk_name, document_violations

MOST_MISSING = 10
"""Missing files that are named, at most."""

_GROWING = ("status", "digest", "counts")
"""What changes in the metadata of a dataset that is being built."""

_AXES = {field.path: len(field.dims) for field in FIELDS}
"""Axes of the arrays, but for a policy's own."""


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
        self._slow = ZarrPythonGroup(address)
        self.attributes = self._slow.attributes
        self._found: dict[tuple[str, int], NDArray[np.bool_]] = {}
        whole = address if "://" in address else os.path.abspath(address)  # one name for one file
        log_once("%s: not a local folder, so it is read through zarr-python, slowly", whole)

    def describe(self, path: str) -> ArrayInfo | None:
        """Return the structure of an array, or None if none can be read at the path.

        Parameters
        ----------
        path : str
            Path of the array in the group.
        """
        return self._slow.describe(path)

    def check(self, field: Field, metadata: Metadata) -> Iterator[Violation]:
        """Check an array's document, and that its files are there; see `Container.check`.

        Parameters
        ----------
        field : Field
            The array.
        metadata : Metadata
            The dataset's metadata.

        Yields
        ------
        Violation
            What is wrong.
        """
        array = self._slow.array(field.path)
        for expected, found in document_violations(field, metadata, self._document(field.path)):
            yield Violation(field.path, expected, found)
        missing = self._missing_files(field.path, 0, array.shape[0] if array.ndim else 0)
        for problem in islice(missing, MOST_MISSING):
            yield Violation(field.path, "a file for every chunk", problem)

    def read(self, path: str, start: int, stop: int) -> NDArray[Any]:
        """Read rows of an array; see `Container.read`.

        Parameters
        ----------
        path : str
            Path of the array.
        start, stop : int
            First row, and the row after the last; read up to the array's end.

        Returns
        -------
        ndarray, shape (rows, ...)
            The rows, of the array's dtype.

        Raises
        ------
        CorruptDataError
            If stored bytes are missing or fail their checksum, or another dataset is there now.
        """
        rows = self._read(path, start, stop)
        self._check_unchanged(path)
        return rows

    def read_into(self, path: str, cuts: Cuts, out: NDArray[Any], keep: bool = False) -> None:
        """Read many cuts of rows of an array into a batch; see `Container.read_into`.

        Parameters
        ----------
        path : str
            Path of the array.
        cuts : Cuts
            What to read.
        out : ndarray, shape (items, rows, ...)
            Where to put it: cut i into `out[i]`.
        keep : bool
            Ignored: nothing is kept.

        Raises
        ------
        CorruptDataError
            If stored bytes are missing or fail their checksum, or another dataset is there now.
        """
        copy_cuts(self._read, path, cuts, out)
        self._check_unchanged(path)

    def stored(self, path: str) -> tuple[ChunkLayout, StoredChunks] | None:
        """Return None: zarr-python does not show chunks as they are stored.

        Parameters
        ----------
        path : str
            Path of the array.
        """
        return None

    def stored_bytes(self, path: str) -> int:
        """Return how many bytes the array's files take.

        Parameters
        ----------
        path : str
            Path of the array in the group.

        Raises
        ------
        CorruptDataError
            If they cannot be listed.
        """
        try:
            return int(self._slow.array(path).nbytes_stored())
        except Exception as error:  # what a store raises depends on the store
            raise CorruptDataError(f"{path}: {one_line(error)}") from error

    def _read(self, path: str, start: int, stop: int) -> NDArray[Any]:
        for problem in self._missing_files(path, start, stop) if start < stop else ():
            raise CorruptDataError(f"{path}: {problem}")
        return self._slow.read(path, start, stop)

    def _check_unchanged(self, path: str) -> None:
        """Refuse what may be of another dataset, which was put in this one's place meanwhile."""
        now = self._parsed(path, self._slow.place / DOCUMENT).get("attributes")
        if self._lasting(now) != self._lasting(self.attributes):
            raise CorruptDataError(
                f"{path}: expected the dataset that was opened, found another in its place; open "
                "it again"
            )

    def _lasting(self, attributes: Any) -> dict[str, Any]:
        """Return what may not change of a root's attributes."""
        opened, found = (
            a[ATTRIBUTE] if isinstance(a, dict) and isinstance(a.get(ATTRIBUTE), dict) else {}
            for a in (self.attributes, attributes)
        )
        changing = _GROWING if opened.get("status") == "building" else ()
        return {key: value for key, value in found.items() if key not in changing}

    def _document(self, path: str) -> dict[str, Any]:
        """Return an array's document as it is stored; empty if there is none that can be read."""
        return self._parsed(path, self._slow.array(path).store_path / DOCUMENT)

    def _parsed(self, path: str, place: Any) -> dict[str, Any]:
        try:
            stored = sync(place.get(default_buffer_prototype()))
            document = json.loads(stored.to_bytes()) if stored is not None else {}
        except Exception as error:  # what a store raises depends on the store
            raise CorruptDataError(f"{path}: {one_line(error)}") from error
        return document if isinstance(document, dict) else {}

    def _missing_files(self, path: str, start: int, stop: int) -> Iterator[str]:
        """Yield what is missing, which zarr-python takes for fill values; all chunks are stored."""
        rows = self._slow.file_rows(path)
        stop = min(stop, self._slow.array(path).shape[0])
        for number in range(start // rows, ceil_div(stop, rows)) if rows else ():
            name = self._file(path, number)
            if (path, number) not in self._found:
                try:
                    self._found[path, number] = self._stored_chunks(path, number)
                except Exception as error:  # what a store raises depends on the store
                    yield f"{name}: {one_line(error)}"
                    continue
            stored = self._found[path, number]
            chunk_rows = rows // max(len(stored), 1)
            first = max(start - number * rows, 0) // chunk_rows
            last = ceil_div(min(stop - number * rows, rows), chunk_rows)
            if not len(stored):
                yield f"expected a file {name}, found none"
            elif not stored[first:last].all():
                yield f"a chunk is missing in {name}"

    def _file(self, path: str, number: int) -> str:
        return chunk_name(_AXES.get(path) or self._slow.array(path).ndim, number)

    def _stored_chunks(self, path: str, number: int) -> NDArray[np.bool_]:
        """Return for each chunk of a file whether it is there; empty if there is no file."""
        array = self._slow.array(path)
        place = array.store_path / self._file(path, number)
        if array.shards is None:
            return np.ones(int(sync(place.exists())), np.bool_)
        slots = array.shards[0] // array.chunks[0]
        wanted = SuffixByteRequest(index_bytes(slots))
        found = sync(place.get(default_buffer_prototype(), wanted))
        if found is None:
            return np.zeros(0, np.bool_)
        # zarr-python itself checks where its chunks lie.
        index = read_index(found.to_bytes(), slots, 2**63)
        stored: NDArray[np.bool_] = index[:, 0] != MISSING
        return stored
