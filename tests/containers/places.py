"""Every place that datasets are read from: folder, file, zip file, and addresses."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import crafter_dataset

PLACES = ["zarr", "hdf5", "zip", "file", "memory"]
FOR_PROCESSES = PLACES[:-1]
"""Those that another process can open; what fsspec has in memory is the process's own."""


def folder_of(folder: Path, write: Callable[..., Any], *arguments: Any) -> Path:
    """Write a dataset into a folder, and return where it is."""
    write(folder / "data.zarr", *arguments)
    return folder / "data.zarr"


def put(place: str, data: Path, folder: Path) -> Path | str:
    """Put a dataset that is a Zarr folder to such a place, and return what one opens."""
    match place:
        case "hdf5":
            crafter_dataset.convert(data, folder / "data.h5")
            return folder / "data.h5"
        case "zip":
            return Path(shutil.make_archive(str(folder / "data"), "zip", data))
        case "file":
            return f"file://{data}"
        case "memory":
            import fsspec

            address = f"memory://{folder}/data.zarr"
            files, _ = fsspec.core.url_to_fs(address)
            files.put(str(data), f"{folder}/data.zarr", recursive=True)
            return address
    return data
