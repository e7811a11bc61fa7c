"""Folders that compiled code may be kept in, and whom to trust there.

What is kept is run. So a folder counts only if nobody else can have written to
it, and so does each file: it belongs to the user or to root, and neither its
group nor the others may write to it. A group can share a folder on purpose: one
that NUMBA_CACHE_DIR names, that the group may write to and the others may not.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_PRIVATE = 0o700


@dataclass(frozen=True)
class Place:
    """A folder for compiled code, which may not exist yet.

    Parameters
    ----------
    path : Path
        The folder.
    kind : {'given', 'own', 'temporary'}
        Whether the user named it, it is in the user's folder of caches, or among
        everybody's temporary files.
    """

    path: Path
    kind: str


def places() -> list[Place]:
    """List the places for compiled code: each is for what those before it do not take.

    Returns
    -------
    list of Place
        Not empty.
    """
    found = []
    given = os.environ.get("NUMBA_CACHE_DIR")
    if given:
        found.append(Place(Path(given), "given"))
    else:
        with contextlib.suppress(RuntimeError):  # no HOME, and a user unknown to the system
            found.append(Place(_own(), "own"))
    name = f"crafter-dataset-{os.geteuid()}"
    for folder in dict.fromkeys((os.environ.get("TMPDIR"), "/tmp", "/var/tmp")):
        if folder:
            found.append(Place(Path(folder) / name, "temporary"))
    return found


def _own() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "crafter-dataset"
    caches = os.environ.get("XDG_CACHE_HOME") or ""
    return (Path(caches) if os.path.isabs(caches) else Path.home() / ".cache") / "crafter-dataset"


@dataclass(frozen=True)
class Folder:
    """An open folder in a place, whose files may be trusted if they are `is_trusted`.

    Parameters
    ----------
    path : Path
        The folder.
    descriptor : int
        The folder, open.
    group : int or None
        The group that shares it; None if it is not shared.
    readers : int
        Permissions of new files for those who may only read: a part of 0o044.
    """

    path: Path
    descriptor: int
    group: int | None
    readers: int

    def is_trusted(self, info: os.stat_result) -> bool:
        """Tell whether a file of this folder can only have been made by who is trusted.

        Parameters
        ----------
        info : os.stat_result
            About the file itself, not about what a link leads to.
        """
        return stat.S_ISREG(info.st_mode) and _is_trusted(info, self.group)

    def is_writable(self) -> bool:
        """Tell whether files can be made in the folder."""
        return os.access(".", os.W_OK | os.X_OK, dir_fd=self.descriptor)

    def create(self, name: str) -> int:
        """Create a file that nobody else can have made, and return its descriptor.

        Parameters
        ----------
        name : str
            Its name in the folder.

        Raises
        ------
        OSError
            If there is one, or it cannot be created.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(name, flags, 0o600, dir_fd=self.descriptor)
        self.open_to_readers(descriptor)
        return descriptor

    def open_to_readers(self, descriptor: int) -> None:
        """Give a new file of this folder the permissions that the folder's users need.

        Parameters
        ----------
        descriptor : int
            The file.
        """
        with contextlib.suppress(OSError):  # file systems without permissions
            if self.group is not None:
                os.fchown(descriptor, -1, self.group)
            os.fchmod(descriptor, 0o600 | self.readers | (0o060 if self.group is not None else 0))


@contextlib.contextmanager
def opened(place: Place, name: str) -> Iterator[Folder]:
    """Open a folder in a place, if it can be trusted; make it, and the place, if they are missing.

    Parameters
    ----------
    place : Place
        The place.
    name : str
        Name of the folder.

    Yields
    ------
    Folder
        The folder.

    Raises
    ------
    OSError
        If there is none, or it cannot be made or trusted; it names the folder.
    """
    path = place.path / name
    # What a link leads to is as trustworthy as the folder in it, but for the place anybody can
    # make: whoever made that could replace the folder.
    follow = 0 if place.kind != "temporary" else os.O_NOFOLLOW
    try:
        _make_place(place)
        with _descriptor(place.path, _FOLDER | follow) as base:
            if place.kind == "temporary" and not _is_trusted(os.fstat(base), None):
                raise _untrusted()
            _make_folder(base, name, place)
            with _descriptor(name, _FOLDER | os.O_NOFOLLOW, base) as folder:
                about, inside = os.fstat(base), os.fstat(folder)
                group = _group_of(place, about, inside)
                if not _is_trusted(inside, group):
                    raise _untrusted()
                yield Folder(path, folder, group, stat.S_IMODE(inside.st_mode) & 0o044)
    except OSError as error:
        error.filename = str(path)  # the system names a part of it
        raise


@contextlib.contextmanager
def _descriptor(path: str | Path, flags: int, inside: int | None = None) -> Iterator[int]:
    descriptor = os.open(path, flags, dir_fd=inside)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _is_trusted(info: os.stat_result, group: int | None) -> bool:
    if info.st_mode & stat.S_IWOTH:
        return False
    if group is not None:  # only its members can have put it there
        return True
    return info.st_uid in (0, os.geteuid()) and not info.st_mode & stat.S_IWGRP


def _untrusted() -> OSError:
    return PermissionError(errno.EPERM, "others can write to it, or it belongs to somebody else")


def _group_of(place: Place, base: os.stat_result, folder: os.stat_result) -> int | None:
    """Return the group that shares a folder on purpose, None if none does."""
    group = folder.st_gid
    shared = place.kind == "given" and _is_group_writable(folder) and _shares(place, base)
    return group if shared and group == base.st_gid else None


def _shares(place: Place, base: os.stat_result) -> bool:
    """Tell whether a place that the user named is shared by one of the user's groups."""
    if not _is_group_writable(base) or base.st_gid not in {os.getegid(), *os.getgroups()}:
        return False
    # Somebody else's: made by a member, unless anybody could have made it.
    return base.st_uid in (0, os.geteuid()) or not place.path.parent.stat().st_mode & stat.S_IWOTH


def _is_group_writable(info: os.stat_result) -> bool:
    return info.st_mode & (stat.S_IWGRP | stat.S_IWOTH) == stat.S_IWGRP


def _make_place(place: Place) -> None:
    if os.path.lexists(place.path):
        return
    with contextlib.suppress(FileExistsError):  # by another process
        if place.kind == "temporary":
            os.mkdir(place.path, _PRIVATE)
        else:
            mode = 0o755 if place.kind == "given" else _PRIVATE
            place.path.parent.mkdir(mode, parents=True, exist_ok=True)
            place.path.mkdir(mode)


def _make_folder(base: int, name: str, place: Place) -> None:
    """Make a folder in a place: private, or for those whom the user's own place lets in."""
    with contextlib.suppress(FileNotFoundError):
        os.stat(name, dir_fd=base, follow_symlinks=False)
        return
    try:
        os.mkdir(name, _PRIVATE, dir_fd=base)
    except FileExistsError:  # by another process
        return
    if place.kind == "given":
        about = os.fstat(base)
        mode = _PRIVATE | stat.S_IMODE(about.st_mode) & 0o055
        with contextlib.suppress(OSError), _descriptor(name, _FOLDER | os.O_NOFOLLOW, base) as made:
            if _shares(place, about):
                os.fchown(made, -1, about.st_gid)
                mode |= 0o2070
            os.fchmod(made, mode)
