"""From a path to a container."""

from __future__ import annotations

from pathlib import Path

from schemas.container import Container


def open_container(path: str | Path) -> Container:
    """Open a dataset's container, read only.

    Parameters
    ----------
    path : str or Path
        Folder of a Zarr group.

    Raises
    ------
    NotADatasetError
        If there is nothing that can be read there.
    """
    # Here, so that importing the loader does not cost zarr-python's import.
    from loader.zarr_container import ZarrContainer

    return ZarrContainer(Path(path))
