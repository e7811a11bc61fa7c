"""What would have happened: other actions, played from frames of recorded episodes on."""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crafter_dataset.engine.rows import Seen
from crafter_dataset.loader.replays import (
    actions_of,
    begin,
    hold_end,
    replaying_lanes,
    terrain_of,
)
from crafter_dataset.loader.windows import CAUSED, check_out
from crafter_dataset.loader.workers import WorkerThreads, default_threads
from crafter_dataset.schemas.arguments import whole_number
from crafter_dataset.schemas.errors import ArgumentError
from crafter_dataset.schemas.layout import FRAME_FIELDS

if TYPE_CHECKING:
    from crafter_dataset.engine.fast.branching_lanes import BranchingLanes
    from crafter_dataset.loader.dataset import Dataset

_SEEN = tuple(name for name in Seen._fields if not FRAME_FIELDS[name].drawn)

_Part = tuple[int, NDArray[np.int64], NDArray[np.int64]]
"""Index of an episode, frames at which branches start in ascending order, their numbers."""


def branch(
    dataset: Dataset,
    starts: ArrayLike,
    actions: ArrayLike,
    fields: Collection[str],
    threads: int | None,
    out: dict[str, NDArray[Any]] | None,
) -> dict[str, NDArray[Any]]:
    """Return what would have happened, see `Dataset.branch`.

    Parameters
    ----------
    dataset : Dataset
        A dataset or a part of one.
    starts : array_like, shape (branches, 2), int
        Index of an episode, and number of a frame in it.
    actions : array_like, shape (branches, horizon), int
        Actions to take from there on.
    fields : collection of str
        What to return.
    threads : int or None
        Threads that play.
    out : dict of str to ndarray, or None
        Where to put it.

    Returns
    -------
    dict of str to ndarray
        By field; and `valid`.

    Raises
    ------
    ArgumentError
        If an argument is not as above, or the dataset's episodes cannot be played again.
    CorruptDataError
        If stored bytes are missing or fail their checksum, or are not what happens.
    """
    count = default_threads() if threads is None else whole_number("threads", threads, 1)
    names = _checked_fields(fields)
    taken = _checked_actions(actions, len(dataset.metadata.actions))
    where = _checked_starts(dataset, starts, len(taken))
    shapes = _shapes(dataset, names, taken.shape)
    if out is not None:
        check_out(out, {name: shapes[name] for name in (*names, "valid")})
        _check_contiguous(out, names)
    lanes = replaying_lanes(dataset, "branch")
    rows = {
        name: np.zeros(shape, dtype) if out is None or name not in out else out[name]
        for name, (shape, dtype) in shapes.items()
    }
    rows["valid"][...] = False
    if len(taken):
        player = _Player(dataset, lanes, taken, rows)
        WorkerThreads(count).run(player.play, _parts(where))
    if out is not None:
        _clear_after_ends(rows)
    return {name: rows[name] for name in (*names, "valid")}


def _check_contiguous(out: dict[str, NDArray[Any]], names: Collection[str]) -> None:
    for name in (*names, "valid"):
        if not out[name].flags.carray:
            raise ArgumentError("out", f"expected {name!r} to be contiguous, found it is not")


def _clear_after_ends(rows: dict[str, NDArray[Any]]) -> None:
    """Write zeros to rows that no action has led to."""
    valid = rows["valid"]
    if not valid.all():
        for values in rows.values():
            values[:, values.shape[1] - valid.shape[1] :][~valid] = 0


class _Player:
    """Plays branches, an episode's at a time, in any thread."""

    def __init__(
        self,
        dataset: Dataset,
        lanes: BranchingLanes,
        actions: NDArray[np.uint8],
        rows: dict[str, NDArray[Any]],
    ) -> None:
        from crafter_dataset.engine.fast.branching_lanes import Branches

        self._dataset = dataset
        self._free, self._lock = [lanes], threading.Lock()
        seen = Seen.over({name: _flat(rows[name]) for name in rows if name in Seen._fields})
        self._branches = Branches(actions, seen, *(rows[name] for name in (*CAUSED, "valid")))

    def play(self, part: _Part) -> None:
        """Play an episode again, and its branches."""
        index, frames, numbers = part
        with self._lock:
            lanes = self._free.pop() if self._free else replaying_lanes(self._dataset, "branch")
            episode = self._dataset[index]
            actions = actions_of(self._dataset, episode, int(frames[-1]))
            terrain = terrain_of(self._dataset, episode)
        begin(lanes, self._dataset, episode, terrain)
        ended = lanes.branch(actions, frames, numbers, self._branches)
        hold_end(self._dataset, episode, ended, int(frames[-1]))
        with self._lock:
            self._free.append(lanes)


def _parts(starts: NDArray[np.int64]) -> list[_Part]:
    """Sort branches by the episode and frame that they start from, and group them by episode."""
    if not len(starts):
        return []
    order = np.lexsort((starts[:, 1], starts[:, 0]))
    episodes, frames = starts[order].T
    firsts = np.flatnonzero(np.diff(episodes, prepend=-1))
    return [
        (int(own[0]), np.ascontiguousarray(at), np.ascontiguousarray(numbers, np.int64))
        for own, at, numbers in zip(
            *(np.split(column, firsts[1:]) for column in (episodes, frames, order)), strict=True
        )
    ]


def _checked_fields(fields: Collection[str]) -> tuple[str, ...]:
    if not isinstance(fields, Collection):
        raise ArgumentError("fields", f"expected names of fields, found {fields!r}")
    names = (fields,) if isinstance(fields, str) else tuple(fields)
    known = (*_SEEN, *CAUSED)
    for name in names:
        if name not in known:
            raise ArgumentError("fields", f"expected some of {', '.join(known)}, found {name!r}")
    return tuple(dict.fromkeys(names))


def _array(argument: str, given: ArrayLike) -> NDArray[Any]:
    try:
        return np.asarray(given)
    except ValueError as error:  # of rows of several lengths
        raise ArgumentError(argument, f"expected rows of one length, found {error}") from error


def _checked_actions(actions: ArrayLike, count: int) -> NDArray[np.uint8]:
    given = _array("actions", actions)
    if given.ndim != 2 or not given.shape[1] or given.dtype.kind not in "iu":
        raise ArgumentError(
            "actions",
            f"expected integers of shape (branches, horizon), found {given.dtype} of shape "
            f"{given.shape}",
        )
    wrong = given[(given < 0) | (given >= count)]
    if len(wrong):
        raise ArgumentError("actions", f"expected 0 to {count - 1}, found {wrong[0]}")
    return np.ascontiguousarray(given, np.uint8)


def _checked_starts(dataset: Dataset, starts: ArrayLike, count: int) -> NDArray[np.int64]:
    given = _array("starts", starts)
    if given.shape != (count, 2) or given.dtype.kind not in "iu":
        raise ArgumentError(
            "starts",
            f"expected an episode and a frame for each of the {count} rows of actions, found "
            f"{given.dtype} of shape {given.shape}",
        )
    if given.dtype.kind == "u":
        given = np.minimum(given.astype(np.uint64), np.uint64(2**62))
    episodes, frames = given.astype(np.int64).T
    episodes = np.where(episodes < 0, episodes + len(dataset), episodes)
    wrong = (episodes < 0) | (episodes >= len(dataset))
    if wrong.any():
        raise ArgumentError(
            "starts",
            f"expected episodes from 0 to {len(dataset) - 1}, found {given[wrong][0, 0]}",
        )
    lengths = dataset.episodes.records["lengths"][episodes]
    frames = np.where(frames < 0, frames + lengths, frames)
    wrong = (frames < 0) | (frames >= lengths)
    if wrong.any():
        raise ArgumentError(
            "starts",
            f"expected frames from 0 to {lengths[wrong][0] - 1} of episode {episodes[wrong][0]}, "
            f"found {given[wrong][0, 1]}",
        )
    return np.stack([episodes, frames], 1)


def _shapes(
    dataset: Dataset, names: Collection[str], shape: tuple[int, ...]
) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
    """Return shape and dtype: a row an action for what it causes, one more for what is seen."""
    sizes, (count, horizon) = dataset.metadata.sizes(), shape
    shapes: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {"valid": (shape, np.dtype(bool))}
    for name in (
        *CAUSED,
        *(name for name in names if name in Seen._fields),
    ):
        field = FRAME_FIELDS[name]
        many = count, horizon + (name not in CAUSED)
        shapes[name] = (*many, *field.row_shape(sizes)), np.dtype(field.dtype)
    return shapes


def _flat(values: NDArray[Any]) -> NDArray[Any]:
    """Return rows of branches as rows one after the other, in the same memory."""
    return values.reshape(values.shape[0] * values.shape[1], *values.shape[2:])
