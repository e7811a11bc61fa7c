"""Memory that processes share: filled by one, mapped by those that it is handed to."""

from __future__ import annotations

import contextlib
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
    as the process that made it runs. That process keeps a block that was pickled, since nobody
    tells it when it is unpickled, until `let_go` is called.

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
        self._nbytes, self._maker, self._mark = nbytes, os.getpid(), os.urandom(_MARK_BYTES)
        try:
            if hasattr(os, "memfd_create"):  # no file system's bound, and nothing left behind
                self._descriptor = os.memfd_create("crafter-dataset")
                self._name = f"/proc/{self._maker}/fd/{self._descriptor}"
            else:
                self._descriptor, self._name = tempfile.mkstemp(prefix="crafter-dataset-")
                weakref.finalize(self, _remove, self._name, self._maker)
            weakref.finalize(self, os.close, self._descriptor)
            os.ftruncate(self._descriptor, nbytes + _MARK_BYTES)
            memory = mmap.mmap(self._descriptor, nbytes + _MARK_BYTES)
        except (OSError, OverflowError, ValueError, MemoryError) as error:
            raise CorruptDataError(
                f"expected arrays that fit into memory, found {nbytes} bytes ({error})"
            ) from None
        memory[nbytes:] = self._mark
        self.content: NDArray[np.uint8] = np.frombuffer(memory, np.uint8, nbytes)

    def let_go(self) -> None:
        """Give the memory back once nobody uses it here or elsewhere, also if it was pickled."""
        _pickled.discard(self)

    def __getstate__(self) -> dict[str, Any]:
        if self._maker == os.getpid():
            _pickled.add(self)
        return {name: self.__dict__[name] for name in ("_nbytes", "_maker", "_mark", "_name")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        length = self._nbytes + _MARK_BYTES
        memory: Any = b""
        with contextlib.suppress(OSError, ValueError), open(self._name, "rb") as file:
            memory = mmap.mmap(file.fileno(), length, access=mmap.ACCESS_READ)
        # The name may be another file's by now.
        if memory[self._nbytes :] != self._mark:
            raise DatasetError(
                f"expected the process {self._maker}, which read the dataset into memory, to run "
                "and to have it open, found its memory gone"
            )
        self.content = np.frombuffer(memory, np.uint8, self._nbytes)


_MARK_BYTES = 16
"""Bytes at the end of a block by which it is recognised."""

_pickled: set[MemoryBlock] = set()


def _remove(name: str, maker: int) -> None:
    """Remove a file, if it is this process that made it; forks have the same blocks."""
    if os.getpid() == maker:
        Path(name).unlink(missing_ok=True)
