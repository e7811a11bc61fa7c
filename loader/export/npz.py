"""One compressed NumPy file per episode, with all that is stored of it."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from crafter_dataset.loader.dataset import Dataset
from crafter_dataset.loader.export.checks import check_dataset


def export(dataset: Dataset, path: Path) -> Iterator[int]:
    """Write each episode to a file of its own, `000000.npz` and so on.

    A file holds every per-frame field of the dataset under its name there, all
    T + 1 rows: the last one has the final frame, and an action, a reward and
    flags of 0. It also holds

    - `terrain`: uint8 (x, y), material ids at reset, if they are known
    - `world_seed`: int64, if it is known
    - `end_reason`: text, `terminated`, `time_limit`, `cut` or `unknown`
    - `return`: float64, sum of the rewards
    - `final_frame`: bool, whether the last row's frame was recorded

    `numpy.load` reads it with `allow_pickle=False`.

    Parameters
    ----------
    dataset : Dataset
        Episodes to export; they are numbered from 0 in their order, and keep
        their ids in `episode_ids`.
    path : Path
        Folder to make.

    Yields
    ------
    int
        Frames of each episode, once it is written.

    Raises
    ------
    ExportError
        If there are no episodes.
    """
    check_dataset(dataset, need_actions=False)
    path.mkdir()
    known = dataset.metadata.episode_fields
    for number, episode in enumerate(dataset):
        arrays: dict[str, ArrayLike] = {**episode.load()}
        if "terrain" in known:
            arrays["terrain"] = episode.terrain
        if "world_seeds" in known:
            arrays["world_seed"] = np.int64(episode.world_seed)
        arrays["end_reason"] = episode.end_reason
        arrays["return"] = episode.episode_return
        arrays["final_frame"] = episode.has_final_frame
        save_npz(path / f"{number:06d}.npz", arrays)
        yield episode.length


def save_npz(path: Path, arrays: Mapping[str, ArrayLike]) -> None:
    """Write a file as `numpy.savez_compressed` does, but with fixed dates in it.

    NumPy leaves the dates to `zipfile`, which promises nothing about them.

    Parameters
    ----------
    path : Path
        The file, whose name ends in `.npz`.
    arrays : mapping of str to array_like
        Arrays by name.
    """
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # otherwise it says which system wrote it
            with archive.open(entry, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)
