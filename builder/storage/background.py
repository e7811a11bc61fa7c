"""Files written in the background: whoever makes their content need not wait for the disk."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from crafter_dataset.builder.storage.files import replace_file

MOST_WAITING = 2**26
"""Bytes that may wait to be written, unless a single file has more."""


class BackgroundFiles:
    """Replaces files one after the other, in the order in which they are given, in a thread.

    An error is raised by `wait`, or by a later `replace`; nothing is written
    after it.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "writes files")
        self._waiting: deque[tuple[Future[int], int]] = deque()
        self._waiting_bytes = 0
        self._failed = False

    def replace(self, path: Path, parts: Sequence[bytes | memoryview]) -> int:
        """Have a file replaced, durably.

        Parameters
        ----------
        path : Path
            The file.
        parts : sequence of bytes or memoryview
            Its content, which may not change any more.

        Returns
        -------
        int
            Size of the file in bytes.

        Raises
        ------
        OSError
            If an earlier file could not be written.
        """
        size = sum(map(len, parts))
        while self._waiting and (
            self._waiting[0][0].done() or self._waiting_bytes + size > MOST_WAITING
        ):
            self._take_first()
        self._waiting.append((self._thread.submit(self._replace, path, parts), size))
        self._waiting_bytes += size
        return size

    def wait(self) -> None:
        """Wait until all files are durable; their names are durable after `sync_folder`.

        Raises
        ------
        OSError
            If one could not be written.
        """
        while self._waiting:
            self._take_first()

    def close(self) -> None:
        """Wait for the file that is being written, and forget the others."""
        self._failed = True
        self._thread.shutdown(cancel_futures=True)

    def _take_first(self) -> None:
        future, size = self._waiting[0]
        future.result()
        self._waiting.popleft()
        self._waiting_bytes -= size

    def _replace(self, path: Path, parts: Sequence[bytes | memoryview]) -> int:
        if self._failed:
            return 0
        try:
            return replace_file(path, parts)
        except BaseException:
            self._failed = True
            raise
