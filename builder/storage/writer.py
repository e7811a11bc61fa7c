"""Adds episodes to a dataset, in any container, so that a kill loses nothing committed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.builder.episodes import EncodedEpisode
from crafter_dataset.builder.storage.growing import (
    DamagedRowError,
    GrowingArray,
    ImageArray,
    RowArray,
)
from crafter_dataset.schemas.digests import dataset_digest
from crafter_dataset.schemas.errors import CorruptDataError
from crafter_dataset.schemas.layout import CUT, TABLE, padded_rows
from crafter_dataset.schemas.metadata import Counts, Metadata


class DatasetWriter(ABC):
    """The only writer of a dataset; the container's class makes one with `create` or `resume`.

    Parameters
    ----------
    path : Path
        The dataset.
    metadata : Metadata
        As committed.
    provenance : dict of str
        As stored.
    arrays : mapping of str to GrowingArray
        The arrays, by their paths inside the dataset.

    Attributes
    ----------
    path : Path
        The dataset.
    metadata : Metadata
        Of the dataset, its counts those of all episodes appended so far.
    provenance : dict of str
        What the next commit stores under `provenance`.
    """

    def __init__(
        self,
        path: Path,
        metadata: Metadata,
        provenance: dict[str, Any],
        arrays: Mapping[str, GrowingArray],
    ) -> None:
        self.path = path
        self.metadata = metadata
        self.provenance = provenance
        self._committed = metadata
        self._arrays = dict(arrays)
        self._retracted: Metadata | None = None
        self._images: dict[str, ImageArray] = {}
        self._rows: dict[str, RowArray] = {}
        self._table: dict[str, RowArray] = {}
        self._fixed: dict[str, RowArray] = {}
        for array in arrays.values():
            name = array.field.name
            if isinstance(array, ImageArray):
                self._images[name] = array
            elif isinstance(array, RowArray):
                field = array.field
                kind = self._rows if field.per_frame else self._table
                (self._fixed if field.fixed else kind)[name] = array

    @property
    def committed(self) -> Metadata:
        """The metadata that a reader sees."""
        return self._committed

    @property
    @abstractmethod
    def nbytes(self) -> int:
        """Bytes that the dataset takes, with images that are not yet committed."""

    @property
    def last_was_cut(self) -> bool:
        """Whether the last episode was cut by the collection."""
        episodes = self.metadata.counts.episodes
        return episodes > 0 and self.read_table("end_reasons", episodes - 1, episodes)[0] == CUT

    def read_table(self, name: str, start: int, stop: int) -> NDArray[Any]:
        """Read rows of a per-episode array.

        Parameters
        ----------
        name : str
            The field's name.
        start, stop : int
            First episode, and the one after the last.

        Returns
        -------
        ndarray, shape (stop - start, ...)
            Of the field's dtype and row shape.
        """
        array = self._arrays[f"{TABLE}/{name}"]
        assert isinstance(array, RowArray)
        return array.read(start, stop)

    @property
    def is_filled(self) -> bool:
        """Whether the arrays that all pictures are drawn with are there, if there are any."""
        return all(array.rows for array in self._fixed.values())

    def fill(self, pictures: Mapping[str, NDArray[Any]]) -> None:
        """Write the arrays that all pictures are drawn with.

        Parameters
        ----------
        pictures : mapping of str to ndarray
            Each of `schemas.layout.PICTURE_FIELDS`, of its dtype and the shape that it has here.
        """
        for name, array in self._fixed.items():
            array.append(pictures[name])

    def draws_with(self, pictures: Mapping[str, NDArray[Any]]) -> bool:
        """Tell whether that is what all pictures are drawn with here; true if they are stored.

        Parameters
        ----------
        pictures : mapping of str to ndarray
            As for `fill`.
        """
        return all(
            array.read(0, array.rows).tobytes() == pictures[name].tobytes()
            for name, array in self._fixed.items()
        )

    def append(self, episode: EncodedEpisode) -> None:
        """Add the next episode; it is part of the dataset after the next commit.

        Parameters
        ----------
        episode : EncodedEpisode
            With all that the dataset stores of an episode.
        """
        counts, chunk_frames = self.metadata.counts, self.metadata.chunk_frames
        stop = counts.rows + padded_rows(episode.length, chunk_frames)
        rows = episode.rows | {"episode_ids": np.full(episode.length, episode.episode, np.int32)}
        table = episode.table_row(counts.rows)
        for name, images in self._images.items():
            images.append(episode.chunks[name])
        for name, array in self._rows.items():
            array.append(rows[name])
            array.pad_to(stop)
        for name, array in self._table.items():
            array.append_row(table[name])
        grown = Counts(counts.episodes + 1, counts.frames + episode.length, stop)
        self.metadata = self.metadata.with_counts(grown, "building", None)

    def commit(self, complete: bool = False) -> None:
        """Make all appended episodes part of the dataset, durably.

        Parameters
        ----------
        complete : bool
            Whether the dataset is then complete, and gets its digest.
        """
        if self._retracted and self._retracted.counts == self.metadata.counts:
            self.save_provenance()
            return  # Nothing has replaced the episode that was taken back.
        for array in self._arrays.values():
            array.flush()
        if complete:
            digest = dataset_digest(self.metadata, self.read_table)
            self.metadata = self.metadata.with_counts(self.metadata.counts, "complete", digest)
        self._publish()
        self._committed = self.metadata
        self._retracted = None

    def retract_last(self) -> None:
        """Take the last episode back, to be done again; only before any was appended.

        Readers see it until another one replaces it.

        Raises
        ------
        RuntimeError
            If an episode was appended.
        """
        if self.metadata.counts != self._committed.counts:
            raise RuntimeError("retract_last: expected a dataset just resumed, found new episodes")
        counts = self.metadata.counts
        last = counts.episodes - 1
        start = int(self.read_table("starts", last, last + 1)[0])
        length = int(self.read_table("lengths", last, last + 1)[0])
        self.metadata = self.metadata.with_counts(
            Counts(last, counts.frames - length, start), "building", None
        )
        self._restore_all()
        self._retracted = self.metadata

    @abstractmethod
    def save_provenance(self) -> None:
        """Make `provenance` durable; the content stays as it is committed."""

    @abstractmethod
    def close(self) -> None:
        """Release what the writer holds; what is not committed is lost."""

    @abstractmethod
    def _publish(self) -> None:
        """Make what is flushed durable, and then visible to readers."""

    def _restore_all(self) -> None:
        """Go on with all arrays after the rows that `metadata` counts."""
        counts = self.metadata.counts
        # Per-episode arrays come first: they say which episode another array's damage is in.
        for array in reversed(self._arrays.values()):
            rows = self.metadata.rows_of(array.field)
            if array.field.fixed and not counts.episodes:
                rows = 0  # it may have been killed before they were written
            try:
                array.restore(rows)
            except CorruptDataError as error:
                starts = self.read_table("starts", 0, counts.episodes)
                row = error.row if isinstance(error, DamagedRowError) else rows
                episode = max(int(np.searchsorted(starts, row, side="right")) - 1, 0)
                raise CorruptDataError(
                    f"{array.field.path}: {error}, in episode {episode} ({self.path})"
                ) from error
