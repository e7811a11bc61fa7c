"""Lanes that take their steps together, and the episodes in them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.builder.collectors.job import CollectError, Job, raised
from crafter_dataset.builder.collectors.lane_rows import LaneInfos, LaneRows
from crafter_dataset.builder.episodes import EncodedEpisode
from crafter_dataset.engine.engines import make_lanes
from crafter_dataset.engine.protocol import LaneError
from crafter_dataset.engine.seeding import world_seed
from crafter_dataset.schemas.layout import CUT, TERMINATED


@dataclass(frozen=True)
class _Lane:
    """An episode being played."""

    episode: int
    world_seed: int
    terrain: NDArray[np.uint8]


@dataclass
class Turn:
    """What came of a turn.

    Parameters
    ----------
    whole : list of EncodedEpisode
        Episodes that have ended.
    started : dict of int to int
        Episodes that have begun, by the index of their lane in the group.
    """

    whole: list[EncodedEpisode] = field(default_factory=list)
    started: dict[int, int] = field(default_factory=dict)


class LaneGroup:
    """Plays the lanes of a policy, or a part of them, without asking it.

    Parameters
    ----------
    job : Job
        What to collect.
    numbers : ndarray, shape (lanes,), int64
        Numbers of the lanes, as the policy knows them.

    Attributes
    ----------
    numbers : ndarray, shape (lanes,), int64
        As above, read-only.
    playing : ndarray, shape (lanes,), bool
        Which lanes are in an episode.
    frames : ndarray, shape (lanes, height, width, 3), uint8
        Latest frame of each lane: always the same array, read-only.
    infos : LaneInfos
        What else there is to be seen.
    rows : LaneRows
        Rows of the lanes' episodes.
    actions : ndarray, shape (lanes,), int64
        What the lanes that play do in the next turn: to be filled before it.
    """

    def __init__(self, job: Job, numbers: NDArray[np.int64]) -> None:
        self._job, env, count = job, job.metadata.env, len(numbers)
        self.numbers = numbers.copy()
        self.numbers.flags.writeable = False
        self._env = make_lanes(
            job.engine, count, env.area, env.view, env.size, env.length, env.reward
        )
        self._lanes: list[_Lane | None] = [None] * count
        # The same arrays for all steps: a call with others takes longer.
        self.playing, self._drawing = np.zeros(count, bool), np.zeros(count, bool)
        self.actions = np.zeros(count, np.int64)
        self.rows = LaneRows(job.metadata, count)
        self._discounts, self._seeds = np.zeros(count, np.float32), np.zeros(count, np.int64)
        self._started = np.zeros(count, bool)
        self._drawn: NDArray[np.uint8] = np.zeros((count, env.size[1] * env.size[0] * 3), np.uint8)
        self.frames = self._drawn.reshape(count, env.size[1], env.size[0], 3).view()
        self.frames.flags.writeable = False
        others: dict[str, NDArray[Any]] = {
            "discount": self._discounts,
            "world_seed": self._seeds,
            "playing": self.playing,
        }
        self.infos = LaneInfos(self.rows, env.area, others, self._started)

    def take_turn(self, numbers: deque[int]) -> Turn:
        """Take a step in all lanes that play, then start episodes in idle ones.

        Parameters
        ----------
        numbers : deque of int
            Episodes to start; those that are started are taken out.

        Returns
        -------
        Turn
            What came of it.

        Raises
        ------
        CollectError
            If an environment raises.
        """
        whole = self._step() if self.playing.any() else []
        return Turn(whole, self.start(numbers))

    def start(self, numbers: deque[int]) -> dict[int, int]:
        """Start episodes in idle lanes.

        Parameters
        ----------
        numbers : deque of int
            Episodes to start; those that are started are taken out.

        Returns
        -------
        dict of int to int
            Those that are started, by the index of their lane in the group.

        Raises
        ------
        CollectError
            If an environment raises.
        """
        started: dict[int, int] = {}
        for lane in np.flatnonzero(~self.playing).tolist() if numbers else []:
            if not numbers:
                break
            started[lane] = numbers.popleft()
            self._start(lane, started[lane])
        if started:
            drawing = np.zeros(len(self.playing), bool)
            drawing[list(started)] = True
            self._draw(drawing)
        return started

    def cut(self) -> list[EncodedEpisode]:
        """End all episodes where they are, and return them."""
        return [self._finish(lane, CUT) for lane in np.flatnonzero(self.playing).tolist()]

    def episodes(self, lane: int | None = None) -> list[int]:
        """Return the ids of the episodes being played, in one lane or in all.

        Parameters
        ----------
        lane : int, optional
            Index of the lane in the group.
        """
        lanes = self._lanes if lane is None else [self._lanes[lane]]
        return [each.episode for each in lanes if each]

    def _step(self) -> list[EncodedEpisode]:
        rows = self.rows
        try:
            self._env.act(self.playing, self.actions, rows.rows, rows.done, self._job.max_rows)
        except LaneError as error:
            raise _environment_raised(error, self.episodes(error.lane)) from error
        self._draw(self.playing)
        ends = self._env.ends()
        return [
            self._finish(lane, int(ends[lane]))
            for lane in np.flatnonzero(self.playing & (ends != 0)).tolist()
        ]

    def _start(self, lane: int, episode: int) -> None:
        meta = self._job.metadata
        seed = world_seed(meta.seed, episode // meta.trajectories_per_world)
        try:
            self._env.start(lane, seed)
        except LaneError as error:
            raise _environment_raised(error, [episode]) from error
        self.rows.start(lane)
        self._lanes[lane] = _Lane(episode, seed, self._env.terrain(lane))
        self.playing[lane] = self._started[lane] = True
        self._discounts[lane], self._seeds[lane] = 1, seed

    def _draw(self, drawing: NDArray[np.bool_]) -> None:
        """Open the next row of lanes, and draw into it."""
        rows = self.rows
        rows.advance(drawing)
        self._drawing[:] = drawing
        self._env.draw(self._drawing, rows.images, rows.rows, rows.seen, self._drawn)

    def _finish(self, index: int, end_reason: int) -> EncodedEpisode:
        lane = self._lanes[index]
        assert lane is not None
        self._lanes[index], self.playing[index] = None, False
        self._discounts[index] = end_reason != TERMINATED
        return self.rows.finish(index, lane.episode, end_reason, lane.world_seed, lane.terrain)


def _environment_raised(error: LaneError, episodes: list[int]) -> CollectError:
    return raised("the environment", error.__cause__ or error, episodes)
