"""Readers of one long array for each field, episodes one after the other."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.base import FIELDS, Reader

ROWS = "first_rows.npy"


class FlatReader(Reader):
    """Reads one slice a window and field into the arrays of the batch."""

    def connect(self) -> tuple[NDArray[np.int64], dict[str, Any]]:
        """Open the arrays, and read where the episodes begin."""
        return np.load(self.folder / ROWS), self.arrays()

    @abstractmethod
    def arrays(self) -> dict[str, Any]:
        """Open the array of each field."""

    def read(self, episodes: NDArray[np.int64], starts: NDArray[np.int64]) -> dict[str, Any]:
        """Read a batch of windows."""
        first, arrays = self.handles
        begins = (first[episodes] + starts).tolist()
        return {name: self.windows(arrays[name], begins) for name in FIELDS}

    def windows(self, array: Any, begins: list[int]) -> NDArray[Any]:
        """Read the windows of one field."""
        out = np.empty((len(begins), self.length, *array.shape[1:]), array.dtype)
        for window, begin in zip(out, begins, strict=True):
            window[...] = array[begin : begin + self.length]
        return out
