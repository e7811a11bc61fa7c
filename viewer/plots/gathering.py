"""What the plots show, counted in one pass over the episodes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.loader.dataset import Dataset
from crafter_dataset.loader.summary import Summary, summary_of
from crafter_dataset.schemas.metadata import Metadata
from crafter_dataset.schemas.progress import Progress, Report, ignore
from crafter_dataset.viewer.maps.seen import field_of_view, moved, seen, visits


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Where one episode led.

    Parameters
    ----------
    episode : int
        Its number.
    positions : ndarray, shape (frames, 2), integer
        Cells (x, y).
    times_seen : ndarray, shape `area`, int64, or None
        Frames at which each cell was in view, indexed [x, y]; kept for the
        first trajectories only.
    """

    episode: int
    positions: NDArray[np.integer]
    times_seen: NDArray[np.int64] | None


@dataclass(eq=False)
class World:
    """A world, and the episodes in it.

    Parameters
    ----------
    seed : int
        Its seed.
    terrain : ndarray, shape `area`, uint8
        Materials at reset, indexed [x, y].
    times_seen : ndarray, shape `area`, int64
        Frames of all its episodes at which each cell was in view, indexed [x, y].
    trajectories : list of Trajectory
        The episodes in it, in order.
    """

    seed: int
    terrain: NDArray[np.uint8]
    times_seen: NDArray[np.int64]
    trajectories: list[Trajectory] = field(default_factory=list)


@dataclass(eq=False)
class Gathered:
    """Counts over the chosen episodes.

    Parameters
    ----------
    metadata : Metadata
        Metadata of the dataset.
    lengths : ndarray, shape (episodes,), int64
        Frames of each episode.
    returns : ndarray, shape (episodes,), float32
        Sum of the rewards of each episode.
    actions : ndarray, shape (actions,), int64
        How often each was taken.
    summary : Summary
        Statistics, success rates among them.
    worlds : list of World
        The first worlds, with all their episodes.
    cells_seen : ndarray, shape (episodes,), int64, or None
        Cells seen at least once in each; None if positions are not stored.
    seen_in, times_seen : ndarray, shape `area`, int64
        Episodes that saw each cell, and frames that showed it, in all, indexed
        [x, y].
    often : ndarray, shape (time limit + 2,), int64
        At index n, how many cells of an episode were seen n times, summed over
        the episodes.
    moves_only : bool
        Whether frames count only where the player had moved.
    """

    metadata: Metadata
    lengths: NDArray[np.integer]
    returns: NDArray[np.floating]
    actions: NDArray[np.int64]
    summary: Summary
    worlds: list[World]
    cells_seen: NDArray[np.int64] | None
    seen_in: NDArray[np.int64]
    times_seen: NDArray[np.int64]
    often: NDArray[np.int64]
    moves_only: bool


def gather(
    dataset: Dataset,
    moves_only: bool = False,
    maps: int = 9,
    on_progress: Report = ignore,
) -> Gathered:
    """Count what the plots show.

    Parameters
    ----------
    dataset : Dataset
        The episodes.
    moves_only : bool
        Whether to count what was seen only at frames where the player had moved.
    maps : int
        Worlds, and trajectories, whose maps are kept, at most.
    on_progress : callable
        Called with a `Progress` after each episode.

    Returns
    -------
    Gathered
        The counts.

    Raises
    ------
    CorruptDataError
        If stored bytes are missing or fail their checksum.
    """
    meta, table = dataset.metadata, dataset.episodes
    area, view = meta.env.area, field_of_view(meta)
    actions = np.zeros(256, np.int64)
    often = np.zeros(meta.env.length + 2, np.int64)
    seen_in, times_seen = np.zeros(area, np.int64), np.zeros(area, np.int64)
    has_positions = "positions" in dataset.fields
    cells_seen = np.zeros(len(dataset), np.int64) if has_positions else None
    if not {"terrain", "world_seeds"} <= set(meta.episode_fields):
        maps = 0
    worlds: dict[int, World] = {}
    begun, frames = time.monotonic(), 0
    for index, episode in enumerate(dataset):
        actions += np.bincount(episode["actions"][: episode.length - 1], minlength=256)
        frames += episode.length
        seconds = time.monotonic() - begun
        on_progress(Progress("episodes", len(dataset), index + 1, frames, 0, frames, seconds))
        known = worlds.get(episode.world_seed)
        if known is None and len(worlds) < maps:
            nothing = np.zeros(area, np.int64)
            known = World(episode.world_seed, episode.terrain, nothing)
            worlds[known.seed] = known
        if cells_seen is None:
            continue
        positions = episode["positions"].read()
        counted = positions[moved(positions)] if moves_only else positions
        counts = seen(visits(counted, area), view)
        cells_seen[index] = np.count_nonzero(counts)
        seen_in += counts > 0
        times_seen += counts
        often += np.bincount(counts.ravel(), minlength=len(often))[: len(often)]
        if known is not None:
            known.times_seen += counts
            kept = counts if index < maps else None
            known.trajectories.append(Trajectory(episode.id, positions, kept))
    often[0] = 0
    return Gathered(
        metadata=meta,
        lengths=table["lengths"],
        returns=table["returns"],
        actions=actions[: len(meta.actions)],
        summary=summary_of(dataset),
        worlds=list(worlds.values()),
        cells_seen=cells_seen,
        seen_in=seen_in,
        times_seen=times_seen,
        often=often,
        moves_only=moves_only,
    )
