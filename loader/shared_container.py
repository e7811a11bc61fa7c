"""The container of a dataset, which its parts share: opened by each process, and closed once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crafter_dataset.loader.container import in_memory, open_container, read_into_memory
from crafter_dataset.loader.memory.snapshot import Snapshot
from crafter_dataset.schemas.container import Container
from crafter_dataset.schemas.errors import ArgumentError
from crafter_dataset.schemas.progress import Report


class SharedContainer:
    """Opens a container when it is first asked for, in every process for itself.

    Parameters
    ----------
    path : Path or str
        As for `open_container`.
    cache_bytes : int, optional
        As for `open_container`.
    threads : int, optional
        As for `open_container`.
    report : callable, optional
        Takes a `Progress` now and then; the dataset is read into memory if it is given.
    """

    def __init__(
        self,
        path: Path | str,
        cache_bytes: int | None,
        threads: int | None,
        report: Report | None = None,
    ) -> None:
        self._path, self._cache_bytes, self._threads = path, cache_bytes, threads
        self._snapshot: Snapshot | None = None
        if report is not None:
            self._snapshot = read_into_memory(path, cache_bytes, threads, report)
        self._container: Container | None = None
        self._pid, self._closed = 0, False

    def container(self, check: Callable[[Container], None] | None = None) -> Container:
        """Return the container, opened if it is not open in this process.

        Parameters
        ----------
        check : callable, optional
            Called with a container that was opened again, before it is kept.

        Raises
        ------
        ArgumentError
            If it was closed.
        DatasetError
            If it cannot be opened.
        """
        container = self._container
        if container is None or self._pid != os.getpid():
            if self._closed:
                raise ArgumentError(
                    "dataset", f"expected an open one, found one that was closed ({self._path})"
                )
            container = self._open()
            if check is not None:
                check(container)
            self._container, self._pid = container, os.getpid()
        return container

    def _open(self) -> Container:
        if self._snapshot is None:
            return open_container(self._path, cache_bytes=self._cache_bytes, threads=self._threads)
        return in_memory(self._snapshot, self._cache_bytes, self._threads)

    def close(self) -> None:
        """Let go of the container, which is closed once no thread reads from it any more."""
        if self._snapshot is not None:
            self._snapshot.block.let_go()
        self._closed, self._container, self._snapshot = True, None, None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_container": None}
