"""Play planned episodes, a chunk of frames at a time, without returning to Python in between."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from crafter_dataset.builder.collectors.job import (
    CollectError,
    Give,
    Job,
    Take,
    in_episodes,
    raised,
)
from crafter_dataset.builder.episodes import EpisodeEncoder
from crafter_dataset.builder.policies.open_loop import OpenLoopPolicy, Plan, blocks_of
from crafter_dataset.engine.engines import fast_lanes
from crafter_dataset.engine.seeding import policy_generator, world_seed

_ROOM = 4096
_MOST_AHEAD = 8
"""Episodes whose plans are begun one right after the other, which takes half as long."""
_NOOPS = np.zeros(256, np.uint8)


def plan_of(policy: Any) -> Plan | None:
    """Return the plan of a policy that does nothing but play one back, None for any other.

    Parameters
    ----------
    policy : Policy
        Any policy.
    """
    if not isinstance(policy, OpenLoopPolicy):
        return None
    # A subclass or the object itself may have methods of its own.
    own = [getattr(policy, name) for name in ("act", "reset")]
    plain = [OpenLoopPolicy.act, OpenLoopPolicy.reset]
    return policy.plan if [getattr(m, "__func__", None) for m in own] == plain else None


@dataclass
class _Begun:
    """An episode's plan, with its first block or the error that was raised instead."""

    episode: int
    blocks: Iterator[Any] | None = None
    first: Any = None
    error: Exception | None = None

    def next_block(self) -> Any:
        """Return the next block; after the plan's end, one of `noop`s."""
        if self.error is not None:
            raise self.error
        if self.first is not None:
            block, self.first = self.first, None
            return block
        assert self.blocks is not None
        return next(self.blocks, _NOOPS)


class PlannedCollector:
    """Hands the fast engine an episode's actions in blocks, and rows to fill.

    Parameters
    ----------
    job : Job
        What to collect.
    plan : callable
        The policy's plan.
    take : callable
        Where episode numbers come from, see `collectors.job.Take`.
    give : callable
        Where whole episodes go, see `collectors.job.Give`.
    """

    def __init__(self, job: Job, plan: Plan, take: Take, give: Give) -> None:
        self._job, self._plan, self._take, self._give = job, plan, take, give
        env = job.metadata.env
        self._lanes = fast_lanes()(1, env.area, env.view, env.size, env.length, env.reward)
        self._encoder = EpisodeEncoder(job.metadata)
        self._begun: _Begun | None = None
        self._ahead: deque[_Begun] = deque()
        # One array for all blocks that fit: with another one, a call takes longer.
        self._actions, self._taken, self._stop = np.zeros(_ROOM, np.uint8), 0, 0
        self._wrong: int | None = None

    def advance(self) -> bool:
        """Start an episode if none is being played, then fill a chunk of frames.

        Returns
        -------
        bool
            Whether there was anything to play.

        Raises
        ------
        CollectError
            If the plan raises, or an action is not valid.
        """
        begun = self._begun or self._begin()
        if begun is None:
            return False
        seen, done, image, row = self._encoder.rows()
        while image < len(seen.frames):
            filled = self._lanes.play(
                0, self._actions, self._taken, self._stop, seen, done, image, row,
                self._job.max_rows,
            )  # fmt: skip
            self._encoder.filled(abs(filled))
            if filled < 0:
                self._finish(begun)
                return True
            image, row = image + filled, row + filled
            self._taken += filled
            if self._taken == self._stop and not self._lanes.ended(0):
                self._next_actions(begun)
        return True

    def _begin_plans(self) -> None:
        """Take the next episode, and more if they are waiting, and ask for their first actions."""
        episode = self._take(True)
        while episode is not None:
            begun = _Begun(episode)
            try:
                rng = policy_generator(self._job.metadata.seed, episode)
                begun.blocks = blocks_of(self._plan, rng)
                # A copy, in case the plan keeps one array for all its blocks.
                begun.first = np.array(next(begun.blocks, _NOOPS))
            except Exception as error:
                begun.error = error
            self._ahead.append(begun)
            episode = self._take(False) if len(self._ahead) < _MOST_AHEAD else None

    def _begin(self) -> _Begun | None:
        """Start an episode and return it, None if there is none."""
        if not self._ahead:
            self._begin_plans()
        if not self._ahead:
            return None
        self._begun = begun = self._ahead.popleft()
        meta = self._job.metadata
        self._seed = world_seed(meta.seed, begun.episode // meta.trajectories_per_world)
        self._lanes.start(0, self._seed)
        self._terrain = self._lanes.terrain(0)
        self._encoder.start()
        self._taken, self._stop, self._wrong = 0, 0, None
        return begun

    def _finish(self, begun: _Begun) -> None:
        end_reason = self._lanes.ended(0)
        self._begun = None
        self._give(self._encoder.finish(begun.episode, end_reason, self._seed, self._terrain))

    def _next_actions(self, begun: _Begun) -> None:
        """Take more actions from the plan."""
        episode = begun.episode
        name, highest = self._job.policy_name, len(self._job.metadata.actions) - 1
        if self._wrong is not None:
            raise CollectError(
                f"{name}: expected actions from 0 to {highest}, "
                f"found {self._wrong} {in_episodes([episode])}"
            )
        try:
            block = np.asarray(begun.next_block())
        except Exception as error:
            raise raised(name, error, [episode]) from error
        if block.ndim != 1 or block.dtype.kind not in "iu":
            raise CollectError(
                f"{name}: expected blocks of integer actions, "
                f"found shape {block.shape} of {block.dtype} {in_episodes([episode])}"
            )
        # Actions that are not taken need not be right: the episode may end before.
        if block.max() > highest or (block.dtype.kind == "i" and block.min() < 0):
            wrong = np.flatnonzero((block < 0) | (block > highest))
            self._wrong = int(block[wrong[0]])
            block = block[: wrong[0]]
        if len(block) > len(self._actions):
            self._actions = np.zeros(len(block), np.uint8)
        self._actions[: len(block)] = block
        self._taken, self._stop = 0, len(block)
