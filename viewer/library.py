"""The datasets of a viewer, and the threads that read for it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.loader.dataset import Dataset
from crafter_dataset.loader.summary import reached_achievements
from crafter_dataset.viewer.events import Counted, Event, Grown, Told
from crafter_dataset.viewer.reader import EpisodeReader, Shot, read_images
from crafter_dataset.viewer.shelf import Shelf
from crafter_dataset.viewer.state import State
from crafter_dataset.viewer.track import READING_FAILS, Track

COUNTED_AT_ONCE = 2_000
"""Episodes whose achievements are read before checking whether the user has left."""

FOLLOW_SECONDS = 1.0
"""Least time between checks whether a dataset has grown."""


def _decode(dataset: Dataset, row: int, frame: int, semantic: bool) -> None:
    """Decode a frame's chunks into the dataset's cache; damage is reported when it is shown."""
    episode = dataset[row]
    read_images(episode, min(frame, episode.length - 1), semantic, [])


def _decode_terrain(dataset: Dataset, row: int) -> None:
    _ = dataset[row].terrain


class Library:
    """The datasets of a viewer, and a thread that reads ahead, follows and counts for it.

    Parameters
    ----------
    paths : iterable of str or Path
        The datasets.

    Attributes
    ----------
    readers : list of EpisodeReader
        One for each dataset.

    Raises
    ------
    DatasetError
        If one of them is not a dataset.
    """

    def __init__(self, paths: Iterable[str | Path]) -> None:
        listed = list(paths)
        self.readers = [EpisodeReader(path, len(listed)) for path in listed]
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
        """Return the episodes of all datasets, a shelf for each."""
        return tuple(reader.shelf() for reader in self.readers)

    def track(self, state: State) -> Track | None:
        """Read the small fields of the episode shown.

        Meanwhile the images of its frame are decoded into the cache, so that
        slow files are waited for together.

        Parameters
        ----------
        state : State
            What is shown.

        Returns
        -------
        Track or None
            None if no episode is shown.
        """
        if state.row is None:
            return None
        reader, shown = self.readers[state.dataset], state.panels.map == "now"
        jobs = [
            self._readers.submit(_decode, reader.dataset, state.row, state.frame, shown),
            self._readers.submit(_decode_terrain, reader.dataset, state.row),
        ]
        track = reader.track(state.row)
        wait(jobs)
        return track

    def shot(self, state: State) -> Shot | None:
        """Read the images of the frame shown.

        Parameters
        ----------
        state : State
            What is shown.

        Returns
        -------
        Shot or None
            None if no episode is shown.
        """
        if state.row is None or not state.length:
            return None
        reader = self.readers[state.dataset]
        return reader.shot(state.row, state.frame, state.panels.map == "now")

    def read_ahead(self, state: State) -> None:
        """Let the thread decode the next chunk in the direction of play, if it is idle.

        Parameters
        ----------
        state : State
            What is shown.
        """
        if state.row is None or (self._ahead is not None and not self._ahead.done()):
            return
        dataset = self.readers[state.dataset].dataset
        size = dataset.metadata.chunk_frames
        chunk = state.frame // size + state.direction
        aim = state.dataset, state.row, chunk
        if aim != self._aimed and 0 <= chunk * size < state.length:
            self._aimed = aim
            semantic = state.panels.map == "now"
            self._ahead = self._thread.submit(_decode, dataset, state.row, chunk * size, semantic)

    def news(self, state: State) -> list[Event]:
        """Return what the thread has found out since the last call, and let it look for more.

        Parameters
        ----------
        state : State
            What is shown.
        """
        # One after the other: what was counted belongs to the dataset as the state knows it.
        return list(self._counted(state)) or list(self._followed(state))

    def _counted(self, state: State) -> Iterable[Event]:
        for index, shelf in enumerate(state.shelves):
            if shelf.counting and index not in self._counting:
                dataset = self.readers[index].dataset
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

    def _look(self, reader: EpisodeReader) -> Dataset | None:
        begun = time.monotonic()
        try:
            return reader.grown()
        finally:
            # A slow place, such as an address, is checked less often.
            now = time.monotonic()
            self._next_look = now + max(FOLLOW_SECONDS, 10 * (now - begun))

    def _followed(self, state: State) -> Iterable[Event]:
        if self._following is None:
            if time.monotonic() >= self._next_look:
                future = self._thread.submit(self._look, self.readers[state.dataset])
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
            yield Grown(index, self.readers[index].take(dataset, state.shelves[index]))

    def close(self) -> None:
        """Stop the threads."""
        self._closing = True
        self._thread.shutdown(cancel_futures=True)
        self._readers.shutdown()
