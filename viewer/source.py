"""What the viewer reads of datasets: chunks around the frame shown, and no others."""

from __future__ import annotations

import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loader.container import is_address
from loader.dataset import Dataset, open_dataset
from loader.episode import Episode
from loader.summary import reached_achievements
from schemas.errors import DatasetError
from schemas.layout import FRAME_FIELDS
from viewer.events import Counted, Event, Grown, Told
from viewer.shelf import Shelf
from viewer.state import State
from viewer.track import Track

CACHE_BYTES = 16 * 2**20
"""Decoded chunks that are kept, of all datasets: about a thousand frames with semantic maps."""

COUNTED_AT_ONCE = 2_000
"""Episodes whose achievements are looked at before it is asked whether the user has left."""

READING_FAILS = (DatasetError, OSError)
"""What reading may raise; it is shown in the place of what was to be read."""

FOLLOW_SECONDS = 1.0
"""How often it is asked whether a dataset has grown, at most."""


@dataclass(frozen=True, eq=False)
class Shot:
    """The images of one frame.

    Parameters
    ----------
    frame : ndarray, shape (height, width, 3), uint8, or None
        The picture; None if it is damaged.
    semantic : ndarray, shape area, uint8, or None
        The semantic map; None if it is absent, damaged or not shown.
    terrain : ndarray, shape area, uint8, or None
        The world at reset; None if it is damaged.
    problems : tuple of str
        What could not be read, a line each.
    """

    frame: NDArray[np.uint8] | None
    semantic: NDArray[np.uint8] | None
    terrain: NDArray[np.uint8] | None
    problems: tuple[str, ...] = ()


class Source:
    """Reads one dataset for the viewer.

    Parameters
    ----------
    path : str or Path
        The dataset.
    shares : int
        Datasets that share the bytes of the cache.

    Raises
    ------
    DatasetError
        If there is none.
    """

    def __init__(self, path: str | Path, shares: int = 1) -> None:
        self.path, self._shares = path, shares
        self.dataset = _open(path, shares)
        self._terrain: tuple[int, NDArray[np.uint8] | None, str] | None = None

    def shelf(self) -> Shelf:
        """Give the dataset's episodes, by number."""
        return Shelf(str(self.path), self.dataset.metadata, self.dataset.episodes)

    def track(self, row: int) -> Track:
        """Read the small fields of an episode; what is damaged is told in it."""
        dataset = self.dataset
        try:
            return Track.read(dataset[row], dataset.metadata)
        except READING_FAILS as error:
            number, length = (
                int(dataset.episodes[name][row]) for name in ("episode_ids", "lengths")
            )
            return Track(number, length, "damaged", {}, dataset.metadata, (str(error),))

    def shot(self, row: int, frame: int, semantic: bool = True) -> Shot:
        """Read the images of a frame; decodes a chunk of each, unless it is in the cache."""
        problems: list[str] = []
        try:
            episode = self.dataset[row]
        except READING_FAILS as error:
            return Shot(None, None, None, (str(error),))
        picture, ids = _images(episode, frame, semantic, problems)
        return Shot(picture, ids, self._terrain_of(episode, problems), tuple(problems))

    def _terrain_of(self, episode: Episode, problems: list[str]) -> NDArray[np.uint8] | None:
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
        """Open the dataset again, if there is more of it; a complete one may be extended."""
        folder = not is_address(self.path) and Path(self.path).is_dir()
        if self.dataset.metadata.status != "building" and not folder:
            return None
        now = _open(self.path, self._shares)
        old, new = self.dataset.metadata, now.metadata
        return None if (new.counts, new.status) == (old.counts, old.status) else now

    def take(self, dataset: Dataset, shelf: Shelf) -> Shelf:
        """Read a dataset that was opened again from now on, and give its shelf.

        What is sorted and filtered stays so, unless it is another dataset in
        the place of the first. A last episode that was cut is done again when
        a dataset is extended, and is missing meanwhile.
        """
        old, self.dataset, self._terrain = self.dataset, dataset, None
        length = min(len(old), len(dataset))
        differ = np.flatnonzero(old.episodes[:length] != dataset.episodes[:length])
        same = int(differ[0]) if len(differ) else length
        if dataset.metadata.header() != old.metadata.header() or same < len(old) - 1:
            return self.shelf()
        reached = None if shelf.reached is None else shelf.reached[:same]
        return replace(shelf, metadata=dataset.metadata, table=dataset.episodes, reached=reached)


def _open(path: str | Path, shares: int) -> Dataset:
    dataset = open_dataset(path, cache_bytes=CACHE_BYTES // shares, threads=1)
    # The chunks of the frame shown, those read ahead, and the episode's small fields.
    sizes, rows = dataset.metadata.sizes(), dataset.metadata.chunk_frames
    needed = 3 * rows * sum(FRAME_FIELDS[name].row_bytes(sizes) for name in ("frames", "semantic"))
    if needed <= CACHE_BYTES // shares:
        return dataset
    return open_dataset(path, cache_bytes=needed, threads=1)


def _images(episode: Episode, frame: int, semantic: bool, problems: list[str]) -> tuple[Any, Any]:
    """Read picture and semantic map of a frame."""
    picture = _row(episode, "frames", frame, problems)
    wanted = semantic and "semantic" in episode
    return picture, _row(episode, "semantic", frame, problems) if wanted else None


def _row(episode: Episode, name: str, frame: int, problems: list[str]) -> Any:
    try:
        return episode[name][frame]
    except READING_FAILS as error:
        problems.append(str(error))
        return None


def _decode(dataset: Dataset, row: int, frame: int, semantic: bool) -> None:
    """Decode a frame's chunks into the dataset's cache; damage is left for the frame to tell."""
    episode = dataset[row]
    _images(episode, min(frame, episode.length - 1), semantic, [])


def _decode_terrain(dataset: Dataset, row: int) -> None:
    _ = dataset[row].terrain


class Library:
    """The datasets of a viewer, and a thread that reads ahead, follows and counts for it.

    Parameters
    ----------
    paths : iterable of str or Path
        The datasets.

    Raises
    ------
    DatasetError
        If one of them is none.
    """

    def __init__(self, paths: Iterable[str | Path]) -> None:
        listed = list(paths)
        self.sources = [Source(path, len(listed)) for path in listed]
        self._thread = ThreadPoolExecutor(1, "viewer")
        self._readers = ThreadPoolExecutor(2, "viewer-reader")
        self._ahead: Future[None] | None = None
        self._aimed: tuple[int, int, int] | None = None
        self._counting: dict[int, Future[NDArray[np.bool_]]] = {}
        self._following: tuple[int, Future[Dataset | None]] | None = None
        self._next_look = time.monotonic() + FOLLOW_SECONDS
        self._closing = False
        self._trouble = ""

    def shelves(self) -> tuple[Shelf, ...]:
        """Give the episodes of all datasets."""
        return tuple(source.shelf() for source in self.sources)

    def track(self, state: State) -> Track | None:
        """Read the small fields of the episode shown; None if there is none.

        Meanwhile the images of its frame are decoded into the cache: files that
        the system does not have at hand are waited for together.
        """
        if state.row is None:
            return None
        source, shown = self.sources[state.dataset], state.panels.map == "now"
        jobs = [
            self._readers.submit(_decode, source.dataset, state.row, state.frame, shown),
            self._readers.submit(_decode_terrain, source.dataset, state.row),
        ]
        track = source.track(state.row)
        wait(jobs)
        return track

    def shot(self, state: State) -> Shot | None:
        """Read the images of the frame shown; None if there is none."""
        if state.row is None or not state.length:
            return None
        source = self.sources[state.dataset]
        return source.shot(state.row, state.frame, state.panels.map == "now")

    def read_ahead(self, state: State) -> None:
        """Let the thread decode the next chunk in the direction of play, if it is idle."""
        if state.row is None or (self._ahead is not None and not self._ahead.done()):
            return
        dataset = self.sources[state.dataset].dataset
        size = dataset.metadata.chunk_frames
        chunk = state.frame // size + state.direction
        aim = state.dataset, state.row, chunk
        if aim != self._aimed and 0 <= chunk * size < state.length:
            self._aimed = aim
            semantic = state.panels.map == "now"
            self._ahead = self._thread.submit(_decode, dataset, state.row, chunk * size, semantic)

    def news(self, state: State) -> list[Event]:
        """Give what the thread has found out since, and let it look for more."""
        # One after the other: what was counted belongs to the dataset as the state knows it.
        return list(self._counted(state)) or list(self._followed(state))

    def _counted(self, state: State) -> Iterable[Event]:
        for index, shelf in enumerate(state.shelves):
            if shelf.counting and index not in self._counting:
                dataset = self.sources[index].dataset
                self._counting[index] = self._thread.submit(self._count, dataset)
        for index in [i for i, future in self._counting.items() if future.done()]:
            future = self._counting.pop(index)
            try:
                yield Counted(index, future.result())
            except READING_FAILS as error:
                shelf = replace(state.shelves[index], achievement=None)
                yield Grown(index, shelf)
                yield Told(f"cannot filter by achievement: {error}")

    def _count(self, dataset: Dataset) -> NDArray[np.bool_]:
        parts = [np.zeros((0, len(dataset.metadata.achievements)), np.bool_)]
        for first in range(0, len(dataset), COUNTED_AT_ONCE):
            if self._closing:
                break
            parts.append(reached_achievements(dataset[first : first + COUNTED_AT_ONCE]))
        return np.concatenate(parts)

    def _look(self, source: Source) -> Dataset | None:
        begun = time.monotonic()
        try:
            return source.grown()
        finally:
            # A slow place, such as an address, is looked at less often.
            now = time.monotonic()
            self._next_look = now + max(FOLLOW_SECONDS, 10 * (now - begun))

    def _followed(self, state: State) -> Iterable[Event]:
        if self._following is None:
            if time.monotonic() >= self._next_look:
                future = self._thread.submit(self._look, self.sources[state.dataset])
                self._following = state.dataset, future
            return
        index, future = self._following
        if not future.done():
            return
        self._following = None
        try:
            dataset = future.result()
        except READING_FAILS as error:
            if str(error) != self._trouble:
                yield Told(str(error))
            self._trouble = str(error)
            return
        self._trouble = ""
        if dataset is not None:
            self._counting.pop(index, None)  # it may be another dataset
            yield Grown(index, self.sources[index].take(dataset, state.shelves[index]))

    def close(self) -> None:
        """Stop the threads."""
        self._closing = True
        self._thread.shutdown(cancel_futures=True)
        self._readers.shutdown()
