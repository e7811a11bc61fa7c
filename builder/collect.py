"""Play episodes in the lanes of one vector environment, each to its own end."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from builder.envs import CrafterVectorEnv, LaneError
from builder.episodes import EncodedEpisode, EpisodeEncoder
from builder.policies import Policy, PolicyError, load_factory
from builder.seeding import policy_generator, world_seed
from schemas.layout import CUT, TERMINATED, TIME_LIMIT
from schemas.metadata import Metadata

OBSERVED = {
    "semantic": "semantic",
    "positions": "position",
    "inventory": "inventory",
    "achievements": "achievements",
    "daylight": "daylight",
}
"""Per-frame fields that come from an environment's `info`, with its key."""


@dataclass(frozen=True)
class Job:
    """All that a worker must know, the same for every episode.

    Parameters
    ----------
    metadata : Metadata
        Of the dataset; its counts do not matter.
    num_envs : int
        Lanes of the vector environment.
    max_rows : int or None
        Rows after which an episode is cut, since no more can be needed.
    """

    metadata: Metadata
    num_envs: int
    max_rows: int | None = None


class CollectError(Exception):
    """A policy or an environment raised.

    Parameters
    ----------
    message : str
        One line: who raised what, where, in which episodes.
    details : str
        The whole traceback.
    """

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(message)
        self.details = details

    def __reduce__(self) -> tuple[Any, ...]:
        return CollectError, (str(self), self.details)


@dataclass
class _Lane:
    """An episode being played."""

    episode: int
    world_seed: int
    terrain: NDArray[np.uint8]
    encoder: EpisodeEncoder


class Collector:
    """Plays the episodes it is given and hands over each as soon as it is whole.

    Parameters
    ----------
    job : Job
        What to collect.
    take : callable
        `take(wait)` gives the number of the next episode, or None if there is
        none: for now (`wait` false), or ever (`wait` true).
    give : callable
        Called with each whole episode.

    Raises
    ------
    CollectError
        From any method, if the policy or an environment raises.
    """

    def __init__(
        self,
        job: Job,
        take: Callable[[bool], int | None],
        give: Callable[[EncodedEpisode], None],
    ) -> None:
        self._job, self._take, self._give = job, take, give
        meta, env = job.metadata, job.metadata.env
        self._env = CrafterVectorEnv(
            job.num_envs, env.area, env.view, env.size, env.length, env.reward
        )
        self._lanes: list[_Lane | None] = [None] * job.num_envs
        self._encoders = [EpisodeEncoder(meta) for _ in range(job.num_envs)]
        self._observed = {name: key for name, key in OBSERVED.items() if name in meta.fields}
        self._frames: NDArray[np.uint8] = np.zeros(0, np.uint8)
        self._infos: dict[str, Any] = {}
        self._policy: Policy
        try:
            self._policy = load_factory(meta.policy.name)(job.num_envs, **meta.policy.parameters)
        except PolicyError as error:
            raise CollectError(str(error)) from error
        except Exception as error:
            raise self._raised(self._policy_name, error) from error

    def run(self) -> None:
        """Play until there are no more episodes to take."""
        while self.advance():
            pass

    def advance(self) -> bool:
        """Start episodes in idle lanes, then take one step in all lanes.

        Returns
        -------
        bool
            Whether there may be anything left to play.
        """
        if not self._start_episodes():
            return False
        if not any(self._lanes):
            return True
        actions = self._choose()
        try:
            self._frames, rewards, terminated, truncated, self._infos = self._env.step(actions)
        except LaneError as error:
            raise self._raised("the environment", error.__cause__ or error, error.lane) from error
        for index, lane in enumerate(self._lanes):
            if lane is None:
                continue
            ended = TERMINATED if terminated[index] else TIME_LIMIT if truncated[index] else None
            if ended is None and lane.encoder.length + 1 == self._job.max_rows:
                ended = CUT
            lane.encoder.act(
                actions[index], rewards[index], ended == TERMINATED, ended in (TIME_LIMIT, CUT)
            )
            self._observe(index, lane)
            if ended is not None:
                self._finish(index, lane, ended)
        return True

    def _start_episodes(self) -> bool:
        """Fill idle lanes as far as there are episodes; False if there will never be one."""
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
            raise self._raised(
                "the environment", error.__cause__ or error, [started[error.lane]]
            ) from error
        for index, episode in started.items():
            encoder = self._encoders[index]
            encoder.start()
            lane = _Lane(episode, seeds[index], self._env.terrain(index), encoder)
            self._lanes[index] = lane
            try:
                self._policy.reset(index, policy_generator(meta.seed, episode))
            except Exception as error:
                raise self._raised(self._policy_name, error, index) from error
            self._observe(index, lane)
            if self._job.max_rows == 1:
                self._finish(index, lane, CUT)
        return True

    def _choose(self) -> NDArray[np.int64]:
        """Ask the policy for actions and hold it to the protocol; idle lanes get 0."""
        count = self._job.num_envs
        try:
            actions = np.asarray(self._policy.act(self._frames, self._infos))
        except Exception as error:
            raise self._raised(self._policy_name, error) from error
        if actions.shape != (count,) or actions.dtype.kind not in "iu":
            raise CollectError(
                f"{self._policy_name}: expected {count} integer actions, "
                f"found shape {actions.shape} of {actions.dtype} {self._in_episodes()}"
            )
        highest = len(self._job.metadata.actions) - 1
        chosen = np.zeros(count, np.int64)
        for index, lane in enumerate(self._lanes):
            if lane is None:
                continue
            if not 0 <= actions[index] <= highest:
                raise CollectError(
                    f"{self._policy_name}: expected actions from 0 to {highest}, "
                    f"found {actions[index]} {self._in_episodes(index)}"
                )
            chosen[index] = actions[index]
        return chosen

    def _observe(self, index: int, lane: _Lane) -> None:
        seen = {name: self._infos[key][index] for name, key in self._observed.items()}
        lane.encoder.observe({"frames": self._frames[index], **seen})

    def _finish(self, index: int, lane: _Lane, end_reason: int) -> None:
        self._lanes[index] = None
        self._give(lane.encoder.finish(lane.episode, end_reason, lane.world_seed, lane.terrain))

    @property
    def _policy_name(self) -> str:
        return f"policy {self._job.metadata.policy.name!r}"

    def _in_episodes(self, episodes: int | list[int] | None = None) -> str:
        """Name the episodes at fault: one lane's, those listed, or all being played."""
        if episodes is None:
            episodes = [lane.episode for lane in self._lanes if lane]
        elif isinstance(episodes, int):
            lane = self._lanes[episodes]
            episodes = [lane.episode] if lane else []
        if not episodes:
            return "before the first episode"
        plural = "s" if len(episodes) > 1 else ""
        return f"in episode{plural} {', '.join(map(str, sorted(episodes)))}"

    def _raised(
        self, who: str, error: BaseException, episodes: int | list[int] | None = None
    ) -> CollectError:
        """Describe an exception in one line, with its whole traceback as details."""
        place = traceback.extract_tb(error.__traceback__)[-1]
        text = " ".join(str(error).split())
        return CollectError(
            f"{who} raised {type(error).__name__}: {text} ({place.filename}:{place.lineno}) "
            f"{self._in_episodes(episodes)}",
            "".join(traceback.format_exception(error)),
        )
