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

    Parameters
    ----------
    path : Path
        The file.
    parts : iterable of bytes or memoryview
        Its content.

    Returns
    -------
    int
        Size of the file in bytes.

    Raises
    ------
    OSError
        If the file cannot be written; it names the file.
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
    """Add a file's name, which the system leaves out, to the error of a write; return the error.

    Parameters
    ----------
    error : OSError
        The error, which is changed.
    path : Path
        The file.
    """
    error.filename = error.filename or str(path)
    return error


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable.

    Parameters
    ----------
    folder : Path
        The folder.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_partial(folder: Path) -> None:
    """Delete what a killed process was writing, in the folder and below.

    Parameters
    ----------
    folder : Path
        The folder.
    """
    for path in folder.rglob("*" + PARTIAL):
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def lock_folder(folder: Path) -> Iterator[bool]:
    """Hold a folder's lock, if no other process does.

    Parameters
    ----------
    folder : Path
        The folder, which is there.

    Yields
    ------
    bool
        Whether this process holds it; also True on a file system without locks.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield _lock(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def lock_file(path: Path) -> Iterator[bool]:
    """Hold the lock of a file made for it, if no other process does.

    The file is removed at the end. One that a killed process has left is not
    locked, and is used again.

    Parameters
    ----------
    path : Path
        The file, in a folder that is there.

    Yields
    ------
    bool
        Whether this process holds it; also True on a file system without locks.
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
