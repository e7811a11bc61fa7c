"""Where compiled code is kept, along with the data that the engine's lanes start from.

A folder's name is a hash of all that its content follows from (see `code`), so
nothing in it is ever stale. Each file starts with a digest of its content and its
name, and is replaced as a whole. What can be kept nowhere stays in memory: a cache
saves time, and nothing depends on it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from crafter_dataset.engine.compiled import tidying
from crafter_dataset.engine.compiled.code import Code
from crafter_dataset.engine.compiled.places import Folder, opened, places

_DIGEST_BYTES = hashlib.sha256().digest_size
_LOCK = "lock"
_LOCK_SECONDS, _LOCK_PAUSE = 600.0, 0.05

_in_memory: dict[str, bytes] = {}
"""What could not be kept, by folder and name."""


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
    """
    content = _find(code, name)
    if content is None:
        with locked(code):
            content = _find(code, name)
            if content is None:
                content = make()
                _keep(code, name, content)
    return content


def is_kept(code: Code, name: str) -> bool:
    """Tell whether there is a file of a name, damaged or not.

    Parameters
    ----------
    code : Code
        The code that the file belongs to.
    name : str
        Name of the file.
    """
    if _key(code, name) in _in_memory:
        return True
    for folder in _folders(code):
        with contextlib.suppress(OSError):
            info = os.stat(name, dir_fd=folder.descriptor, follow_symlinks=False)
            if folder.is_trusted(info):
                return True
    return False


def in_memory() -> dict[str, bytes]:
    """Return what could not be kept, for a process that is started by this one."""
    return dict(_in_memory)


def take_over(contents: Mapping[str, bytes]) -> None:
    """Take what the process that started this one could not keep.

    Parameters
    ----------
    contents : mapping of str to bytes
        What `in_memory` returned there.
    """
    _in_memory.update(contents)


@contextlib.contextmanager
def locked(code: Code) -> Iterator[None]:
    """Keep other processes waiting that lock the same folder, if there is one to lock.

    Parameters
    ----------
    code : Code
        The code whose folder is locked.

    Yields
    ------
    None
        While the folder is locked.
    """
    with contextlib.ExitStack() as stack:
        for folder in _writable(code):
            with contextlib.suppress(OSError):
                lock = _open_lock(folder)
                stack.callback(os.close, lock)
                _wait_for(lock)
                break
        yield


def _open_lock(folder: Folder) -> int:
    flags = os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        lock = os.open(_LOCK, os.O_RDWR | os.O_CREAT | flags, 0o600, dir_fd=folder.descriptor)
    except PermissionError:  # another user's; it can be locked all the same
        return os.open(_LOCK, os.O_RDONLY | flags, dir_fd=folder.descriptor)
    folder.open_to_readers(lock)
    return lock


def _wait_for(lock: int) -> None:
    """Lock a file, or go on without where nobody can or somebody never lets go."""
    end = time.monotonic() + _LOCK_SECONDS
    while time.monotonic() < end:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_LOCK_PAUSE)
        except OSError:  # a file system without locks
            return
        else:
            return


def where(code: Code) -> tuple[Path | None, str]:
    """Say where code that is compiled now will be kept, and why not in the first place for it.

    Parameters
    ----------
    code : Code
        The code.

    Returns
    -------
    folder : Path or None
        The folder; None if it will be in this process's memory.
    why : str
        What is wrong with the places that come before it; empty if nothing is.
    """
    problems: list[str] = []
    for folder in _folders(code, problems):
        if folder.is_writable():
            return folder.path, "; ".join(problems[:1])
    return None, "; ".join(problems[:1]) or "there is no folder for it"


def own_folder(name: str) -> Path | None:
    """Make a folder beside the compiled code that this user alone can write to.

    Parameters
    ----------
    name : str
        Its name; other users have folders of other names.

    Returns
    -------
    Path or None
        The folder; None if there is nowhere to make one.
    """
    name = f"{name}-{os.geteuid()}"
    for place in places():
        with contextlib.suppress(OSError), opened(place, name) as folder:
            os.fchmod(folder.descriptor, 0o700)
            if os.fstat(folder.descriptor).st_uid == os.geteuid() and folder.is_writable():
                return folder.path
    return None


def _folders(code: Code, problems: list[str] | None = None) -> Iterator[Folder]:
    """Yield the folders of some code that can be trusted, up to the first one to write to.

    Parameters
    ----------
    code : Code
        The code.
    problems : list of str, optional
        Where to say why others come before that.
    """
    name = tidying.PREFIX + code.fingerprint()
    for place in places():
        try:
            with opened(place, name) as folder:
                tidying.mark_used(folder)
                yield folder
                if folder.is_writable():
                    return
                raise PermissionError(0, "cannot be written", str(folder.path))
        except OSError as error:
            if problems is not None:
                problems.append(f"{place.path}: {error.strerror}")


def _writable(code: Code) -> Iterator[Folder]:
    """Yield the folder to write to, if there is one."""
    return (folder for folder in _folders(code) if folder.is_writable())


def _find(code: Code, name: str) -> bytes | None:
    """Read a file, from wherever it is whole; None if it is nowhere."""
    key = _key(code, name)
    if key in _in_memory:
        return _in_memory[key]
    for folder in _folders(code):
        with contextlib.suppress(OSError):
            content = _read(folder, name, key)
            if content is not None:
                return content
    return None


def _key(code: Code, name: str) -> str:
    return f"{code.fingerprint()}/{name}"


def _digest(key: str, content: bytes) -> bytes:
    # With its name: a file that was given another name is not the other one.
    return hashlib.sha256(f"{key}\n".encode() + content).digest()


def _read(folder: Folder, name: str, key: str) -> bytes | None:
    """Read a file; None if it is damaged or cannot be trusted."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with open(os.open(name, flags, dir_fd=folder.descriptor), "rb") as file:
        if not folder.is_trusted(os.fstat(file.fileno())):
            return None
        stored = file.read()
    content = stored[_DIGEST_BYTES:]
    return content if _digest(key, content) == stored[:_DIGEST_BYTES] else None


def _keep(code: Code, name: str, content: bytes) -> None:
    """Keep content in the first place that takes it, or in memory."""
    key = _key(code, name)
    for folder in _writable(code):
        with contextlib.suppress(OSError):
            _write(folder, name, _digest(key, content) + content)
            tidying.tidy(folder)
            return
    _in_memory[key] = content


def _write(folder: Folder, name: str, stored: bytes) -> None:
    partial = f"{tidying.PARTIAL}{secrets.token_hex(8)}"
    try:
        with open(folder.create(partial), "wb") as file:
            file.write(stored)
        os.replace(partial, name, src_dir_fd=folder.descriptor, dst_dir_fd=folder.descriptor)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(partial, dir_fd=folder.descriptor)
        raise
