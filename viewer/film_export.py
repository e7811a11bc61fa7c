"""Episodes as films: the frames alone, without the viewer's window."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.loader.dataset import Dataset
from crafter_dataset.loader.episode import Episode
from crafter_dataset.loader.export.errors import ExportError
from crafter_dataset.viewer.files import FILMS, write_film

FPS = 20
"""Frames a second, as in the viewer."""

HEIGHT = 256
"""Pixels that a film is high, at least."""

_BLOCK = 64
"""Frames that are read at once."""


def exporter(suffix: str) -> Callable[[Dataset, Path], Iterator[int]]:
    """Give the `export` of a format of films.

    Parameters
    ----------
    suffix : str
        Ending of the files, one of `viewer.files.FILMS`: `.gif` or `.mp4`.

    Returns
    -------
    callable
        `export(dataset, path)` writes films of 20 frames a second, enlarged
        by the smallest whole factor that makes them 256 pixels high. A single
        episode becomes the file `path`; several become a folder, where episode
        12 of the source is `episode_000012.mp4`. It yields the number of
        frames after each episode. An MP4 is lossy; a GIF keeps the most
        frequent colours of each picture. A final frame that was not recorded
        is left out.

        It raises `ExportError` if there are no episodes, or one has no frame;
        and `viewer.files.MissingPackageError` if PyAV is needed, for MP4, and
        not installed.

    Raises
    ------
    ValueError
        If the ending is none of a film.
    """
    if suffix not in FILMS:
        raise ValueError(f"suffix: expected one of {', '.join(FILMS)}, found {suffix!r}")

    def export(dataset: Dataset, path: Path) -> Iterator[int]:
        if not len(dataset):
            raise ExportError(f"episodes: expected at least one, found none ({dataset.path})")
        for episode in dataset:
            if not _shown(episode):
                raise ExportError(
                    f"episode {episode.id}: expected at least one recorded frame, found none "
                    f"({dataset.path})"
                )
        if len(dataset) == 1:
            # The ending says what is written, and a temporary name may have another.
            film = path if path.suffix == suffix else path.with_name(path.name + suffix)
            write_film(film, _pictures(dataset[0]), FPS)
            os.replace(film, path)
            yield dataset[0].length
            return
        path.mkdir()
        for episode in dataset:
            write_film(path / f"episode_{episode.id:06d}{suffix}", _pictures(episode), FPS)
            yield episode.length

    return export


def _shown(episode: Episode) -> int:
    """Count the frames that were recorded."""
    return episode.length - (not episode.has_final_frame)


def _pictures(episode: Episode) -> Iterator[NDArray[np.uint8]]:
    """Yield the frames, enlarged."""
    frames, stop = episode["frames"], _shown(episode)
    factor = -(-HEIGHT // frames.shape[1])
    for start in range(0, stop, _BLOCK):
        for frame in frames.read(start, min(start + _BLOCK, stop)):
            yield frame.repeat(factor, 0).repeat(factor, 1)
