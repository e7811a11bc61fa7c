"""Episodes as films: the frames alone, without the viewer's window."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.loader.dataset import Dataset
from crafter_dataset.loader.episode import Episode
from crafter_dataset.loader.export.errors import ExportError
from crafter_dataset.loader.export.pictures import write_film
from crafter_dataset.schemas.arithmetic import ceil_div

FPS = 20
"""Frames a second, as in the viewer."""

HEIGHT = 256
"""Least height of a film, in pixels."""

_BLOCK = 64
"""Frames that are read at once."""


def export_mp4(dataset: Dataset, path: Path) -> Iterator[int]:
    """Write episodes as MP4 films, which are lossy.

    Speed, size and frames are as for `export_gif`.

    Parameters
    ----------
    dataset : Dataset
        Episodes to export.
    path : Path
        File or folder to make, as for `export_gif`.

    Yields
    ------
    int
        Frames of each episode, once it is written.

    Raises
    ------
    ExportError
        If there are no episodes, or one has no frame.
    MissingPackageError
        If PyAV is not installed.
    """
    yield from _export(dataset, path, ".mp4")


def export_gif(dataset: Dataset, path: Path) -> Iterator[int]:
    """Write episodes as GIF films, which keep the most frequent colours of each picture.

    Films have 20 frames a second, enlarged by the smallest whole factor that
    makes them 256 pixels high. A final frame that was not recorded is left
    out.

    Parameters
    ----------
    dataset : Dataset
        Episodes to export.
    path : Path
        A single episode becomes this file; several become a folder, where
        episode 12 of the source is `episode_000012.gif`.

    Yields
    ------
    int
        Frames of each episode, once it is written.

    Raises
    ------
    ExportError
        If there are no episodes, or one has no frame.
    """
    yield from _export(dataset, path, ".gif")


def _export(dataset: Dataset, path: Path, suffix: str) -> Iterator[int]:
    if not len(dataset):
        raise ExportError(f"episodes: expected at least one, found none ({dataset.path})")
    for episode in dataset:
        if not _shown(episode):
            raise ExportError(
                f"episode {episode.id}: expected at least one recorded frame, found none "
                f"({dataset.path})"
            )
    if len(dataset) == 1:
        # The ending decides what is written, and a temporary name may have another.
        film = path if path.suffix == suffix else path.with_name(path.name + suffix)
        write_film(film, _pictures(dataset[0]), FPS)
        os.replace(film, path)
        yield dataset[0].length
        return
    path.mkdir()
    for episode in dataset:
        write_film(path / f"episode_{episode.id:06d}{suffix}", _pictures(episode), FPS)
        yield episode.length


def _shown(episode: Episode) -> int:
    """Count the frames that were recorded."""
    return episode.length - (not episode.has_final_frame)


def _pictures(episode: Episode) -> Iterator[NDArray[np.uint8]]:
    """Yield the frames, enlarged."""
    frames, stop = episode["frames"], _shown(episode)
    factor = ceil_div(HEIGHT, frames.shape[1])
    for start in range(0, stop, _BLOCK):
        for frame in frames.read(start, min(start + _BLOCK, stop)):
            yield frame.repeat(factor, 0).repeat(factor, 1)
