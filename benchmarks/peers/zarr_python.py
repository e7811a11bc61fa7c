"""Our own files, read by zarr-python alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.base import FIELDS, Peer, Reader
from benchmarks.peers.flat import ROWS, FlatReader
from crafter_dataset.loader import Dataset

LINK = "dataset.zarr"


class ZarrPythonReader(FlatReader):
    """Indexes the arrays, opened once: pictures by the window, other fields by the batch.

    A chunk of the other fields holds thousands of rows, so a batch shares its
    chunks; of the pictures no two windows do, and slices are faster.
    """

    def arrays(self) -> dict[str, Any]:
        """Open the arrays."""
        import zarr

        root = zarr.open_group(self.folder / LINK, mode="r")
        return {name: root[name] for name in FIELDS}

    def windows(self, array: Any, begins: list[int]) -> NDArray[Any]:
        """Read the windows of one field."""
        if array.ndim > 1:
            return super().windows(array, begins)
        rows = np.add.outer(begins, np.arange(self.length))
        wanted, places = np.unique(rows, return_inverse=True)
        taken: NDArray[Any] = array.oindex[wanted][places.reshape(rows.shape)]
        return taken


class ZarrPython(Peer):
    """Stores nothing but a link to the dataset, and where its episodes begin."""

    name = "zarr-python"
    requires = {"zarr": "zarr"}  # noqa: RUF012

    def write(self, dataset: Dataset, folder: Path) -> None:
        """Link to the dataset."""
        folder.mkdir(parents=True)
        (folder / LINK).symlink_to(dataset.path, target_is_directory=True)
        np.save(folder / ROWS, dataset.episodes["starts"])

    def open(self, folder: Path, length: int) -> Reader:
        """Return a reader."""
        return ZarrPythonReader(folder, length)
