"""The formats of other projects that datasets can be exported to: whole, or not at all."""

from __future__ import annotations

import errno
import importlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TypeAlias

from crafter_dataset.loader.dataset import Dataset
from crafter_dataset.loader.export.errors import ExportError
from crafter_dataset.schemas.errors import ArgumentError
from crafter_dataset.schemas.progress import Progress, Report, ignore
from crafter_dataset.schemas.wording import one_line

Export: TypeAlias = Callable[[Dataset, Path], Iterator[int]]
"""Writes episodes to a path where nothing is, and yields the frames of each once it is written."""

FORMATS: dict[str, str] = {
    "diamond": "diamond:export",
    "iris": "iris:export",
    "dreamer": "dreamer:export",
    "minari": "minari:export",
    "lerobot": "lerobot:export",
    "replay-buffer": "replay_buffer:export",
    "npz": "npz:export",
    "mp4": "films:export_mp4",
    "gif": "films:export_gif",
}
"""Formats, and where in this package each is written."""

FILMS = ("mp4", "gif")
"""Formats in which a single episode is one file."""

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""What file systems without locks answer."""


def find_export(kind: str) -> Export:
    """Import the function that writes a format.

    Parameters
    ----------
    kind : str
        One of `FORMATS`.

    Returns
    -------
    callable
        Takes a `Dataset` and a `Path`, and yields the frames of each episode.

    Raises
    ------
    ArgumentError
        If there is no such format.
    """
    if kind not in FORMATS:
        raise ArgumentError("to", f"expected one of {', '.join(FORMATS)}, found {kind!r}")
    module, _, name = FORMATS[kind].partition(":")
    package = __name__.rpartition(".")[0]
    export: Export = getattr(importlib.import_module(f"{package}.{module}"), name)
    return export


def export_dataset(
    dataset: Dataset,
    path: Path,
    kind: str,
    *,
    overwrite: bool = False,
    on_progress: Report = ignore,
    should_stop: Callable[[], bool] = lambda: False,
) -> bool:
    """Write episodes in the format of another project.

    Parameters
    ----------
    dataset : Dataset
        The episodes.
    path : Path
        Where to write; nothing may be there.
    kind : str
        One of `FORMATS`.
    overwrite : bool
        Whether to replace a film of one episode that is there.
    on_progress : callable
        Called with a `Progress` after each episode.
    should_stop : callable
        Called after each episode; true stops, and leaves nothing.

    Returns
    -------
    bool
        Whether all was written; false if it was stopped.

    Raises
    ------
    ArgumentError
        If there is no such format, or something is at the path.
    ExportError
        If the format cannot hold the episodes, or they cannot be written.
    MissingPackageError
        If a package that the format needs is not installed.
    """
    export = find_export(kind)
    is_film = kind in FILMS and len(dataset) == 1
    replaces = overwrite and is_film
    _check_free(path, replaces)
    path.parent.mkdir(parents=True, exist_ok=True)
    # A folder that nobody else uses; absolute, whatever other packages make of it.
    folder = Path(tempfile.mkdtemp(".partial", ".crafter-dataset.", path.absolute().parent))
    try:
        whole = _write(dataset, folder / path.name, export, on_progress, should_stop)
        if whole:
            _check_free(path, replaces)  # somebody else may have been faster
            (folder / path.name).replace(path)
    except (OSError, RuntimeError) as error:  # h5py and PyTorch raise the latter for a full disk
        if isinstance(error, RuntimeError) or not error.filename:
            locks = isinstance(error, OSError) and error.errno in _NO_LOCKS
            hint = "; HDF5_USE_FILE_LOCKING=FALSE does without locks" if locks else ""
            problem = f"{path}: expected to write it, found: {one_line(error)}{hint}"
            raise ExportError(problem) from error
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return whole


def _check_free(path: Path, replaces: bool) -> None:
    if os.path.lexists(path) and not (replaces and path.is_file() and not path.is_symlink()):
        raise ArgumentError("out", f"expected a path where nothing is, found something at {path}")


def _write(
    dataset: Dataset,
    path: Path,
    export: Export,
    on_progress: Report,
    should_stop: Callable[[], bool],
) -> bool:
    """Export with progress; return False if it was stopped."""
    begun, frames = time.monotonic(), 0
    with closing(export(dataset, path)) as written:  # type: ignore[type-var]
        for episodes, count in enumerate(written, 1):
            frames += count
            seconds = time.monotonic() - begun
            on_progress(Progress("episodes", len(dataset), episodes, frames, 0, frames, seconds))
            if episodes < len(dataset) and should_stop():
                return False
    return True
