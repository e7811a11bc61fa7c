"""A Zarr group in a local folder as a read-only container."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from crafter_dataset.loader.reading.chunk_cache import ChunkCache
from crafter_dataset.loader.reading.direct import DirectArray
from crafter_dataset.loader.reading.direct_container import DirectContainer
from crafter_dataset.loader.reading.fallback_log import log_once
from crafter_dataset.loader.reading.mapped_files import (
    LEAST_RESIDENT_BYTES,
    MappedFiles,
    open_files_limit,
)
from crafter_dataset.loader.workers import WorkerThreads
from crafter_dataset.loader.zarr.chunks import DirectLayout, FileChunks
from crafter_dataset.loader.zarr.folder import Folder
from crafter_dataset.schemas.arithmetic import ceil_div
from crafter_dataset.schemas.container import ArrayInfo
from crafter_dataset.schemas.errors import CorruptDataError, NotADatasetError
from crafter_dataset.schemas.git_lfs import POINTER, is_pointer
from crafter_dataset.schemas.layout import FIELDS, Field
from crafter_dataset.schemas.metadata import Metadata
from crafter_dataset.schemas.shards import MISSING
from crafter_dataset.schemas.stray import is_stray
from crafter_dataset.schemas.violations import Violation
from crafter_dataset.schemas.zarr_format import DOCUMENT, chunk_name, document_violations

if TYPE_CHECKING:
    from crafter_dataset.loader.zarr.zarr_python import ZarrPythonGroup

UNREADABLE = "a Zarr group that cannot be read"

MOST_MISSING = 10
"""Missing files that are named, at most."""

_AXES = {field.path: len(field.dims) for field in FIELDS}
"""Axes of the arrays, but for a policy's own."""


class LocalZarr(DirectContainer):
    """Reads a dataset's arrays: straight from their files, or through zarr-python.

    Parameters
    ----------
    path : Path
        Folder of the Zarr v3 group.
    cache_bytes : int
        Bytes that decoded chunks may take.
    threads : int
        Threads that decode at once.

    Raises
    ------
    NotADatasetError
        If there is no readable Zarr v3 group.
    """

    def __init__(self, path: Path, cache_bytes: int, threads: int) -> None:
        self.name = str(path)
        self._path, self._folder = path, Folder(path)
        if not (path / DOCUMENT).is_file():
            raise NotADatasetError(f"{path}: expected a Crafter dataset, found no Zarr v3 group")
        root = self._folder.read_json(DOCUMENT) or {}
        if (root.get("zarr_format"), root.get("node_type")) != (3, "group"):
            found = f"in {DOCUMENT} {POINTER}" if is_pointer(path / DOCUMENT) else UNREADABLE
            raise NotADatasetError(f"{path}: expected a Crafter dataset, found {found}")
        self.attributes: dict[str, Any] = _mapping(root.get("attributes"))
        self._documents = _mapping(_mapping(root.get("consolidated_metadata")).get("metadata"))
        self._cache = ChunkCache(cache_bytes)
        self._files = MappedFiles(open_files_limit(), max(LEAST_RESIDENT_BYTES, 4 * cache_bytes))
        self._threads = WorkerThreads(threads)
        self._group: ZarrPythonGroup | None = None
        self._direct: dict[str, DirectArray | None] = {}

    @property
    def _slow(self) -> ZarrPythonGroup:
        if self._group is None:
            from crafter_dataset.loader.zarr.zarr_python import ZarrPythonGroup

            self._group = ZarrPythonGroup(self._path)
        self._folder.check()  # it opens files by their names
        return self._group

    def describe(self, path: str) -> ArrayInfo | None:
        """Return the structure of an array, or None if none can be read at the path.

        Parameters
        ----------
        path : str
            Path of the array in the group.
        """
        document = self._document(path)
        layout = DirectLayout.parse(document)
        # What zarr-python finds may be of a later commit than the metadata.
        return self._slow.describe(path) if layout is None else layout.info(document)

    def check(self, field: Field, metadata: Metadata) -> Iterator[Violation]:
        """Check an array's documents, and that its files are there; see `Container.check`.

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
        info = self.describe(field.path)
        rows = info.shape[0] if info and info.shape else 0
        used = _mapping(self._documents.get(field.path))
        own = self._folder.read_json(f"{field.path}/{DOCUMENT}")
        if own is None and rows:
            yield Violation(f"{field.path}/{DOCUMENT}", "a JSON document", "none")
        document = used or own
        if document is None:
            return
        for expected, found in document_violations(field, metadata, document):
            yield Violation(field.path, expected, found)
        if used and own and rows:
            # While it is built, an array's own document is written before the root's.
            shape = own.get("shape")
            rest = shape[1:] if isinstance(shape, list) else []
            seen = own if metadata.status == "complete" else {**own, "shape": [rows, *rest]}
            anyones = {"attributes": None}
            if {**seen, **anyones} != {**used, **anyones}:
                yield Violation(
                    f"{field.path}/{DOCUMENT}",
                    "what the root's consolidated metadata says",
                    "another",
                )
        # With one that is missing, a thousand may be.
        for problem in islice(self._missing_files(field.path, 0, rows), MOST_MISSING):
            yield Violation(field.path, "a file for every chunk", problem)

    def stored_bytes(self, path: str) -> int:
        """Return how many bytes the array's files take.

        Parameters
        ----------
        path : str
            Path of the array in the group.
        """
        files = (self._path / path).iterdir()
        return sum(file.stat().st_size for file in files if not is_stray(file.name))

    def _direct_array(self, path: str) -> DirectArray | None:
        if path not in self._direct:
            document = self._document(path)
            layout = DirectLayout.parse(document)
            if layout is None:
                if document and None not in self._direct.values():
                    log_once("%s: %s is read through zarr-python, slowly", self.name, path)
                self._direct[path] = None
            else:
                chunks = FileChunks(self._folder, path, layout, self._files)
                self._direct[path] = DirectArray(layout.chunks, chunks, self._cache, self._threads)
        return self._direct[path]

    def _document(self, path: str) -> dict[str, Any]:
        """Return an array's document, as the root has it; empty if there is none."""
        if path in self._documents:
            return _mapping(self._documents[path])
        return self._folder.read_json(f"{path}/{DOCUMENT}") or {}

    def _read_slowly(self, path: str, start: int, stop: int) -> NDArray[Any]:
        if start < stop:
            # zarr-python takes what is missing for fill values; every chunk of a dataset is stored.
            for problem in self._missing_files(path, start, stop):
                raise CorruptDataError(f"{path}: {problem}")
            self._check_chunks(path, start, stop)
        return self._slow.read(path, start, stop)

    def _file(self, path: str, index: int) -> Path:
        axes = _AXES.get(path)
        if axes is None:
            info = self.describe(path)
            axes = len(info.shape) if info else 1
        return self._path / path / chunk_name(axes, index)

    def _missing_files(self, path: str, start: int, stop: int) -> Iterator[str]:
        info = self.describe(path)
        rows = info.file_rows if info else 0
        for index in range(start // rows, ceil_div(stop, rows)) if rows else ():
            file = self._file(path, index)
            if not file.is_file() or not file.stat().st_size:
                yield f"expected a file {file.name}, found none"
            elif is_pointer(file):
                yield f"expected a file {file.name}, found {POINTER}"

    def _check_chunks(self, path: str, start: int, stop: int) -> None:
        """Refuse rows whose chunks a shard's index leaves out."""
        array = self._slow.array(path)
        if array.shards is None:
            return
        file_rows, chunk_rows = array.shards[0], array.chunks[0]
        for number in range(start // file_rows, ceil_div(stop, file_rows)):
            slots = file_rows // chunk_rows
            try:
                name = f"{path}/{self._file(path, number).name}"
                index = self._files.get(name, slots, self._folder.open).index
            except CorruptDataError as error:
                raise CorruptDataError(f"{path}: {error}") from error
            assert index is not None
            first = max(start - number * file_rows, 0) // chunk_rows
            last = min(ceil_div(stop - number * file_rows, chunk_rows), slots)
            if (index[first:last] == MISSING).any():
                raise CorruptDataError(f"{path}: a chunk is missing in {self._file(path, number)}")


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
