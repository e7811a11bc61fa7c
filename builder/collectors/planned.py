"""Play planned episodes: their actions are known before they are played."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from crafter_dataset.builder.collectors.job import CollectError, Job, Take, in_episodes, raised
from crafter_dataset.builder.policies.open_loop import OpenLoopPolicy, Plan, blocks_of
from crafter_dataset.engine.rows import Done, Seen

if TYPE_CHECKING:
    from crafter_dataset.engine.fast.fast_lanes import FastLanes

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


class PlanPlayer:
    """Hands the fast engine an episode's actions in blocks.

    Parameters
    ----------
    job : Job
        What to collect.
    lanes : FastLanes
        One lane, which is played in.
    plan : callable
        The policy's plan.
    """

    def __init__(self, job: Job, lanes: FastLanes, plan: Plan) -> None:
        self._job, self._lanes, self._plan = job, lanes, plan
        self._begun: _Begun | None = None
        self._ahead: deque[_Begun] = deque()
        # One array for all blocks that fit: with another one, a call takes longer.
        self._actions, self._taken, self._stop = np.zeros(_ROOM, np.uint8), 0, 0
        self._wrong: int | None = None

    def begin(self, take: Take) -> int | None:
        """Begin the next episode; see `Player.begin`.

        Parameters
        ----------
        take : callable
            Where episode numbers come from, see `collectors.job.Take`.
        """
        if not self._ahead:
            self._begin_plans(take)
        if not self._ahead:
            return None
        self._begun = self._ahead.popleft()
        self._taken, self._stop, self._wrong = 0, 0, None
        return self._begun.episode

    def play(self, seen: Seen, done: Done, image: int, row: int) -> int:
        """Fill rows of the episode; see `Player.play`.

        Parameters
        ----------
        seen, done : Seen, Done
            Rows to fill.
        image, row : int
            Next rows to fill, of pictures and maps, and of small fields.

        Raises
        ------
        CollectError
            If the plan raises, or an action is not valid.
        """
        filled = self._lanes.play(
            0, self._actions, self._taken, self._stop, seen, done, image, row, self._job.max_rows
        )
        self._taken += abs(filled)
        if self._taken == self._stop and not self._lanes.ended(0):
            self._next_actions()
        return filled

    def _begin_plans(self, take: Take) -> None:
        """Take the next episode, and more if they are waiting, and ask for their first actions."""
        episode = take(True)
        while episode is not None:
            begun = _Begun(episode)
            try:
                begun.blocks = blocks_of(self._plan, self._job.generator(episode))
                # A copy, in case the plan keeps one array for all its blocks.
                begun.first = np.array(next(begun.blocks, _NOOPS))
            except Exception as error:
                begun.error = error
            self._ahead.append(begun)
            episode = take(False) if len(self._ahead) < _MOST_AHEAD else None

    def _next_actions(self) -> None:
        """Take more actions from the plan."""
        assert self._begun is not None
        begun, episode = self._begun, self._begun.episode
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
