"""One HDF5 file with a dataset a field, as h5py reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.base import FIELDS, Peer, Reader, first_rows
from benchmarks.peers.flat import ROWS, FlatReader
from crafter_dataset.loader import Dataset

FILE = "data.h5"
CHUNK_FRAMES = 32


class HDF5Reader(FlatReader):
    """Slices the datasets.

    A slice and a copy take less time than `read_direct`, which builds its
    selections in Python. The chunk cache is left at its default of some
    chunks: one that holds a small file whole would be no test of reading.
    """

    def arrays(self) -> dict[str, Any]:
        """Open the file."""
        import h5py

        file = h5py.File(self.folder / FILE, "r")
        return {name: file[name] for name in FIELDS}


class HDF5(Peer):
    """Pictures in compressed chunks as long as ours, the other fields contiguous.

    Parameters
    ----------
    compression : str
        `gzip` or `lzf`.
    level : int, optional
        Of gzip.
    """

    requires = {"h5py": "h5py"}  # noqa: RUF012

    def __init__(self, compression: str, level: int | None = None) -> None:
        self.compression, self.level = compression, level
        self.name = f"h5py ({compression}{'' if level is None else f':{level}'})"

    def write(self, dataset: Dataset, folder: Path) -> None:
        """Store the dataset."""
        import h5py

        folder.mkdir(parents=True)
        rows = first_rows(dataset)
        np.save(folder / ROWS, rows)
        with h5py.File(folder / FILE, "w", libver="latest") as file:
            for name in FIELDS:
                field = dataset[0][name]
                packing: dict[str, Any] = {}
                if name == "frames":
                    chunk = (min(CHUNK_FRAMES, int(rows[-1])), *field.shape[1:])
                    packing = {
                        "chunks": chunk,
                        "compression": self.compression,
                        "compression_opts": self.level,
                    }
                out = file.create_dataset(
                    name, (int(rows[-1]), *field.shape[1:]), field.dtype, **packing
                )
                for episode, begin in zip(dataset, rows, strict=False):
                    out[begin : begin + episode.length] = episode[name].read()

    def open(self, folder: Path, length: int) -> Reader:
        """Return a reader."""
        return HDF5Reader(folder, length)
