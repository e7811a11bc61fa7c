"""Play episodes in the lanes of one vector environment, one step in all at a time."""

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
from crafter_dataset.builder.collectors.stated import Stated, StatedError
from crafter_dataset.builder.episodes import EpisodeEncoder
from crafter_dataset.builder.policies import Policy
from crafter_dataset.engine.protocol import LaneError
from crafter_dataset.engine.rows import Seen
from crafter_dataset.engine.seeding import world_seed
from crafter_dataset.envs import CrafterVectorEnv
from crafter_dataset.schemas.layout import CUT, TERMINATED, TIME_LIMIT

_INFO_KEYS = {"positions": "position"}
"""Keys of an environment's `info` that are not named like the field."""


@dataclass
class _Lane:
    """An episode being played."""

    episode: int
    world_seed: int
    terrain: NDArray[np.uint8]
    encoder: EpisodeEncoder


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
        self._stated, self._states = stated, bool(stated)
        env = job.metadata.env
        self._env = CrafterVectorEnv(
            job.num_envs, env.area, env.view, env.size, env.length, env.reward, job.engine,
            copy=False,
        )  # fmt: skip
        self._lanes: list[_Lane | None] = [None] * job.num_envs
        self._encoders = [EpisodeEncoder(job.metadata) for _ in range(job.num_envs)]
        # Views of what the environment overwrites at each step: the same ones each time.
        self._frames: NDArray[np.uint8] = np.zeros(0, np.uint8)
        self._infos: dict[str, Any] = {}

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
        if not any(self._lanes):
            return True
        actions = self._choose()
        try:
            self._frames, rewards, terminated, truncated, self._infos = self._env.step(actions)
        except LaneError as error:
            raise raised(
                "the environment", error.__cause__ or error, self._episodes(error.lane)
            ) from error
        seen = self._seen()
        for index, lane in enumerate(self._lanes):
            if lane is None:
                continue
            ended = TERMINATED if terminated[index] else TIME_LIMIT if truncated[index] else None
            if ended is None and lane.encoder.length + 1 == self._job.max_rows:
                ended = CUT
            lane.encoder.act(
                actions[index], rewards[index], ended == TERMINATED, ended in (TIME_LIMIT, CUT)
            )
            if self._states:
                self._stated.write(lane.encoder, index)
            lane.encoder.observe(seen, index)
            if ended is not None:
                self._finish(index, lane, ended)
        return True

    def _start_episodes(self) -> bool:
        """Fill idle lanes as far as there are episodes; return False if there was none to play."""
        started: dict[int, int] = {}
        for index, lane in enumerate(self._lanes):
            if lane is None:
                episode = self._take(not started and not any(self._lanes))
                if episode is None:
                    break
                started[index] = episode
        if not started:
            return any(self._lanes)
        meta = self._job.metadata
        mask = np.zeros(self._job.num_envs, bool)
        mask[list(started)] = True
        seeds = {
            index: world_seed(meta.seed, episode // meta.trajectories_per_world)
            for index, episode in started.items()
        }
        try:
            self._frames, self._infos = self._env.reset(
                seed=[seeds.get(index) for index in range(self._job.num_envs)],
                options={"reset_mask": mask},
            )
        except LaneError as error:
            raise raised(
                "the environment", error.__cause__ or error, [started[error.lane]]
            ) from error
        seen = self._seen()
        for index, episode in started.items():
            encoder = self._encoders[index]
            encoder.start()
            lane = _Lane(episode, seeds[index], self._env.terrain(index), encoder)
            self._lanes[index] = lane
            try:
                self._policy.reset(index, self._job.generator(episode))
            except Exception as error:
                raise raised(self._job.policy_name, error, [episode]) from error
            encoder.observe(seen, index)
            if self._job.max_rows == 1:
                self._finish(index, lane, CUT)
        return True

    def _choose(self) -> NDArray[np.int64]:
        """Ask the policy for actions, and check them; idle lanes get 0."""
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
        chosen = np.zeros(count, np.int64)
        for index, lane in enumerate(self._lanes):
            if lane is None:
                continue
            if not 0 <= actions[index] <= highest:
                raise CollectError(
                    f"{name}: expected actions from 0 to {highest}, "
                    f"found {actions[index]} {in_episodes(self._episodes(index))}"
                )
            chosen[index] = actions[index]
        return chosen

    def _seen(self) -> Seen:
        """Lay out what the environment shows as rows, one per lane."""
        infos = {name: self._infos[_INFO_KEYS.get(name, name)] for name in Seen._fields[1:]}
        return Seen.over({"frames": self._frames, **infos})

    def _finish(self, index: int, lane: _Lane, end_reason: int) -> None:
        self._lanes[index] = None
        self._give(lane.encoder.finish(lane.episode, end_reason, lane.world_seed, lane.terrain))

    def _episodes(self, index: int | None = None) -> list[int]:
        """Return the ids of the episodes being played, in one lane or in all."""
        lanes = self._lanes if index is None else [self._lanes[index]]
        return [lane.episode for lane in lanes if lane]
