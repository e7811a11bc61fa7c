"""Where compiled code is kept, along with the data that the engine's lanes start from.

A folder's name is a hash of all that its content follows from (see `code`), so
nothing in it is ever stale. Each file starts with its own digest, and is
replaced as a whole.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from crafter_dataset.engine.compiled.code import Code

_DIGEST_BYTES = hashlib.sha256().digest_size


def kept(code: Code, name: str, make: Callable[[], bytes]) -> bytes:
    """Read content that some process has made earlier, or else make it and keep it.

    Parameters
    ----------
    code : Code
        The code that the content belongs to.
    name : str
        Name of the content's file.
    make : callable
        Returns the content as bytes; only one process at a time calls it.

    Returns
    -------
    bytes
        The content.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    path = cache_folder(code) / name
    content = _read(path)
    if content is None:
        with locked(code):
            content = _read(path)
            if content is None:
                content = make()
                partial = path.with_name(f"{path.name}.{os.getpid()}")
                partial.write_bytes(hashlib.sha256(content).digest() + content)
                partial.replace(path)
    return content


def is_kept(code: Code, name: str) -> bool:
    """Tell whether there is a file of a name, damaged or not.

    Parameters
    ----------
    code : Code
        The code that the file belongs to.
    name : str
        Name of the file.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    return (cache_folder(code) / name).exists()


def _read(path: Path) -> bytes | None:
    """Read a file; None if it is missing or damaged."""
    try:
        stored = path.read_bytes()
    except FileNotFoundError:
        return None
    content = stored[_DIGEST_BYTES:]
    return content if hashlib.sha256(content).digest() == stored[:_DIGEST_BYTES] else None


@contextlib.contextmanager
def locked(code: Code) -> Iterator[None]:
    """Keep other processes waiting that lock the same folder.

    Parameters
    ----------
    code : Code
        The code whose folder is locked.

    Yields
    ------
    None
        While the folder is locked.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    with open(cache_folder(code) / "lock", "w") as lock:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@functools.cache
def cache_folder(code: Code) -> Path:
    """Make the folder of some code, in numba's or the user's cache, and return it.

    Parameters
    ----------
    code : Code
        The code that is kept there.

    Returns
    -------
    Path
        The folder, which exists.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    folder = _base() / f"compiled-{code.fingerprint()}"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        return folder


def _base() -> Path:
    given = os.environ.get("NUMBA_CACHE_DIR")
    if given:
        return Path(given)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "crafter-dataset"
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches) / "crafter-dataset"
