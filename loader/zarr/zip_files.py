"""Zip files of strangers: nothing in one is read before it is known to be as small as it says."""

from __future__ import annotations

import os
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from crafter_dataset.schemas.hdf5_format import is_hdf5
from crafter_dataset.schemas.zarr_format import DOCUMENT

MOST_MEMBERS = 2**17
"""Members of an archive, at most."""

MOST_GROWTH = 64
"""Bytes that a stored byte becomes, at most, beyond those that any member may have."""

ANY_BYTES = 2**24
"""Bytes that any member may have, however small it is stored."""

_DIRECTORY_BYTES = 2**25
"""Bytes of the list of members, at most."""

_END, _LONG_END = b"PK\x05\x06", b"PK\x06\x06"
_LONGEST_END = 22 + 2**16 + 20 + 56


def root_inside(path: str | Path) -> str:
    """Look through a zip file; return the folder in it that is the group, wherever it lies.

    Parameters
    ----------
    path : str or Path
        The file.

    Raises
    ------
    ValueError
        If it has too many members, one that grows beyond bounds, or no group or several.
    OSError, zipfile.BadZipFile
        If it cannot be read.
    """
    _require_small_directory(Path(path))
    with ZipFile(path) as archive:
        members = archive.infolist()
    if len(members) > MOST_MEMBERS:
        raise ValueError(f"expected at most {MOST_MEMBERS} members, found {len(members)}")
    size = os.stat(path).st_size
    for member in members:
        _require_bounded(member)
    if sum(member.compress_size for member in members) > size:
        raise ValueError(f"expected members that fit into {size} bytes, found more")
    names = {member.filename for member in members}
    if DOCUMENT in names:
        return ""
    roots = _outermost(names)
    if len(roots) != 1:
        listed = ", ".join(f"{name[:100]!r}" for name in (roots or _hdf5_files(names))[:3])
        raise ValueError(
            f"expected {DOCUMENT} at its top or in one folder, as `cd data.zarr && zip -r0 "
            f"../data.zip .` zips it{'' if roots else ', or an HDF5 file unzipped'}, found "
            f"{listed or 'none'}"
        )
    return roots[0]


def _outermost(names: set[str]) -> list[str]:
    """Return the folders that are groups or arrays, without those inside another one."""
    roots: list[str] = []
    folders = (name.removesuffix(f"/{DOCUMENT}") for name in names if name.endswith(f"/{DOCUMENT}"))
    for folder in sorted(folders, key=lambda folder: folder.split("/")):  # what is inside follows
        if not roots or not folder.startswith(f"{roots[-1]}/"):
            roots.append(folder)
    return roots


def _hdf5_files(names: set[str]) -> list[str]:
    return sorted(name for name in names if is_hdf5(Path(name)))


def _require_small_directory(path: Path) -> None:
    """Refuse a file with more members than a dataset has, before they are listed."""
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _LONGEST_END))
        tail = file.read()
    end = tail.rfind(_END)
    if end < 0:
        return  # for zipfile to say what is wrong
    directory = int.from_bytes(tail[end + 12 : end + 16], "little")
    if directory == 2**32 - 1:  # the record of large archives has it
        end = tail.rfind(_LONG_END, 0, end)
        directory = int.from_bytes(tail[end + 40 : end + 48], "little")
    if directory > _DIRECTORY_BYTES:
        raise ValueError(
            f"expected a list of members of at most {_DIRECTORY_BYTES} bytes, found {directory}"
        )


def _require_bounded(member: ZipInfo) -> None:
    if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise ValueError(
            f"{member.filename[:100]!r}: expected a member that is stored or deflated, found "
            f"compression {member.compress_type}"
        )
    if member.file_size > ANY_BYTES + MOST_GROWTH * member.compress_size:
        raise ValueError(
            f"{member.filename[:100]!r}: expected at most {MOST_GROWTH} bytes for each of "
            f"{member.compress_size}, found {member.file_size}"
        )
