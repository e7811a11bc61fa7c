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
        raise name_error(error, path) from None
    return size


def name_error(error: OSError, path: Path) -> OSError:
    """Give the error of a write its file's name, which the system leaves out."""
    error.filename = error.filename or str(path)
    return error


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
def lock_folder(folder: Path) -> Iterator[bool]:
    """Hold a folder's lock; whether it was had is what it yields."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield _lock(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def lock_file(path: Path) -> Iterator[bool]:
    """Hold the lock of a file made for it; whether it was had is what it yields.

    The file is removed at the end. One that a killed process has left is no
    lock, but is used again.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        held = _lock(descriptor)
        if not held or _is_same(descriptor, path):
            break
        os.close(descriptor)  # its holder has just removed it
    try:
        yield held
    finally:
        if held:
            with contextlib.suppress(OSError):
                path.unlink()
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass  # A file system without locks: better to build than to refuse.
    return True


def _is_same(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False
