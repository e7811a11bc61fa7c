"""Files that are replaced as a whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

PARTIAL = ".partial"
"""Suffix of a file that is still being written; whoever finds one may delete it."""


def replace_file(path: Path, parts: Iterable[bytes | memoryview]) -> int:
    """Write a file durably under another name, then move it into place.

    Readers see the old file or the new one. The folder's entry is durable only
    after `sync_folder`.

    Returns
    -------
    int
        Size of the file in bytes.
    """
    partial = path.with_name(path.name + PARTIAL)
    try:
        with open(partial, "wb") as file:
            for part in parts:
                file.write(part)
            size = file.tell()
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        error.filename = error.filename or str(path)  # a failed write does not name its file
        raise
    return size


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_partial(folder: Path) -> None:
    """Delete what a killed process was writing, in the folder and below."""
    for path in folder.rglob("*" + PARTIAL):
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def exclusive(folder: Path) -> Iterator[bool]:
    """Hold the only right to write below a folder; the kernel drops it with the process.

    Yields
    ------
    bool
        Whether the right was had; False if another process holds it.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        except OSError:
            pass  # A file system without locks: better to build than to refuse.
        yield True
    finally:
        os.close(descriptor)
