"""Opening files of a dataset, which may turn out to be pipes, devices or folders."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def open_regular(path: str | Path, folder: int | None = None) -> int:
    """Open a regular file for reading, and return its descriptor.

    Parameters
    ----------
    path : str or Path
        The file.
    folder : int, optional
        The open folder that a relative path starts from; by default the working folder.

    Raises
    ------
    OSError
        If there is none, or it is a pipe, a device or a folder.
    """
    # Opening a pipe would wait for somebody to write to it.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError(errno.ENOENT, "no regular file", str(path))
    return descriptor


def read_regular(path: str | Path, most: int, folder: int | None = None) -> bytes:
    """Read a whole regular file.

    Parameters
    ----------
    path : str or Path
        The file.
    most : int
        Bytes that it may have.
    folder : int, optional
        As for `open_regular`.

    Raises
    ------
    OSError
        If there is none, or it has more than `most` bytes.
    """
    with open(open_regular(path, folder), "rb") as file:
        if os.fstat(file.fileno()).st_size > most:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
        return file.read()
