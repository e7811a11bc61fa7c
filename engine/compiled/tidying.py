"""Removing compiled code that nobody has used for long: of old versions, mostly."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import time

from crafter_dataset.engine.compiled.places import Folder

PREFIX = "compiled-"
"""How the names of folders begin; a fingerprint follows."""

PARTIAL = ".partial-"
"""How the names of files begin that are being written."""

KEPT_DAYS = 90
"""Days after its last use that a folder may be removed."""

_DAY = 86_400.0
_NAME = re.compile(rf"{PREFIX}[0-9a-f]{{16}}")


def mark_used(folder: Folder) -> None:
    """Let a folder's time say that it is in use, once a day.

    Parameters
    ----------
    folder : Folder
        The folder.
    """
    with contextlib.suppress(OSError):  # it cannot be written
        if time.time() - os.fstat(folder.descriptor).st_mtime > _DAY:
            os.utime(folder.descriptor)


def tidy(used: Folder) -> None:
    """Remove this user's folders beside one that were not used for long, and leftovers in it.

    Nothing but plain files is removed, from folders of the names that are given
    here, and no link is followed.

    Parameters
    ----------
    used : Folder
        A folder that was just written to.
    """
    _remove_files(used.descriptor, PARTIAL, _DAY)
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    with contextlib.suppress(OSError):
        place = os.open(used.path.parent, flags)
        try:
            for name in os.listdir(place):
                if _NAME.fullmatch(name) and name != used.path.name:
                    with contextlib.suppress(OSError):
                        _remove_old(place, name)
        finally:
            os.close(place)


def _remove_old(place: int, name: str) -> None:
    """Remove a folder if it is old, this user's own, and holds nothing but files."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    folder = os.open(name, flags, dir_fd=place)
    try:
        info = os.fstat(folder)
        if info.st_uid != os.geteuid() or time.time() - info.st_mtime < KEPT_DAYS * _DAY:
            return
        _remove_files(folder, "", 0.0)
    finally:
        os.close(folder)
    os.rmdir(name, dir_fd=place)


def _remove_files(folder: int, prefix: str, age: float) -> None:
    """Remove the plain files whose names begin so and that are older than some seconds."""
    for name in os.listdir(folder):
        with contextlib.suppress(OSError):
            info = os.stat(name, dir_fd=folder, follow_symlinks=False)
            old = time.time() - info.st_mtime >= age
            if name.startswith(prefix) and stat.S_ISREG(info.st_mode) and old:
                os.unlink(name, dir_fd=folder)
