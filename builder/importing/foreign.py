"""What every importer makes of a dataset of another format: its metadata, and its episodes."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.builder.episodes import Rows
from crafter_dataset.builder.settings import BuildSettings
from crafter_dataset.schemas.errors import Advice, CrafterDatasetError
from crafter_dataset.schemas.git_lfs import POINTER, is_pointer
from crafter_dataset.schemas.layout import FRAME_FIELDS, TABLE_FIELDS
from crafter_dataset.schemas.metadata import EnvSpec, Metadata, PolicySpec

UNKNOWN_NAME = "unknown"


class ForeignError(CrafterDatasetError):
    """A dataset of another format that cannot be imported."""


class PickledError(ForeignError):
    """A file holds Python objects, which are not loaded unless that is allowed.

    Parameters
    ----------
    message : str
        What was expected in which file.
    """

    def __init__(self, message: str) -> None:
        advice = Advice("load them, which lets the file run code, with", "allow_pickle")
        super().__init__(message, advice=[advice])


def refuse_pointer(path: Path) -> None:
    """Refuse a file that Git LFS has not fetched.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    ForeignError
        If it is a pointer to the file.
    """
    if is_pointer(path):
        raise ForeignError(f"{path}: expected the file itself, found {POINTER}")


@dataclass(frozen=True)
class ForeignEpisode:
    """One episode of another format, as rows of ours.

    Parameters
    ----------
    rows : dict of str to ndarray, shape (T + 1, ...)
        Rows of each of the source's fields but `episode_ids`, of their dtypes: a
        frame, the action taken there and what it caused. The last row is the
        final frame, its action, reward and flags 0.
    end_reason : int
        Index into `schemas.layout.END_REASONS`; `UNKNOWN` where the source does
        not say, and the flags on row T - 1 are the source's then.
    world_seed : int, optional
        Seed of the world's RandomState, if the source has `world_seeds`.
    terrain : ndarray, shape (x, y), uint8, optional
        Material ids at reset, if the source has `terrain`.
    has_final_frame : bool
        False if the last row is a placeholder of fill values.
    """

    rows: Rows
    end_reason: int
    world_seed: int | None = None
    terrain: NDArray[np.uint8] | None = None
    has_final_frame: bool = True


class ForeignDataset(Protocol):
    """A dataset of another format, opened."""

    metadata: Metadata
    """Of the dataset to be written; made by `foreign_metadata`."""

    count: int
    """Number of episodes."""

    notes: tuple[str, ...]
    """What a reader of the episodes should know beyond the metadata, each in one line."""

    def episodes(self) -> Iterator[ForeignEpisode]:
        """Yield the episodes in their order, read one at a time.

        Yields
        ------
        ForeignEpisode
            The next episode.

        Raises
        ------
        ForeignError
            If a file is damaged or holds something else, naming it.
        """


def foreign_metadata(
    *,
    size: tuple[int, int],
    fields: Collection[str] = (),
    episode_fields: Collection[str] = (),
    unknown: Collection[str] = (),
    area: tuple[int, int] | None = None,
    length: int | None = None,
    policy: PolicySpec | None = None,
    version: str = UNKNOWN_NAME,
) -> Metadata:
    """Describe episodes that were not built here; what is not given is marked as unknown.

    Parameters
    ----------
    size : tuple of int
        Picture (width, height), in pixels.
    fields : collection of str
        Optional per-frame fields that the source has.
    episode_fields : collection of str
        Optional per-episode fields: `world_seeds`, `terrain`, `final_frames`.
    unknown : collection of str
        Further required fields that the source lacks, `truncations` for example.
    area : tuple of int, optional
        World (x, y) in cells, if the source says it.
    length : int, optional
        Time limit in actions, if the source says it.
    policy : PolicySpec, optional
        What drove the environment, if the source says it.
    version : str
        Version of the environment, if the source says it.

    Returns
    -------
    Metadata
        With the names of Crafter 1.8.3 and, instead of what is unknown,
        Crafter's defaults, which `unknown` lists.
    """
    model = BuildSettings(size=size).metadata()
    missing = ["seed", "trajectories_per_world", "env.view", "env.object_order", "env.reward"]
    missing += [] if area else ["env.area"]
    missing += [] if length else ["env.length"]
    missing += [] if policy else ["policy"]
    missing += ["env.version"] if version == UNKNOWN_NAME else []
    return replace(
        model,
        env=EnvSpec(
            name=model.env.name,
            version=version,
            area=area or model.env.area,
            view=model.env.view,
            size=size,
            length=length or model.env.length,
            object_order=UNKNOWN_NAME,
        ),
        policy=policy or PolicySpec(UNKNOWN_NAME),
        fields=tuple(f.name for f in FRAME_FIELDS.values() if not f.optional or f.name in fields),
        episode_fields=tuple(
            f.name for f in TABLE_FIELDS.values() if not f.optional or f.name in episode_fields
        ),
        unknown=(*missing, *unknown),
    ).versioned()


def placeholder(rows: Rows) -> Rows:
    """Add a last row of fill values, for a final frame that the source does not have.

    Parameters
    ----------
    rows : dict of str to ndarray, shape (T, ...)
        Rows of per-frame fields; left as they are.

    Returns
    -------
    dict of str to ndarray, shape (T + 1, ...)
        Of the same dtypes.
    """
    return {
        name: np.concatenate(
            [values, np.full((1, *values.shape[1:]), FRAME_FIELDS[name].fill, values.dtype)]
        )
        for name, values in rows.items()
    }
