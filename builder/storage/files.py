"""Files that are replaced as a whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterable
from pathlib import Path

_NO_SYNC = {errno.EINVAL, errno.ENOSYS, errno.EBADF, errno.EACCES, errno.EPERM, errno.ENOTSUP}
"""What file systems answer that cannot sync a folder."""


def partial_name(name: str) -> str:
    """Return the name under which a file is written until it is whole; nobody else uses it.

    Parameters
    ----------
    name : str
        The file's own name.
    """
    return f".crafter-dataset.{name}.partial"


def create_partial(path: Path) -> tuple[int, Path]:
    """Create a file that is to become another one, and that nobody else can have made.

    Parameters
    ----------
    path : Path
        What it is to become.

    Returns
    -------
    descriptor : int
        The file, open for reading and writing.
    partial : Path
        Its name.

    Raises
    ------
    OSError
        If it cannot be created.
    """
    partial = path.with_name(partial_name(path.name))
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(partial, flags, 0o666), partial
    except FileExistsError:  # of a writer that was killed; or a link, which alone goes
        partial.unlink()
        return os.open(partial, flags, 0o666), partial


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
    partial = None
    try:
        descriptor, partial = create_partial(path)
        with open(descriptor, "wb") as file:
            for part in parts:
                file.write(part)
            size = file.tell()
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        if partial is not None:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
        raise name_error(error, path) from None
    return size


def name_error(error: OSError, path: Path) -> OSError:
    """Give the error of a write the name of the file that was to be written; return the error.

    Parameters
    ----------
    error : OSError
        The error, which is changed.
    path : Path
        The file.
    """
    error.filename, error.filename2 = str(path), None  # the system names none, or another
    return error


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable, where the file system can do so for folders.

    Parameters
    ----------
    folder : Path
        The folder.

    Raises
    ------
    OSError
        If the disk fails; it names the folder.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:  # it may be written and not read
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise name_error(error, folder) from None
    finally:
        os.close(descriptor)
