"""Uncompressed `.npy` files, mapped into memory: as fast as files can be, and as large."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.base import FIELDS, Peer, Reader, first_rows
from benchmarks.peers.flat import ROWS, FlatReader
from crafter_dataset.loader import Dataset


class RawMemoryMapReader(FlatReader):
    """Copies out of the maps."""

    def arrays(self) -> dict[str, Any]:
        """Map the files, as plain arrays: slices of `np.memmap` cost more."""
        return {
            name: np.asarray(np.load(self.folder / f"{name}.npy", mmap_mode="r")) for name in FIELDS
        }


class RawMemoryMap(Peer):
    """One `.npy` a field."""

    name = "raw .npy, memory map"

    def write(self, dataset: Dataset, folder: Path) -> None:
        """Store the dataset."""
        folder.mkdir(parents=True)
        rows = first_rows(dataset)
        np.save(folder / ROWS, rows)
        for name in FIELDS:
            field = dataset[0][name]
            out = np.lib.format.open_memmap(
                folder / f"{name}.npy", "w+", field.dtype, (int(rows[-1]), *field.shape[1:])
            )
            for episode, begin in zip(dataset, rows, strict=False):
                episode[name].read(out=out[begin : begin + episode.length])
            out.flush()

    def open(self, folder: Path, length: int) -> Reader:
        """Return a reader."""
        return RawMemoryMapReader(folder, length)
