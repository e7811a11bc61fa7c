"""Reading for the viewer: only chunks around the frame shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.loader.container import is_address
from crafter_dataset.loader.dataset import Dataset, open_dataset
from crafter_dataset.loader.episode import Episode
from crafter_dataset.schemas.layout import FRAME_FIELDS
from crafter_dataset.viewer.shelf import Shelf
from crafter_dataset.viewer.track import READING_FAILS, Track

CACHE_BYTES = 16 * 2**20
"""Bytes of decoded chunks of all datasets: about a thousand frames with semantic maps."""


@dataclass(frozen=True, eq=False)
class Shot:
    """The images of one frame.

    Parameters
    ----------
    frame : ndarray, shape (height, width, 3), uint8, or None
        The picture, RGB; None if it is damaged.
    semantic : ndarray, shape `area`, uint8, or None
        The semantic map, indexed [x, y]; None if it is absent, damaged or not
        shown.
    terrain : ndarray, shape `area`, uint8, or None
        The world at reset, indexed [x, y]; None if it is absent or damaged.
    problems : tuple of str
        What could not be read, a line each.
    """

    frame: NDArray[np.uint8] | None
    semantic: NDArray[np.uint8] | None
    terrain: NDArray[np.uint8] | None
    problems: tuple[str, ...] = ()


class EpisodeReader:
    """Reads one dataset for the viewer.

    Parameters
    ----------
    path : str or Path
        The dataset.
    shares : int
        Number of datasets that share the bytes of the cache.

    Attributes
    ----------
    path : str or Path
        Where the dataset is.
    dataset : Dataset
        The dataset as it was opened last.

    Raises
    ------
    DatasetError
        If there is no dataset.
    """

    def __init__(self, path: str | Path, shares: int = 1) -> None:
        self.path, self._shares = path, shares
        self.dataset = _open(path, shares)
        self._terrain: tuple[int, NDArray[np.uint8] | None, str] | None = None

    def shelf(self) -> Shelf:
        """Return the dataset's episodes, by number."""
        return Shelf(str(self.path), self.dataset.metadata, self.dataset.episodes.records)

    def track(self, row: int) -> Track:
        """Read the small fields of an episode, with a note of what is damaged.

        Parameters
        ----------
        row : int
            Row of the episode in the dataset's table.

        Returns
        -------
        Track
            The fields; none, if the episode cannot be read.
        """
        dataset = self.dataset
        try:
            track = Track.read(dataset[row], dataset.metadata)
            if len(dataset.episodes.policies) < 2:
                return track
            return replace(track, policy=str(dataset.episodes["policy"][row]))
        except READING_FAILS as error:
            number, length = (
                int(dataset.episodes[name][row]) for name in ("episode_ids", "lengths")
            )
            return Track(number, length, "damaged", {}, dataset.metadata, (str(error),))

    def shot(self, row: int, frame: int, semantic: bool = True) -> Shot:
        """Read the images of a frame; decodes a chunk of each, unless it is in the cache.

        Parameters
        ----------
        row : int
            Row of the episode in the dataset's table.
        frame : int
            Number of the frame.
        semantic : bool
            Whether to read the semantic map too.

        Returns
        -------
        Shot
            The images, and what could not be read.
        """
        problems: list[str] = []
        try:
            episode = self.dataset[row]
        except READING_FAILS as error:
            return Shot(None, None, None, (str(error),))
        picture, ids = read_images(episode, frame, semantic, problems)
        return Shot(picture, ids, self._terrain_of(episode, problems), tuple(problems))

    def _terrain_of(self, episode: Episode, problems: list[str]) -> NDArray[np.uint8] | None:
        if "terrain" not in self.dataset.metadata.episode_fields:
            return None
        if self._terrain is None or self._terrain[0] != episode.id:
            try:
                self._terrain = episode.id, episode.terrain, ""
            except READING_FAILS as error:
                self._terrain = episode.id, None, str(error)
        _, terrain, problem = self._terrain
        if problem:
            problems.append(problem)
        return terrain

    def grown(self) -> Dataset | None:
        """Open the dataset again if it has changed; a complete one may be extended.

        Returns
        -------
        Dataset or None
            None if it has not changed, or is a complete one that is not local.
        """
        local = not is_address(self.path) and Path(self.path).suffix.lower() != ".zip"
        if self.dataset.metadata.status != "building" and not local:
            return None
        now = _open(self.path, self._shares)
        old, new = self.dataset.metadata, now.metadata
        return None if (new.counts, new.status) == (old.counts, old.status) else now

    def take(self, dataset: Dataset, shelf: Shelf) -> Shelf:
        """Read a dataset that was opened again from now on, and return its shelf.

        Order and filters stay, unless another dataset has taken the place of the
        first. When a dataset is extended, a last episode that was cut is built
        again, and is missing meanwhile.

        Parameters
        ----------
        dataset : Dataset
            What `grown` returned.
        shelf : Shelf
            The shelf so far.

        Returns
        -------
        Shelf
            The new one.
        """
        old, self.dataset, self._terrain = self.dataset, dataset, None
        length = min(len(old), len(dataset))
        differ = np.flatnonzero(old.episodes[:length] != dataset.episodes[:length])
        same = int(differ[0]) if len(differ) else length
        if dataset.metadata.header() != old.metadata.header() or same < len(old) - 1:
            return self.shelf()
        reached = None if shelf.reached is None else shelf.reached[:same]
        return replace(
            shelf, metadata=dataset.metadata, table=dataset.episodes.records, reached=reached
        )


def _open(path: str | Path, shares: int) -> Dataset:
    dataset = open_dataset(path, cache_bytes=CACHE_BYTES // shares, threads=1)
    # The chunks of the frame shown, those read ahead, and the episode's small fields.
    sizes, rows = dataset.metadata.sizes(), dataset.metadata.chunk_frames
    needed = 3 * rows * sum(FRAME_FIELDS[name].row_bytes(sizes) for name in ("frames", "semantic"))
    if needed <= CACHE_BYTES // shares:
        return dataset
    return open_dataset(path, cache_bytes=needed, threads=1)


def read_images(
    episode: Episode, frame: int, semantic: bool, problems: list[str]
) -> tuple[Any, Any]:
    """Read picture and semantic map of a frame.

    Parameters
    ----------
    episode : Episode
        The episode.
    frame : int
        Number of the frame.
    semantic : bool
        Whether to read the semantic map.
    problems : list of str
        Takes what could not be read, a line each.

    Returns
    -------
    picture : ndarray, shape (height, width, 3), uint8, or None
        RGB; None if it is damaged.
    semantic : ndarray, shape `area`, uint8, or None
        Indexed [x, y]; None if it is absent, damaged or not wanted.
    """
    picture = _row(episode, "frames", frame, problems)
    wanted = semantic and "semantic" in episode
    return picture, _row(episode, "semantic", frame, problems) if wanted else None


def _row(episode: Episode, name: str, frame: int, problems: list[str]) -> Any:
    try:
        return episode[name][frame]
    except READING_FAILS as error:
        problems.append(str(error))
        return None
