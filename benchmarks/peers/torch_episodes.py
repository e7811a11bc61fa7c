"""One `.pt` file an episode, as the collectors that stem from DIAMOND store them.

A window is cut out of the whole episode, which is loaded for it, uncompressed
and without a cache. The final frame is not stored.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.base import FIELDS, STEP_FIELDS, Peer, Reader
from crafter_dataset.loader import Dataset

KEYS = dict(zip(FIELDS, ("obs", "act", "rew", "end", "trunc"), strict=True))


def episode_path(folder: Path, episode: int) -> Path:
    """Return the file of an episode."""
    hundreds, tens = episode // 100 * 100, episode % 100 // 10 * 10
    return folder / f"{hundreds:03d}" / f"{tens:02d}" / f"{episode}.pt"


class TorchEpisodesReader(Reader):
    """Loads an episode for each window, and slices it."""

    def connect(self) -> None:
        """Keep nothing open."""

    def read(self, episodes: NDArray[np.int64], starts: NDArray[np.int64]) -> dict[str, Any]:
        """Read a batch of windows, as tensors."""
        import torch

        windows = []
        for episode, start in zip(episodes.tolist(), starts.tolist(), strict=True):
            loaded = torch.load(
                episode_path(self.folder, episode), map_location="cpu", weights_only=True
            )
            windows.append([loaded[key][start : start + self.length] for key in KEYS.values()])
        return {name: torch.stack(parts) for name, *parts in zip(KEYS, *windows, strict=True)}


class TorchEpisodes(Peer):
    """A dictionary of tensors a file, pictures as (T, 3, height, width)."""

    name = "one .pt an episode"
    requires = {"torch": "torch"}  # noqa: RUF012

    def write(self, dataset: Dataset, folder: Path) -> None:
        """Store the dataset."""
        import torch

        dtypes = dict(zip(STEP_FIELDS, ("int64", "float32", "uint8", "uint8"), strict=True))
        for number, episode in enumerate(dataset):
            path = episode_path(folder, number)
            path.parent.mkdir(parents=True, exist_ok=True)
            pictures = episode["frames"][:-1].transpose(0, 3, 1, 2)
            tensors = {KEYS["frames"]: torch.from_numpy(np.ascontiguousarray(pictures))}
            for name, dtype in dtypes.items():
                tensors[KEYS[name]] = torch.from_numpy(episode[name][:-1].astype(dtype))
            torch.save(tensors, path)

    def open(self, folder: Path, length: int) -> Reader:
        """Return a reader."""
        return TorchEpisodesReader(folder, length)
