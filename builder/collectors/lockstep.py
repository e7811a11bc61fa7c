"""Play episodes in lanes, one step in all at a time, as a policy chooses that looks at frames."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
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
from crafter_dataset.builder.collectors.lane_group import LaneGroup, Turn
from crafter_dataset.builder.collectors.stated import Stated, StatedError
from crafter_dataset.builder.policies import Policy
from crafter_dataset.schemas.arguments import whole_number
from crafter_dataset.schemas.errors import ArgumentError


class LockstepCollector:
    """Shows a policy the frames of all lanes, and takes the actions it chooses.

    If the policy asks for groups of lanes, they take turns: it is asked about
    one while a thread plays the others, in compiled code, and compresses their
    chunks. All else happens in the thread that calls `advance`.

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
        count = min(groups_of(policy), job.num_envs)
        lanes = np.arange(job.num_envs)
        self._groups = [LaneGroup(job, part) for part in np.array_split(lanes, count)]
        self._names_lanes = groups_of(policy) > 1
        self._thread = ThreadPoolExecutor(1) if count > 1 else None
        self._under_way: deque[tuple[LaneGroup, Future[Turn] | Turn]] = deque(
            (group, Turn()) for group in self._groups
        )
        self._numbers: deque[int] = deque()

    def advance(self) -> bool:
        """Let the policy choose for the group whose turn was first, and begin its next one.

        Returns
        -------
        bool
            Whether there was anything to play.

        Raises
        ------
        CollectError
            If the policy or an environment raises, or an action is not valid.
        """
        group, turn = self._under_way.popleft()
        self._settle(group, turn.result() if isinstance(turn, Future) else turn)
        if not self._take_numbers(group):
            self._under_way.append((group, Turn()))
            return False
        if self._thread is None:
            self._settle(group, Turn(started=group.start(self._numbers)))
        if group.playing.any():
            self._choose(group)
        elif not self._numbers:  # other lanes play, or an episode may come
            self._under_way.append((group, Turn()))
            return True
        if self._thread is None:
            self._under_way.append((group, group.take_turn(self._numbers)))
        else:
            future = self._thread.submit(group.take_turn, self._numbers)
            self._under_way.append((group, future))
        return True

    def _settle(self, group: LaneGroup, turn: Turn) -> None:
        """Hand on the episodes that are whole, and tell the policy of those that have begun."""
        for episode in turn.whole:
            self._give(episode)
        for lane, number in turn.started.items():
            try:
                self._policy.reset(int(group.numbers[lane]), self._job.generator(number))
            except Exception as error:
                raise raised(self._job.policy_name, error, [number]) from error
        if self._job.max_rows == 1:
            for episode in group.cut():
                self._give(episode)

    def _take_numbers(self, group: LaneGroup) -> bool:
        """Take episodes for idle lanes; return False if there is nothing to play.

        If all is idle, it waits for an episode, where they come from elsewhere. A thread gets
        one more, for a lane that ends meanwhile.
        """
        busy = bool(group.playing.any()) or any(
            isinstance(turn, Future) or other.playing.any() for other, turn in self._under_way
        )
        wanted = np.count_nonzero(~group.playing) + (self._thread is not None)
        while len(self._numbers) < wanted:
            number = self._take(not busy and not self._numbers)
            if number is None:
                break
            self._numbers.append(number)
        return busy or bool(self._numbers)

    def _choose(self, group: LaneGroup) -> None:
        """Ask the policy for a group's actions, and check those of lanes that play."""
        count, name = len(group.numbers), self._job.policy_name
        policy: Any = self._policy
        given = (group.numbers,) if self._names_lanes else ()
        try:
            answer = policy.act(group.frames, group.infos, *given)
            actions = np.asarray(self._stated.actions_of(answer, count))
        except StatedError as error:
            raise CollectError(f"{name}: {error} {in_episodes(group.episodes())}") from None
        except Exception as error:
            raise raised(name, error, group.episodes()) from error
        if actions.shape != (count,) or actions.dtype.kind not in "iu":
            raise CollectError(
                f"{name}: expected {count} integer actions, "
                f"found shape {actions.shape} of {actions.dtype} {in_episodes(group.episodes())}"
            )
        highest = len(self._job.metadata.actions) - 1
        wrong = group.playing & ((actions < 0) | (actions > highest))
        if wrong.any():
            lane = int(wrong.argmax())
            raise CollectError(
                f"{name}: expected actions from 0 to {highest}, "
                f"found {actions[lane]} {in_episodes(group.episodes(lane))}"
            )
        np.copyto(group.actions, actions, casting="unsafe", where=group.playing)
        self._stated.write(group.rows, group.playing)


def groups_of(policy: Policy) -> int:
    """Return how many groups of lanes a policy asks for; 1 unless it does.

    Parameters
    ----------
    policy : Policy
        The policy.

    Raises
    ------
    CollectError
        If it asks for what is no number of groups.
    """
    groups = getattr(policy, "lane_groups", 1)
    try:
        return whole_number("lane_groups", groups, 1)
    except ArgumentError as error:
        raise CollectError(f"policy {type(policy).__name__}: {error}") from error
