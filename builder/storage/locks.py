"""Who may write: one process at a time; the kernel takes the right back from the dead."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from crafter_dataset.schemas.hdf5_format import is_hdf5


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[bool]:
    """Make the place for a dataset, and hold the only right to write to it.

    Folders that are made for it are gone at the end if they are still empty.

    Parameters
    ----------
    path : Path
        Where the dataset is, or is to be; no link.

    Yields
    ------
    bool
        True if this process got the right, False if another one holds it.
    """
    folder = path.parent if is_hdf5(path) else path
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Not the HDF5 file's own lock, with which h5py would refuse to read it.
        lock = _lock_beside(path) if is_hdf5(path) else _lock_folder(path)
        with lock as held:
            yield held
    finally:
        for each in made:
            with contextlib.suppress(OSError):
                each.rmdir()


@contextlib.contextmanager
def _lock_folder(folder: Path) -> Iterator[bool]:
    """Hold a folder's lock, if no other process does; True also where there are no locks."""

    def open_folder() -> int:
        folder.mkdir(exist_ok=True)  # its holder may just have removed it
        return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)

    descriptor, held = _lock(folder, open_folder)
    try:
        yield held
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _lock_beside(path: Path) -> Iterator[bool]:
    """Hold the lock of a file beside a file, which is removed at the end.

    One that a killed process has left is not locked, and is used again.
    """
    name = path.with_name(f".{path.name}.lock")

    def open_file() -> int:
        try:
            return os.open(name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        except PermissionError:  # another user's
            return os.open(name, os.O_RDONLY | os.O_NOFOLLOW)

    descriptor, held = _lock(name, open_file)
    try:
        yield held
    finally:
        if held:
            with contextlib.suppress(OSError):
                name.unlink()
        os.close(descriptor)


def _lock(path: Path, opened: Callable[[], int]) -> tuple[int, bool]:
    """Open a file or folder and lock it; return the descriptor, and whether it is locked."""
    while True:
        descriptor = opened()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return descriptor, False
        except OSError:
            return descriptor, True  # no locks there: better to build than to refuse
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return descriptor, True
        os.close(descriptor)  # its holder has just removed or replaced it
