"""The dataset in a checkpoint of IRIS (github.com/eloialonso/iris)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from crafter_dataset.loader.dataset import Dataset
from crafter_dataset.loader.export.checks import FIELDS, check_dataset
from crafter_dataset.loader.export.torch_files import require_torch, save


def export(dataset: Dataset, path: Path) -> Iterator[int]:
    """Write the episodes as IRIS keeps them, to be its `checkpoints/dataset`.

    Episode n is `n.pt`, a dict of

    - `observations`: uint8 (T, 3, H, W)
    - `actions`: int64 (T,)
    - `rewards`: float32 (T,)
    - `ends`: int64 (T,), 0 or 1
    - `mask_padding`: bool (T,), all true

    Row t holds a frame, the action taken there and what that action caused; the
    final frame is left out. IRIS takes every file of the folder for an episode,
    so there is nothing else in it, and reads all of them into memory.

    `ends` marks deaths alone, as in `Batch.as_iris`. IRIS has no field for
    truncations: its own collector also sets `ends` at a time limit, but leaves
    it 0 where the collection stopped.

    Source: `src/dataset.py`, `src/episode.py` and `src/collector.py` at commit
    24326aa.

    Parameters
    ----------
    dataset : Dataset
        Episodes to export; they are numbered from 0 in their order.
    path : Path
        Folder to make.

    Yields
    ------
    int
        Frames of each episode, once it is written.

    Raises
    ------
    ExportError
        If there are no episodes, or one has no action.
    MissingPackageError
        If PyTorch is not installed.
    """
    check_dataset(dataset, need_actions=True)
    require_torch()
    for number, episode in enumerate(dataset):
        rows = episode.load(FIELDS)
        content = {
            "observations": rows["frames"][:-1].transpose(0, 3, 1, 2),
            "actions": rows["actions"][:-1].astype(np.int64),
            "rewards": rows["rewards"][:-1],
            "ends": rows["terminations"][:-1].astype(np.int64),
            "mask_padding": np.ones(episode.length - 1, np.bool_),
        }
        save(path / f"{number}.pt", content)
        yield episode.length
