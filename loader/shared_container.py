"""The container of a dataset, which its parts share: opened by each process, and closed once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crafter_dataset.loader.container import open_container
from crafter_dataset.schemas.container import Container
from crafter_dataset.schemas.errors import ArgumentError


class SharedContainer:
    """Opens a container when it is first asked for, in every process for itself.

    Parameters
    ----------
    path : Path or str
        As for `open_container`.
    cache_bytes : int
        As for `open_container`.
    threads : int, optional
        As for `open_container`.
    """

    def __init__(self, path: Path | str, cache_bytes: int, threads: int | None) -> None:
        self._path, self._cache_bytes, self._threads = path, cache_bytes, threads
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
            container = open_container(
                self._path, cache_bytes=self._cache_bytes, threads=self._threads
            )
            if check is not None:
                check(container)
            self._container, self._pid = container, os.getpid()
        return container

    def close(self) -> None:
        """Let go of the container, which is closed once no thread reads from it any more."""
        self._closed, self._container = True, None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_container": None}
