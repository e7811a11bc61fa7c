"""Opening the container at a path or an address."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from crafter_dataset.loader.reading.direct_container import DirectContainer
from crafter_dataset.loader.workers import default_threads
from crafter_dataset.schemas.container import Container
from crafter_dataset.schemas.entries import ATTRIBUTE
from crafter_dataset.schemas.errors import ArgumentError, NotADatasetError
from crafter_dataset.schemas.git_lfs import POINTER, is_pointer
from crafter_dataset.schemas.hdf5_format import is_hdf5
from crafter_dataset.schemas.layout import DRAWN, STORED
from crafter_dataset.schemas.metadata import Metadata
from crafter_dataset.schemas.progress import Report
from crafter_dataset.schemas.violations import metadata_violations

if TYPE_CHECKING:
    from crafter_dataset.loader.memory.snapshot import Snapshot

_CACHE_BYTES = 2**26
"""Bytes of decoded chunks that a reader keeps, by default."""
_DRAWN_CACHE_BYTES = 2**28
"""The same where pictures are drawn: enough for what some seven million are drawn from."""


def is_address(path: str | Path) -> bool:
    """Tell whether this is an address such as `s3://bucket/data.zarr` rather than a path.

    Parameters
    ----------
    path : str or Path
        A path or an address.
    """
    return "://" in str(path)


def located(path: str | Path) -> Path | str:
    """Return where a dataset is: a path, also for a `file://` address, or another address.

    Parameters
    ----------
    path : str or Path
        A path or an address.
    """
    if not is_address(path):
        return Path(path)
    scheme, _, rest = str(path).partition("://")
    if scheme != "file":
        return str(path)
    host, slash, name = rest.partition("/")
    local = host in ("", "localhost") and slash
    return Path(unquote(f"/{name}")) if local else str(path)


def local_path(argument: str, path: str | Path) -> Path:
    """Return the path of what is to be written.

    Parameters
    ----------
    argument : str
        Name of the argument.
    path : str or Path
        Where to write.

    Returns
    -------
    Path
        The path.

    Raises
    ------
    ArgumentError
        If it is an address.
    """
    if is_address(path):
        raise ArgumentError(
            argument,
            f"expected a path of a disk, since only reading takes addresses, found {path}",
        )
    return Path(path)


def open_container(
    path: str | Path, *, cache_bytes: int | None = None, threads: int | None = None
) -> Container:
    """Open a dataset's container, read only.

    Parameters
    ----------
    path : str or Path
        Folder of a Zarr group, or an HDF5 file. Also a zip file of a group, or
        an address that fsspec opens; these are read through zarr-python.
    cache_bytes : int, optional
        Bytes of decoded chunks to keep, 0 or more; by default 64 MiB, or 256 MiB if pictures
        are drawn.
    threads : int, optional
        Threads that decode at once, 1 or more; by default the usable cores, at
        most 8, or one in a worker process.

    Returns
    -------
    Container
        Zarr through its files or zarr-python, or HDF5.

    Raises
    ------
    NotADatasetError
        If there is nothing that can be read there.
    ValueError
        If `cache_bytes` or `threads` is out of its range.
    """
    stored = _open_checked(path, cache_bytes, threads)
    if _pictures_of(stored.attributes) != DRAWN:
        return stored
    if cache_bytes is None and isinstance(stored, DirectContainer):
        stored.keep(_DRAWN_CACHE_BYTES)
    return drawing(stored, threads)


def read_into_memory(
    path: str | Path, cache_bytes: int | None, threads: int | None, report: Report
) -> Snapshot:
    """Read a dataset into memory.

    Parameters
    ----------
    path : str or Path
        As for `open_container`.
    cache_bytes : int, optional
        As for `open_container`.
    threads : int, optional
        As for `open_container`.
    report : callable
        Takes a `Progress` now and then.

    Raises
    ------
    DatasetError
        If there is nothing that can be read, or it does not fit into memory.
    """
    from crafter_dataset.loader.memory.snapshot import take_snapshot

    stored = _open_checked(path, cache_bytes, threads)
    metadata = Metadata.from_attributes(stored.attributes, stored.name)
    return take_snapshot(stored, metadata, report)


def in_memory(snapshot: Snapshot, cache_bytes: int | None, threads: int | None) -> Container:
    """Return the container of a dataset that was read into memory.

    Parameters
    ----------
    snapshot : Snapshot
        The dataset.
    cache_bytes : int, optional
        As for `open_container`.
    threads : int, optional
        As for `open_container`.
    """
    from crafter_dataset.loader.memory.container import MemoryContainer

    cache_bytes = _CACHE_BYTES if cache_bytes is None else cache_bytes
    stored = MemoryContainer(snapshot, cache_bytes, threads or default_threads())
    return drawing(stored, threads) if _pictures_of(stored.attributes) == DRAWN else stored


def _open_checked(path: str | Path, cache_bytes: int | None, threads: int | None) -> Container:
    """Open what is there, as it is stored, if the arguments allow it."""
    for name, value, low in (("cache_bytes", cache_bytes, 0), ("threads", threads, 1)):
        if value is not None and (not isinstance(value, int) or value < low):
            raise ArgumentError(name, f"expected an integer of {low} or more, found {value!r}")
    path = located(path)
    if not is_address(path) and is_pointer(path):
        raise NotADatasetError(f"{path}: expected a Crafter dataset, found {POINTER}")
    return _open_stored(path, _CACHE_BYTES if cache_bytes is None else cache_bytes, threads)


def drawing(stored: Container, threads: int | None = None) -> Container:
    """Return a container that draws the frames of another one, also if that stores them as well.

    Parameters
    ----------
    stored : Container
        A dataset whose pictures are drawn.
    threads : int, optional
        As for `open_container`.
    """
    from crafter_dataset.loader.drawn.container import DrawnContainer

    metadata = Metadata.from_attributes(stored.attributes, stored.name)
    return DrawnContainer(stored, metadata, threads or default_threads())


def _pictures_of(attributes: Mapping[str, Any]) -> Any:
    """Return whether frames are stored or drawn; stored if the metadata is wrong in any way."""
    try:
        found = attributes[ATTRIBUTE].get("pictures", STORED)
    except (KeyError, TypeError, AttributeError):
        return STORED
    return STORED if found != STORED and any(metadata_violations(attributes)) else found


def _open_stored(path: Path | str, cache_bytes: int, threads: int | None) -> Container:
    """Open what is there, as it is stored."""
    # Imported here, so that importing the loader costs neither zarr-python's import nor h5py's.
    if is_address(path) or (Path(path).is_file() and str(path).lower().endswith(".zip")):
        from crafter_dataset.loader.zarr.remote import RemoteZarr

        return RemoteZarr(str(path))
    threads = default_threads() if threads is None else threads
    if Path(path).is_file() or (not Path(path).exists() and is_hdf5(Path(path))):
        from crafter_dataset.loader.hdf5 import LocalHdf5

        return LocalHdf5(Path(path), cache_bytes, threads)
    from crafter_dataset.loader.zarr.local import LocalZarr

    return LocalZarr(Path(path), cache_bytes, threads)
