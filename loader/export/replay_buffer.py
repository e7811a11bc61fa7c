"""The ReplayBuffer of Diffusion Policy (github.com/real-stanford/diffusion_policy)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
from numpy.typing import NDArray

from crafter_dataset.loader.dataset import Dataset
from crafter_dataset.loader.episode import Episode
from crafter_dataset.loader.export.checks import FIELDS, check_dataset
from crafter_dataset.loader.zarr.library import zarr

CHUNK_BYTES = 2_000_000
"""Bytes per chunk before compression, as in ReplayBuffer."""

CHUNK_ROWS = 16_384
"""Rows per chunk, at most: adding an episode may rewrite that many."""

SMALL_FIELDS = ("inventory", "achievements", "daylight")
"""Optional fields that are exported as they are."""


def export(dataset: Dataset, path: Path) -> Iterator[int]:
    """Write the episodes as a Zarr v2 group that ReplayBuffer opens.

    The rows of all episodes lie one after the other, one row per action: the
    frame at which it was taken, and what it caused. Final frames are left out.

    - `data/img`: uint8 (N, H, W, 3)
    - `data/action`: int64 (N, 1), an index into the group's attribute `actions`
    - `data/reward`: float32 (N,)
    - `data/terminated`, `data/truncated`: bool (N,)
    - `data/state`: float32 (N, 2), the player's position (x, y), if the dataset
      has positions
    - `data/inventory`, `data/achievements`, `data/daylight`: as in the dataset,
      if it has them
    - `meta/episode_ends`: int64 (episodes,), the row after each episode's last

    `img`, `action` and `state` are the names and axes of Diffusion Policy's
    Push-T data, so that its `PushTImageDataset` reads these. Chunks hold 2 MB
    before compression, as ReplayBuffer makes them, and are compressed with zstd,
    which every numcodecs reads. Chunks of zeros alone are left out, as Zarr
    allows.

    Source: `diffusion_policy/common/replay_buffer.py` and
    `diffusion_policy/dataset/pusht_image_dataset.py` at commit 5ba07ac.

    Parameters
    ----------
    dataset : Dataset
        Episodes to export, in this order.
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
    """
    check_dataset(dataset, need_actions=True)
    ends = np.cumsum(dataset.episodes["lengths"] - 1)
    attributes = {
        "actions": list(dataset.metadata.actions),
        "items": list(dataset.metadata.items),
        "achievements": list(dataset.metadata.achievements),
    }
    root = zarr.create_group(path, zarr_format=2, attributes=attributes)
    data, meta = root.create_group("data"), root.create_group("meta")
    meta.create_array("episode_ends", data=ends, chunks=ends.shape, compressors=None)
    arrays: dict[str, Any] = {}
    for end, episode in zip(ends.tolist(), dataset, strict=True):
        for name, rows in _make_rows(episode).items():
            if name not in arrays:
                arrays[name] = _create(data, name, rows, int(ends[-1]))
            arrays[name][end - len(rows) : end] = rows
        yield episode.length


def _make_rows(episode: Episode) -> dict[str, NDArray[Any]]:
    small = [name for name in SMALL_FIELDS if name in episode]
    state = [name for name in ("positions",) if name in episode]
    stored = {name: rows[:-1] for name, rows in episode.load([*FIELDS, *state, *small]).items()}
    rows = {
        "img": stored["frames"],
        "action": stored["actions"].astype(np.int64)[:, None],
        "reward": stored["rewards"],
        "terminated": stored["terminations"],
        "truncated": stored["truncations"],
    }
    if state:
        rows["state"] = stored["positions"].astype(np.float32)
    return rows | {name: stored[name] for name in small}


def _create(data: zarr.Group, name: str, rows: NDArray[Any], count: int) -> Any:
    per_chunk = min(CHUNK_BYTES // rows[0].nbytes, CHUNK_ROWS, count)
    return data.create_array(
        name,
        shape=(count, *rows.shape[1:]),
        chunks=(max(per_chunk, 1), *rows.shape[1:]),
        dtype=rows.dtype,
        compressors=numcodecs.Zstd(level=1),
    )
