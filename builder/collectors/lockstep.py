"""Play episodes in lanes, one step in all at a time, as a policy chooses that looks at frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.builder.collectors.job import (
    CollectError,
    Give,
    Job,
    Take,
    in_episodes,
    raised,
)
from crafter_dataset.builder.collectors.lane_rows import LaneInfos, LaneRows
from crafter_dataset.builder.collectors.stated import Stated, StatedError
from crafter_dataset.builder.policies import Policy
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


class LockstepCollector:
    """Shows a policy the frames of all lanes, and takes the actions it chooses.

    Parameters
    ----------
    job : Job
        What to collect.
    policy : Policy
        For as many lanes as the job has.
    stated : Stated
        Takes what the policy states beside its actions.
    take : callable
        Where episode numbers come from, see `collectors.job.Take`.
    give : callable
        Where whole episodes go, see `collectors.job.Give`.
    """

    def __init__(self, job: Job, policy: Policy, stated: Stated, take: Take, give: Give) -> None:
        self._job, self._policy, self._take, self._give = job, policy, take, give
        self._stated = stated
        env, count = job.metadata.env, job.num_envs
        self._env = make_lanes(
            job.engine, count, env.area, env.view, env.size, env.length, env.reward
        )
        self._lanes: list[_Lane | None] = [None] * count
        self._playing, self._drawing = np.zeros(count, bool), np.zeros(count, bool)
        self._started = np.zeros(count, bool)
        self._actions = np.zeros(count, np.int64)
        self._rows = LaneRows(job.metadata, count)
        self._others: dict[str, NDArray[Any]] = {
            "discount": np.zeros(count, np.float32),
            "world_seed": np.zeros(count, np.int64),
        }
        # What the policy sees, the same arrays each time, which the next step overwrites.
        self._drawn: NDArray[np.uint8] = np.zeros((count, env.size[1] * env.size[0] * 3), np.uint8)
        self._frames = self._drawn.reshape(count, env.size[1], env.size[0], 3).view()
        self._frames.flags.writeable = False
        self._infos = LaneInfos(self._rows, env.area, self._others, self._started)

    def advance(self) -> bool:
        """Start episodes in idle lanes, then take one step in all lanes.

        Returns
        -------
        bool
            Whether there was anything to play.

        Raises
        ------
        CollectError
            If the policy or an environment raises, or an action is not valid.
        """
        if not self._start_episodes():
            return False
        if not self._playing.any():
            return True
        actions, rows = self._choose(), self._rows
        try:
            self._env.act(self._playing, actions, rows.rows, rows.done, self._job.max_rows)
        except LaneError as error:
            raise raised(
                "the environment", error.__cause__ or error, self._episodes(error.lane)
            ) from error
        if self._stated:
            self._stated.write(rows, self._playing)
        self._draw(self._playing)
        ends = self._env.ends()
        for index in np.flatnonzero(self._playing & (ends != 0)).tolist():
            self._finish(index, int(ends[index]))
        return True

    def _start_episodes(self) -> bool:
        """Fill idle lanes as far as there are episodes; return False if there was none to play."""
        started: list[int] = []
        for index in np.flatnonzero(~self._playing).tolist():
            episode = self._take(not started and not self._playing.any())
            if episode is None:
                break
            self._start(index, episode)
            started.append(index)
        if started:
            mask = np.zeros(self._job.num_envs, bool)
            mask[started] = True
            self._draw(mask)
            if self._job.max_rows == 1:
                for index in started:
                    self._finish(index, CUT)
        return bool(started) or bool(self._playing.any())

    def _start(self, index: int, episode: int) -> None:
        meta = self._job.metadata
        seed = world_seed(meta.seed, episode // meta.trajectories_per_world)
        try:
            self._env.start(index, seed)
        except LaneError as error:
            raise raised("the environment", error.__cause__ or error, [episode]) from error
        self._rows.start(index)
        self._lanes[index] = _Lane(episode, seed, self._env.terrain(index))
        self._playing[index] = self._started[index] = True
        self._others["discount"][index], self._others["world_seed"][index] = 1, seed
        try:
            self._policy.reset(index, self._job.generator(episode))
        except Exception as error:
            raise raised(self._job.policy_name, error, [episode]) from error

    def _draw(self, drawing: NDArray[np.bool_]) -> None:
        """Open the next row of lanes, and draw into it."""
        rows = self._rows
        rows.advance(drawing)
        self._drawing[:] = drawing  # the same array each time: a call with another takes longer
        self._env.draw(self._drawing, rows.images, rows.rows, rows.seen, self._drawn)

    def _choose(self) -> NDArray[np.int64]:
        """Ask the policy for actions, and check those of lanes that play."""
        count, name = self._job.num_envs, self._job.policy_name
        try:
            answer = self._policy.act(self._frames, self._infos)
            actions = np.asarray(self._stated.actions_of(answer))
        except StatedError as error:
            raise CollectError(f"{name}: {error} {in_episodes(self._episodes())}") from None
        except Exception as error:
            raise raised(name, error, self._episodes()) from error
        if actions.shape != (count,) or actions.dtype.kind not in "iu":
            raise CollectError(
                f"{name}: expected {count} integer actions, "
                f"found shape {actions.shape} of {actions.dtype} {in_episodes(self._episodes())}"
            )
        highest = len(self._job.metadata.actions) - 1
        wrong = self._playing & ((actions < 0) | (actions > highest))
        if wrong.any():
            index = int(wrong.argmax())
            raise CollectError(
                f"{name}: expected actions from 0 to {highest}, "
                f"found {actions[index]} {in_episodes(self._episodes(index))}"
            )
        # One array for all steps: with another one, a call takes longer.
        np.copyto(self._actions, actions, casting="unsafe", where=self._playing)
        return self._actions

    def _finish(self, index: int, end_reason: int) -> None:
        lane = self._lanes[index]
        assert lane is not None
        self._lanes[index], self._playing[index] = None, False
        self._others["discount"][index] = end_reason != TERMINATED
        self._give(
            self._rows.finish(index, lane.episode, end_reason, lane.world_seed, lane.terrain)
        )

    def _episodes(self, index: int | None = None) -> list[int]:
        """Return the ids of the episodes being played, in one lane or in all."""
        lanes = self._lanes if index is None else [self._lanes[index]]
        return [lane.episode for lane in lanes if lane]
