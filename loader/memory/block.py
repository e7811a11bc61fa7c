"""Memory that processes share: filled by one, mapped by those that it is handed to."""

from __future__ import annotations

import mmap
import os
import tempfile
import weakref
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.schemas.errors import CorruptDataError, DatasetError


class MemoryBlock:
    """Bytes in memory, which are gone with the process that made them.

    It can be pickled: whoever unpickles it maps the same memory, which takes none anew, as long
    as the process that made it runs.

    Parameters
    ----------
    nbytes : int
        How many.

    Raises
    ------
    CorruptDataError
        If there is no room for that many; what is to be read may claim any size.
    """

    def __init__(self, nbytes: int) -> None:
        self._nbytes, self._maker = max(nbytes, 1), os.getpid()
        try:
            if hasattr(os, "memfd_create"):  # no file system's bound, and nothing left behind
                self._descriptor = os.memfd_create("crafter-dataset")
                self._name = f"/proc/{self._maker}/fd/{self._descriptor}"
            else:
                self._descriptor, self._name = tempfile.mkstemp(prefix="crafter-dataset-")
                weakref.finalize(self, Path(self._name).unlink, missing_ok=True)
            weakref.finalize(self, os.close, self._descriptor)
            os.ftruncate(self._descriptor, self._nbytes)
            memory = mmap.mmap(self._descriptor, self._nbytes)
        except (OSError, OverflowError, ValueError, MemoryError) as error:
            raise CorruptDataError(
                f"expected arrays that fit into memory, found {nbytes} bytes ({error})"
            ) from None
        self.content: NDArray[np.uint8] = np.frombuffer(memory, np.uint8)

    def __getstate__(self) -> dict[str, Any]:
        return {"_nbytes": self._nbytes, "_maker": self._maker, "_name": self._name}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        try:
            with open(self._name, "rb") as file:
                memory = mmap.mmap(file.fileno(), self._nbytes, access=mmap.ACCESS_READ)
        except (OSError, ValueError):
            raise DatasetError(
                f"expected the process {self._maker}, which read the dataset into memory, to run, "
                "found it gone"
            ) from None
        self.content = np.frombuffer(memory, np.uint8)
