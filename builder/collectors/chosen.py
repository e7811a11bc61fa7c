"""Play episodes as a compiled policy chooses."""

from __future__ import annotations

import traceback
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.builder.collectors.job import CollectError, Job, Take, in_episodes
from crafter_dataset.builder.policies.compiled import CompiledPolicy
from crafter_dataset.builder.policies.load import load_factory
from crafter_dataset.builder.policies.skilled import SKILLED
from crafter_dataset.engine.chooser import Chooser
from crafter_dataset.engine.compiled.compiling import Needed
from crafter_dataset.engine.engines import fast_lanes
from crafter_dataset.engine.protocol import Lanes
from crafter_dataset.engine.rows import MISCHOSEN, Done, Seen
from crafter_dataset.schemas.errors import CrafterDatasetError
from crafter_dataset.schemas.metadata import Metadata


class ChosenLanes(Lanes, Protocol):
    """Lanes of either engine that a compiled function can play in."""

    worlds: NDArray[np.void]

    def play_chosen(
        self,
        lane: int,
        chooser: Chooser,
        seen: Seen,
        done: Done,
        image: int,
        row: int,
        max_rows: int | None,
    ) -> int:
        """Fill rows; see `FastLanes.play_chosen`.

        Parameters
        ----------
        lane : int
            Number of the lane.
        chooser : Chooser
            What chooses the actions.
        seen, done : Seen, Done
            Rows to fill.
        image, row : int
            Next rows to fill, of pictures and maps, and of small fields.
        max_rows : int or None
            Rows at which the episode is cut, None for never.
        """


class ChoicePlayer:
    """Lets a compiled policy play.

    Parameters
    ----------
    job : Job
        What to collect.
    lanes : ChosenLanes
        One lane, which is played in.
    policy : CompiledPolicy
        The policy.

    Raises
    ------
    CollectError
        If the policy's memory cannot be what it asks for, or it cannot be compiled.
    """

    def __init__(self, job: Job, lanes: ChosenLanes, policy: CompiledPolicy) -> None:
        self._job, self._lanes = job, lanes
        try:
            self._chooser = policy.chooser(lanes.worlds)
            self._chooser.called_with(lanes.worlds, 0)
        except CrafterDatasetError as error:
            raise CollectError(f"{job.policy_name}: {error}") from error
        except Exception as error:  # numba raises many types for what it does not compile
            from crafter_dataset.builder.policies.kernel_checks import compiler_message

            raise CollectError(
                f"{job.policy_name} cannot be compiled: {compiler_message(error)}",
                details="".join(traceback.format_exception(error)),
            ) from error
        self._episode = 0

    def begin(self, take: Take) -> int | None:
        """Begin the next episode; see `Player.begin`.

        Parameters
        ----------
        take : callable
            Where episode numbers come from, see `collectors.job.Take`.
        """
        episode = take(True)
        if episode is not None:
            self._chooser.start(self._job.generator(episode))
            self._episode = episode
        return episode

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
            If what was chosen is no action.
        """
        filled = self._lanes.play_chosen(
            0, self._chooser, seen, done, image, row, self._job.max_rows
        )
        if filled == MISCHOSEN:
            raise CollectError(
                f"{self._job.policy_name}: expected actions from 0 to "
                f"{len(self._job.metadata.actions) - 1}, found {self._chooser.chosen} "
                f"{in_episodes([self._episode])}"
            )
        return filled


def needed(metadata: Metadata) -> list[Needed]:
    """List the compiled functions of those of a dataset's policies that come with the package.

    (Those of users are compiled by the first worker: to make a policy may take a while.)

    Parameters
    ----------
    metadata : Metadata
        Of the dataset.
    """
    skilled = [each for each in metadata.policy.members() if each.name in SKILLED]
    if not skilled:
        return []
    env = metadata.env
    worlds = fast_lanes()(1, env.area, env.view, env.size).worlds
    made = (load_factory(each.name)(1, **each.parameters) for each in skilled)
    return [p.chooser(worlds).needed(worlds) for p in made if isinstance(p, CompiledPolicy)]
