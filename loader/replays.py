"""Recorded episodes, played again from their seeds and actions by the fast engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.loader.indexing import index_of
from crafter_dataset.schemas.errors import ArgumentError, CorruptDataError
from crafter_dataset.schemas.layout import PICTURES, TABLE

if TYPE_CHECKING:
    from crafter_dataset.engine.fast.branching_lanes import BranchingLanes
    from crafter_dataset.engine.state import CrafterState
    from crafter_dataset.loader.dataset import Dataset
    from crafter_dataset.loader.episode import Episode


def state_at(dataset: Dataset, what: str, episode: int, frame: int) -> CrafterState:
    """Return the state of the game at a frame, see `Dataset.state_at`.

    Parameters
    ----------
    dataset : Dataset
        A dataset or a part of one.
    what : str
        What needs it, for messages.
    episode, frame : int
        Index of the episode, and number of the frame in it; negative from the end.

    Raises
    ------
    IndexError
        If there is no such episode or frame.
    ArgumentError, EngineError
        If the dataset's episodes cannot be played again.
    CorruptDataError
        If stored bytes are missing or fail their checksum, or are not what happens.
    """
    number = index_of("dataset", episode, len(dataset), str(dataset.path))
    if number is None:
        raise ArgumentError(what, f"expected the index of an episode, found {episode!r}")
    chosen = dataset[number]
    stop = index_of(f"frames of episode {chosen.id}", frame, len(chosen), str(dataset.path))
    if stop is None:
        raise ArgumentError(what, f"expected the number of a frame, found {frame!r}")
    lanes = replaying_lanes(dataset, what)
    begin(lanes, dataset, chosen, terrain_of(dataset, chosen))
    ended, state = lanes.replay(actions_of(dataset, chosen, stop))
    hold_end(dataset, chosen, ended, stop)
    return state


def replaying_lanes(dataset: Dataset, what: str) -> BranchingLanes:
    """Make lanes that can play a dataset's episodes again.

    Parameters
    ----------
    dataset : Dataset
        A dataset or a part of one.
    what : str
        What needs them, for messages.

    Raises
    ------
    ArgumentError
        If world seeds are not known, or another simulator has made the episodes.
    EngineError
        If the fast engine cannot be used.
    """
    from crafter_dataset.engine.engines import check_engine, warm_up
    from crafter_dataset.engine.spec import check_geometry

    _check_source(dataset, what)
    env = dataset.metadata.env
    check_geometry(env.area, env.view, env.size)
    _check_shapes(dataset)
    check_engine("fast", env.area)
    from crafter_dataset.engine.fast.branching_lanes import BranchingLanes

    lanes = BranchingLanes(env.area, env.view, env.size, env.length, env.reward)
    warm_up("fast", env.area, lanes.needed())
    return lanes


def _check_source(dataset: Dataset, what: str) -> None:
    """Refuse a dataset whose episodes are not those of the game that is installed."""
    from crafter_dataset.engine import spec

    metadata, where = dataset.metadata, f"({dataset.path})"
    if "world_seeds" not in metadata.episode_fields:
        raise ArgumentError(what, f"expected known world seeds, found none {where}")
    for name, stored, installed in spec.foreign_entries(metadata.env):
        raise ArgumentError(
            what, f"expected env.{name} {installed!r}, which is installed, found {stored!r} {where}"
        )
    for name in ("actions", "materials", "objects", "items", "achievements"):
        if getattr(metadata, name) != getattr(spec, name.upper()):
            raise ArgumentError(what, f"expected Crafter's own {name}, found others {where}")


def _check_shapes(dataset: Dataset) -> None:
    """Refuse sizes that only the metadata claims: worlds and pictures of them take memory."""
    metadata = dataset.metadata
    for field in metadata.present_fields():
        if field.path not in ("frames", f"{TABLE}/terrain", f"{PICTURES}/tiles"):
            continue
        expected, found = field.row_shape(metadata.sizes()), dataset.container.describe(field.path)
        if found is not None and found.shape[1:] != expected:
            raise CorruptDataError(
                f"{field.path}: expected rows of shape {expected}, found {found.shape[1:]} "
                f"({dataset.path})"
            )


def begin(
    lanes: BranchingLanes, dataset: Dataset, episode: Episode, terrain: NDArray[np.uint8] | None
) -> None:
    """Start an episode again in the first lane.

    Parameters
    ----------
    lanes : BranchingLanes
        Lanes for the dataset.
    dataset : Dataset
        Where the episode is stored.
    episode : Episode
        The episode.
    terrain : ndarray, shape `area`, uint8, or None
        Its world, to be held to the seed's.

    Raises
    ------
    CorruptDataError
        If its seed is none, or makes another world.
    """
    seed = episode.world_seed
    if not 0 <= seed < 2**32:
        raise _unexpected(dataset, episode, "a world seed from 0 to 2**32 - 1", str(seed))
    lanes.start(0, seed)
    if terrain is not None and not np.array_equal(lanes.terrain(0), terrain):
        raise _unexpected(dataset, episode, f"the world of its seed {seed}", "another")


def terrain_of(dataset: Dataset, episode: Episode) -> NDArray[np.uint8] | None:
    """Read an episode's world; None if the dataset does not store it.

    Parameters
    ----------
    dataset : Dataset
        Where the episode is stored.
    episode : Episode
        The episode.

    Raises
    ------
    CorruptDataError
        If stored bytes are missing or fail their checksum.
    """
    return episode.terrain if "terrain" in dataset.metadata.episode_fields else None


def actions_of(dataset: Dataset, episode: Episode, stop: int) -> NDArray[np.uint8]:
    """Read an episode's actions up to a frame.

    Parameters
    ----------
    dataset : Dataset
        Where the episode is stored.
    episode : Episode
        The episode.
    stop : int
        How many to read.

    Returns
    -------
    ndarray, shape (stop,), uint8
        Each an index into `engine.spec.ACTIONS`.

    Raises
    ------
    CorruptDataError
        If one is not, or stored bytes are missing or fail their checksum.
    """
    actions: NDArray[np.uint8] = episode["actions"].read(0, stop)
    most = len(dataset.metadata.actions) - 1
    if actions.max(initial=0) > most:
        raise _unexpected(dataset, episode, f"actions from 0 to {most}", str(actions.max()))
    return actions


def hold_end(dataset: Dataset, episode: Episode, ended: int, stop: int) -> None:
    """Refuse an episode that was recorded longer than it is.

    Parameters
    ----------
    dataset : Dataset
        Where the episode is stored.
    episode : Episode
        The episode.
    ended : int
        Frame at which it ended as it was played again, if that was before `stop`; else -1.
    stop : int
        Frame up to which it was played.

    Raises
    ------
    CorruptDataError
        If it ended.
    """
    if ended >= 0:
        raise _unexpected(dataset, episode, f"an episode that ends at frame {ended}", f"{stop}")


def _unexpected(dataset: Dataset, episode: Episode, expected: Any, found: str) -> CorruptDataError:
    return CorruptDataError(
        f"episode {episode.id}: expected {expected}, found {found} ({dataset.path})"
    )
