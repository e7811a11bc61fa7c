"""The rows that lanes are drawn into: each one's episode has its own part of a few arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.builder.episodes import (
    EncodedEpisode,
    EpisodeEncoder,
    block_rows,
    image_encoders,
    make_room,
)
from crafter_dataset.engine.rows import Done, Seen
from crafter_dataset.schemas.layout import FRAME_FIELDS, STORED
from crafter_dataset.schemas.metadata import Metadata


class LaneRows:
    """Rows of the episodes that lanes are in, and where each lane writes next.

    Parameters
    ----------
    metadata : Metadata
        Of the dataset.
    lanes : int
        Number of lanes.

    Attributes
    ----------
    seen, done : Seen, Done
        All rows of all lanes; with everything that is to be seen, stored or not.
    stated : dict of str to ndarray
        All rows of all lanes of what the policy states beside its actions, by name.
    images, rows : ndarray, shape (lanes,), int64
        Each lane's open row, of pictures and maps, and of small fields.
    """

    def __init__(self, metadata: Metadata, lanes: int) -> None:
        extras = [extra.name for extra in metadata.extras]
        drawn = metadata.pictures != STORED
        seen = [name for name in Seen._fields if drawn or not FRAME_FIELDS[name].drawn]
        arrays = make_room(metadata, (*seen, *Done._fields, *extras), lanes)
        self.stated = {name: arrays[name] for name in extras}
        self.seen, self.done = Seen.over(arrays), Done(*(arrays[name] for name in Done._fields))
        sizes = {name: len(values) // lanes for name, values in arrays.items()}
        encode = image_encoders(metadata)
        self._encoders = [
            EpisodeEncoder(
                metadata,
                {
                    name: values[lane * sizes[name] : (lane + 1) * sizes[name]]
                    for name, values in arrays.items()
                },
                encode,
            )
            for lane in range(lanes)
        ]
        numbers = np.arange(lanes)
        self._first_image, self._first_row = (
            numbers * metadata.chunk_frames,
            numbers * block_rows(metadata),
        )
        self.images, self.rows = self._first_image.copy(), self._first_row.copy()
        self._last_image = self._first_image + metadata.chunk_frames - 1
        self._new = np.zeros(lanes, np.int64)  # rows that the encoder does not know of yet

    def start(self, lane: int) -> None:
        """Begin an episode in a lane; `advance` opens its first row.

        Parameters
        ----------
        lane : int
            Number of the lane.
        """
        self._encoders[lane].start()
        self._new[lane] = 0
        self.images[lane], self.rows[lane] = self._first_image[lane] - 1, self._first_row[lane] - 1

    def advance(self, playing: NDArray[np.bool_]) -> None:
        """Open the next row of lanes; full chunks are compressed.

        Parameters
        ----------
        playing : ndarray, shape (lanes,), bool
            Which lanes.
        """
        for lane in np.flatnonzero(playing & (self.images == self._last_image)).tolist():
            encoder = self._encoders[lane]
            encoder.filled(int(self._new[lane]))
            _, _, image, row = encoder.rows()
            self._new[lane] = 0
            self.images[lane] = self._first_image[lane] + image - 1
            self.rows[lane] = self._first_row[lane] + row - 1
        for counter in (self.images, self.rows, self._new):
            counter += playing

    def finish(
        self,
        lane: int,
        episode: int,
        end_reason: int,
        world_seed: int,
        terrain: NDArray[np.uint8],
    ) -> EncodedEpisode:
        """Return the whole episode of a lane; its open row is the last one.

        Parameters
        ----------
        lane : int
            Number of the lane.
        episode : int
            Episode id.
        end_reason : int
            Index into `schemas.layout.END_REASONS`.
        world_seed : int
            Seed of the world's RandomState.
        terrain : ndarray, shape (x, y), uint8
            Material ids at reset.
        """
        encoder = self._encoders[lane]
        encoder.filled(int(self._new[lane]))
        self._new[lane] = 0
        return encoder.finish(episode, end_reason, world_seed, terrain)


class LaneInfos(Mapping[str, NDArray[Any]]):
    """What a policy can look at beside the frames, gathered from the lanes' rows when it does.

    Parameters
    ----------
    rows : LaneRows
        Rows of the lanes.
    area : tuple of int
        Cells of the world (x, y).
    others : dict of str to ndarray, shape (lanes,)
        What is in no row, by key.
    started : ndarray, shape (lanes,), bool
        Which lanes were ever in an episode.
    """

    def __init__(
        self,
        rows: LaneRows,
        area: tuple[int, int],
        others: dict[str, NDArray[Any]],
        started: NDArray[np.bool_],
    ) -> None:
        self._rows, self._area, self._others, self._started = rows, area, others, started
        own = ("semantic", "position", "inventory", "achievements", "daylight", *others)
        # Gymnasium's convention: `_key` says which lanes have the entry.
        self._keys = (*own, *(f"_{key}" for key in own))

    def __getitem__(self, key: str) -> NDArray[Any]:
        if key not in self._keys:
            raise KeyError(key)
        found: NDArray[Any]
        if key.startswith("_"):
            found = self._started
        elif key in self._others:
            found = self._others[key]
        elif key == "semantic":
            found = self._rows.seen.semantic[self._rows.images].reshape(-1, *self._area)
        else:
            field = "positions" if key == "position" else key
            found = getattr(self._rows.seen, field)[self._rows.rows]
        found = found.view()
        found.flags.writeable = False
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)
