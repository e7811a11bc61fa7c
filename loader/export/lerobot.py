"""LeRobot, Hugging Face's format of robot datasets, version 3 (github.com/huggingface/lerobot)."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from crafter_dataset.loader.dataset import Dataset
from crafter_dataset.loader.episode import Episode
from crafter_dataset.loader.export.checks import FIELDS, check_dataset
from crafter_dataset.loader.export.errors import ExportError
from crafter_dataset.schemas.errors import MissingPackageError, install_hint
from crafter_dataset.schemas.layout import FRAME_FIELDS

FPS = 20
"""Nominal, since Crafter has steps, not seconds: the speed of the viewer and of films."""

TASK = "Survive and unlock achievements in Crafter."

INFO_FIELDS = ("positions", "inventory", "achievements", "daylight")
"""Further fields that are exported, each as `info.NAME`."""


def export(dataset: Dataset, path: Path) -> Iterator[int]:
    """Write the episodes as a LeRobot dataset, version 3.0.

    Read it with `LeRobotDataset("crafter", root=path)`; the name matters only
    where the dataset is uploaded.

    Frame t holds what is seen, the action taken there, and what that action
    caused:

    - `observation.image`: the frame, (H, W, 3), a lossless PNG inside the
      parquet file, not a video
    - `action`: int64 (1,); the names of actions are in the feature's `info`
    - `next.reward`: float32 (1,)
    - `next.terminated`, `next.truncated`, `next.done`: bool (1,); done is
      either of them
    - `info.positions`, `info.inventory`, `info.achievements`, `info.daylight`,
      where the dataset has them, as they are stored
    - LeRobot's own `timestamp` (at a nominal 20 frames a second),
      `frame_index`, `episode_index`, `index` and `task_index`; the task is
      always the same text

    An episode of T actions has T frames, as in all of LeRobot's datasets: its
    final frame, after the last action, is left out, since it has no action and
    no reward. The semantic maps are left out too: LeRobot cannot compute
    statistics of maps if an episode has a single action. The further fields are
    not called `observation.*`, since LeRobot's policies take all of those as
    inputs, and an agent of Crafter sees the picture alone.

    The same episodes make the same files, with the same versions of lerobot,
    datasets, pyarrow and Pillow, except for a fingerprint of 16 digits that
    datasets puts into the schema of each data file.

    Source: the package lerobot 0.6.1, `datasets/`, and `utils/constants.py` for
    the names.

    Parameters
    ----------
    dataset : Dataset
        Episodes to export; they are numbered from 0 in their order.
    path : Path
        Folder to make.

    Yields
    ------
    int
        Frames of each episode in the source, once it is written: one more than
        in the LeRobot dataset.

    Raises
    ------
    ExportError
        If there are no episodes, one has no action, or LeRobot writes another
        version of its format.
    MissingPackageError
        If LeRobot is not installed; it needs Python 3.12.
    """
    check_dataset(dataset, need_actions=True)
    try:
        from lerobot.datasets.lerobot_dataset import CODEBASE_VERSION, LeRobotDataset
    except ImportError as error:  # not only ModuleNotFoundError: its own guards raise this
        raise MissingPackageError("LeRobot (Python 3.12 or newer)", "lerobot") from error
    if not CODEBASE_VERSION.startswith("v3."):
        raise ExportError(
            f"LeRobot: expected one that writes version 3 of its format, found {CODEBASE_VERSION}; "
            f"{install_hint('lerobot', upgrade=True)}"
        )
    target = LeRobotDataset.create(
        "crafter",
        FPS,
        _features(dataset),
        root=path,
        use_videos=False,
        video_backend="pyav",  # never used; LeRobot looks for the default, and warns
    )
    try:
        for episode in dataset:
            with _without_progress_bars():
                for frame in _frames(episode):
                    target.add_frame(frame)
                target.save_episode()
            yield episode.length
    finally:
        target.finalize()
    # Pictures lay there until they were in a parquet file; LeRobot leaves the empty folders.
    shutil.rmtree(path / "images", ignore_errors=True)


def _features(dataset: Dataset) -> dict[str, dict[str, Any]]:
    metadata = dataset.metadata

    def feature(dtype: str, shape: tuple[int, ...] = (1,), names: Any = None) -> dict[str, Any]:
        return {"dtype": dtype, "shape": shape, "names": names}

    features = {
        "observation.image": feature(
            "image", dataset[0]["frames"].shape[1:], ["height", "width", "channels"]
        ),
        "action": {**feature("int64"), "info": {"values": list(metadata.actions)}},
        "next.reward": feature("float32"),
        "next.terminated": feature("bool"),
        "next.truncated": feature("bool"),
        "next.done": feature("bool"),
    }
    names = {
        "positions": ["x", "y"],
        "inventory": list(metadata.items),
        "achievements": list(metadata.achievements),
    }
    for name in _info_fields(dataset.fields):
        field = FRAME_FIELDS[name]
        shape = field.row_shape(metadata.sizes()) or (1,)
        features[f"info.{name}"] = feature(field.dtype, shape, names.get(name))
    return features


def _info_fields(fields: Collection[str]) -> list[str]:
    return [name for name in INFO_FIELDS if name in fields]


def _frames(episode: Episode) -> Iterator[dict[str, Any]]:
    further = _info_fields(episode)
    rows = episode.load((*FIELDS, *further))
    values = {
        "action": rows["actions"].astype(np.int64),
        "next.reward": rows["rewards"],
        "next.terminated": rows["terminations"],
        "next.truncated": rows["truncations"],
        "next.done": rows["terminations"] | rows["truncations"],
        **{f"info.{name}": rows[name] for name in further},
    }
    for t in range(episode.length - 1):
        frame = {name: value[t].reshape(value.shape[1:] or (1,)) for name, value in values.items()}
        # As an image, since LeRobot takes the rows of an array of 3 rows for channels.
        yield {**frame, "observation.image": Image.fromarray(rows["frames"][t]), "task": TASK}


@contextmanager
def _without_progress_bars() -> Iterator[None]:
    """Keep datasets, which LeRobot writes with, from drawing a bar for every episode."""
    import datasets

    shown = not datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            datasets.enable_progress_bars()
