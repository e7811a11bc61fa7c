"""What in a dataset's folder is the dataset's, so that nothing else is ever removed."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from crafter_dataset.builder.storage.files import partial_name
from crafter_dataset.schemas.entries import ATTRIBUTE
from crafter_dataset.schemas.extras import is_extras
from crafter_dataset.schemas.hdf5_format import is_hdf5
from crafter_dataset.schemas.layout import BOTH, DRAWN, FIELDS, PICTURES, TABLE
from crafter_dataset.schemas.stray import is_stray
from crafter_dataset.schemas.zarr_format import DOCUMENT

_FILE = rf"(?:{re.escape(DOCUMENT)}|c(?:\.\d+)+)"
_PARTIAL = re.compile(rf"{re.escape(partial_name('NAME'))}".replace("NAME", _FILE))
_OURS = re.compile(rf"{_FILE}(?:\.partial)?")  # version 0.1 wrote `zarr.json.partial`

Folders = dict[str, Any]
"""Folders that a dataset has in one of its folders, by name, and what these have."""


def _folders(paths: Iterable[str]) -> Folders:
    tree: Folders = {}
    for path in paths:
        inner = tree
        for name in path.split("/"):
            inner = inner.setdefault(name, {})
    return tree


_ALWAYS_OURS = [field.path for field in FIELDS if not field.drawn]
_OURS_IF_DRAWN = [PICTURES, *(field.path for field in FIELDS if field.drawn)]
_FOLDERS = _folders(_ALWAYS_OURS)


def is_empty(folder: Path) -> bool:
    """Tell whether a folder holds nothing but what systems leave, or a killed writer left first.

    Parameters
    ----------
    folder : Path
        The folder.
    """
    with os.scandir(folder) as entries:
        return all(
            entry.is_file(follow_symlinks=False)
            and (is_stray(entry.name) or entry.name.endswith(".partial"))
            and not _is_foreign(entry.name)
            for entry in entries
        )


def foreign_names(path: Path) -> list[str]:
    """Return what in a dataset is not the dataset's, in order; links in a folder never are.

    Parameters
    ----------
    path : Path
        The dataset.
    """
    if is_hdf5(path):
        return _foreign_members(path)
    with _opened(path) as descriptor:
        known = {**_FOLDERS, **_named_folders(descriptor)}
        return sorted(_foreign(descriptor, known, ""))


def _foreign_members(path: Path) -> list[str]:
    """Return the arrays and groups of others in a file; none if it is too damaged to tell."""
    from crafter_dataset.schemas.hdf5_file import Hdf5File

    ours = {"", TABLE, *_ALWAYS_OURS}
    try:
        with Hdf5File(path) as stored:
            ours.update(_named(stored.attributes))
            members = {name.partition("@")[0] for name in stored.names()} - ours
    except Exception:  # h5py raises many kinds
        return []
    return sorted(name for name in members if name.rpartition("/")[0] in ours)


def remove_dataset(path: Path) -> None:
    """Delete a dataset: all that is the dataset's, and the folders that are empty then.

    Parameters
    ----------
    path : Path
        The dataset, or what is left of one.

    Raises
    ------
    OSError
        If a file cannot be deleted.
    """
    if is_hdf5(path):
        path.unlink(missing_ok=True)
        return
    clear_folder(path)
    with contextlib.suppress(OSError):
        path.rmdir()


def clear_folder(path: Path) -> None:
    """Delete all that is a dataset's in its folder, which stays.

    Parameters
    ----------
    path : Path
        The folder.

    Raises
    ------
    OSError
        If a file cannot be deleted.
    """
    with _opened(path) as descriptor:
        # What only the root's metadata names goes before it does.
        _remove(descriptor, _named_folders(descriptor), _is_ours, folders=True, files=False)
        _remove(descriptor, _FOLDERS, _is_ours, folders=True)


def remove_partial(path: Path) -> None:
    """Delete what a killed writer was writing in a dataset's folder.

    Parameters
    ----------
    path : Path
        The folder.

    Raises
    ------
    OSError
        If a file cannot be deleted.
    """
    with _opened(path) as descriptor:
        known = {**_FOLDERS, **_named_folders(descriptor)}
        _remove(descriptor, known, lambda name: bool(_PARTIAL.fullmatch(name)), folders=False)


@contextlib.contextmanager
def _opened(path: str | Path, folder: int | None = None) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _named_folders(descriptor: int) -> Folders:
    """Return the folders that are the dataset's because the root's metadata says so."""
    try:
        root = os.open(DOCUMENT, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=descriptor)
        with open(root, "rb") as file:
            attributes = json.load(file)["attributes"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return _folders(_named(attributes))


def _named(attributes: Any) -> list[str]:
    """Return the paths of a policy's own arrays, and of what pictures are drawn from."""
    try:
        metadata = dict(attributes[ATTRIBUTE])
    except (KeyError, TypeError, ValueError):
        return []
    extras: Any = metadata.get("extras")
    names = [extra["name"] for extra in extras] if is_extras(extras) else []
    return names + (_OURS_IF_DRAWN if metadata.get("pictures") in (DRAWN, BOTH) else [])


def _is_ours(name: str) -> bool:
    return not _is_foreign(name)


def _is_foreign(name: str) -> bool:
    return not (is_stray(name) or _OURS.fullmatch(name) or _PARTIAL.fullmatch(name))


def _entries(descriptor: int) -> list[os.DirEntry[str]]:
    with os.scandir(descriptor) as entries:
        return list(entries)


def _foreign(descriptor: int, folders: Folders, at: str) -> Iterator[str]:
    for entry in _entries(descriptor):
        if entry.is_dir(follow_symlinks=False) and entry.name in folders:
            with _opened(entry.name, descriptor) as inner:
                yield from _foreign(inner, folders[entry.name], f"{at}{entry.name}/")
        elif not entry.is_file(follow_symlinks=False) or _is_foreign(entry.name):
            yield f"{at}{entry.name}"


def _remove(
    descriptor: int,
    known: Folders,
    unwanted: Callable[[str], bool],
    *,
    folders: bool,
    files: bool = True,
) -> None:
    """Delete files in a folder, unless `files` is false, and in those known in it, and these."""
    for entry in _entries(descriptor):
        if entry.is_dir(follow_symlinks=False) and entry.name in known:
            with _opened(entry.name, descriptor) as inner:
                _remove(inner, known[entry.name], unwanted, folders=folders)
            if folders:
                with contextlib.suppress(OSError):
                    os.rmdir(entry.name, dir_fd=descriptor)
        elif files and entry.is_file(follow_symlinks=False) and unwanted(entry.name):
            os.unlink(entry.name, dir_fd=descriptor)
