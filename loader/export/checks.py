"""What every format asks of a dataset, checked before the first byte is written."""

from __future__ import annotations

import numpy as np

from crafter_dataset.loader.dataset import Dataset
from crafter_dataset.loader.export.errors import ExportError
from crafter_dataset.schemas.errors import Advice

FIELDS = ("frames", "actions", "rewards", "terminations", "truncations")
"""Fields that every format needs."""


def check_final_frames(dataset: Dataset, why: str) -> None:
    """Refuse episodes whose last row is a placeholder, for a format that needs the final frame.

    Parameters
    ----------
    dataset : Dataset
        A whole dataset, or some of its episodes.
    why : str
        What the format needs it for, as part of the message.

    Raises
    ------
    ExportError
        If there is such an episode; names the first.
    """
    for episode in dataset:
        if not episode.has_final_frame:
            raise ExportError(
                f"episode {episode.id}: expected its final frame, {why}, found none recorded "
                f"({dataset.path})"
            )


def check_dataset(dataset: Dataset, *, need_actions: bool) -> None:
    """Refuse a dataset that has nothing to export, or lacks what every format needs.

    Parameters
    ----------
    dataset : Dataset
        A whole dataset, or some of its episodes.
    need_actions : bool
        Whether the format has one row per action, so that an episode of a
        single frame would have no rows.

    Raises
    ------
    ExportError
        If there are no episodes, a field is missing, or an episode has no
        action where it needs one.
    """
    if not len(dataset):
        raise ExportError(f"episodes: expected at least one, found none ({dataset.path})")
    missing = [name for name in FIELDS if name not in dataset.fields]
    if missing:
        raise ExportError(
            f"fields: expected {', '.join(FIELDS)}, found no {' or '.join(missing)} "
            f"({dataset.path})"
        )
    single = np.flatnonzero(dataset.episodes["lengths"] < 2)
    if need_actions and len(single):
        episode = dataset.episodes["episode_ids"][single[0]]
        raise ExportError(
            f"episode {episode}: expected at least one action, found a single frame "
            f"({dataset.path})",
            advice=[Advice("leave such episodes out with", "filter", "length > 1")],
        )
