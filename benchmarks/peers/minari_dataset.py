"""A Minari dataset, whose API reads whole episodes.

By default Minari stores pictures as JPEG; here they are stored as they are.
HDF5, the default format, and Arrow then hold them uncompressed.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.base import FIELDS, STEP_FIELDS, Peer, Reader
from crafter_dataset.loader import Dataset

DATASET_ID = "crafter-v0"
IDS = "ids.npy"


class MinariReader(Reader):
    """Reads the episodes of a batch, each once and in one call, and slices them."""

    def connect(self) -> tuple[NDArray[np.int64], Any]:
        """Open the dataset."""
        import minari

        dataset = minari.MinariDataset(self.folder / DATASET_ID / "data")
        return np.load(self.folder / IDS), dataset

    def read(self, episodes: NDArray[np.int64], starts: NDArray[np.int64]) -> dict[str, Any]:
        """Read a batch of windows."""
        ids, dataset = self.handles
        wanted, places = np.unique(ids[episodes], return_inverse=True)
        windows: list[Any] = [None] * len(episodes)
        for place, episode in enumerate(dataset.iterate_episodes(wanted)):
            parts = [episode.observations, *(getattr(episode, name) for name in STEP_FIELDS)]
            for window in np.flatnonzero(places == place):
                rows = slice(starts[window], starts[window] + self.length)
                windows[window] = [part[rows] for part in parts]
        return {name: np.stack(parts) for name, *parts in zip(FIELDS, *windows, strict=True)}


class Minari(Peer):
    """Written by `create_dataset_from_buffers`.

    Parameters
    ----------
    data_format : str
        `hdf5`, one group an episode, or `arrow`, one file an episode.
    """

    def __init__(self, data_format: str) -> None:
        self.data_format = data_format
        self.name = f"Minari ({data_format})"
        module = {"hdf5": "h5py", "arrow": "pyarrow"}[data_format]
        self.requires = {"minari": f"minari[{data_format}]", module: module}

    def write(self, dataset: Dataset, folder: Path) -> None:
        """Store the dataset."""
        import minari
        from gymnasium import spaces
        from minari.data_collector import EpisodeBuffer

        def buffers() -> Iterator[EpisodeBuffer]:
            for episode in dataset:
                if episode.length > 1:  # Minari has no episodes without actions
                    yield EpisodeBuffer(
                        observations=episode["frames"].read(),
                        **{name: episode[name][:-1] for name in STEP_FIELDS},
                    )

        folder.mkdir(parents=True)
        np.save(folder / IDS, np.cumsum(dataset.episodes["lengths"] > 1) - 1)
        shape = dataset[0]["frames"].shape[1:]
        with (
            patch.dict(os.environ, {"MINARI_DATASETS_PATH": str(folder)}),
            warnings.catch_warnings(action="ignore"),  # of descriptions that are not given
        ):
            minari.create_dataset_from_buffers(
                DATASET_ID,
                buffers(),  # it stores one after the other, so they need not all be in memory
                observation_space=spaces.Box(0, 255, shape, np.uint8),
                action_space=spaces.Discrete(len(dataset.metadata.actions)),
                data_format=self.data_format,
                jpeg_encoding=False,
            )

    def open(self, folder: Path, length: int) -> Reader:
        """Return a reader."""
        return MinariReader(folder, length)
