"""What every way of collecting episodes has in common: the job, its policy, its errors."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from crafter_dataset.builder.episodes import EncodedEpisode
from crafter_dataset.builder.policies import Policy, PolicyError, load_factory
from crafter_dataset.builder.policies.compiled import CompiledPolicy
from crafter_dataset.builder.policies.mixture import Mixture
from crafter_dataset.builder.tracebacks import users_frames
from crafter_dataset.engine.seeding import policy_generator
from crafter_dataset.schemas.errors import CrafterDatasetError
from crafter_dataset.schemas.metadata import MIX, Metadata, PolicySpec

Take = Callable[[bool], int | None]
"""`take(wait)` returns the number of the next episode, or None if there is none now.

With `wait`, it first waits for one if numbers come from another process.
"""

Give = Callable[[EncodedEpisode], None]
"""Takes an episode that is whole."""


@dataclass(frozen=True)
class Job:
    """All that a worker must know; the same for every episode.

    Parameters
    ----------
    metadata : Metadata
        Of the dataset; its counts do not matter.
    num_envs : int
        Lanes of the vector environment.
    max_rows : int or None
        Rows after which an episode is cut, since no more can be needed.
    engine : {'fast', 'crafter'}
        What plays.
    member : int or None
        The policy of a mixture that this is the part of, None for all of it.
    """

    metadata: Metadata
    num_envs: int
    max_rows: int | None = None
    engine: str = "fast"
    member: int | None = None

    @property
    def policy(self) -> PolicySpec:
        """The policy that plays."""
        if self.member is None:
            return self.metadata.policy
        return self.metadata.policy.members()[self.member]

    @property
    def policy_name(self) -> str:
        """The policy, as messages name it."""
        return f"policy {self.policy.name!r}"

    @property
    def is_mixture(self) -> bool:
        """Whether each episode is played by one of several policies."""
        return self.member is None and self.metadata.policy.name == MIX

    @cached_property
    def _mixture(self) -> Mixture:
        return Mixture.of(self.metadata.policy)

    def player(self, episode: int) -> int:
        """Return which policy of a mixture plays an episode, an index into its policies.

        Parameters
        ----------
        episode : int
            Number of the episode.
        """
        return self._mixture.draw(policy_generator(self.metadata.seed, episode))

    def generator(self, episode: int) -> np.random.Generator:
        """Return an episode's Generator as its policy gets it: in a mixture, after the draw of it.

        Parameters
        ----------
        episode : int
            Number of the episode.
        """
        rng = policy_generator(self.metadata.seed, episode)
        if self.metadata.policy.name == MIX:
            self._mixture.draw(rng)
        return rng


class CollectError(CrafterDatasetError):
    """A policy or an environment raised."""


class Collector(Protocol):
    """Plays the episodes it takes, and hands each on as soon as it is whole."""

    def advance(self) -> bool:
        """Play on for a moment.

        Returns
        -------
        bool
            Whether there was anything to play.

        Raises
        ------
        CollectError
            If the policy or an environment raises.
        """


def make_policy(job: Job) -> Policy | CompiledPolicy:
    """Make the job's policy for all its lanes.

    Parameters
    ----------
    job : Job
        The job.

    Raises
    ------
    CollectError
        If it cannot be made.
    """
    spec = job.policy
    try:
        policy = load_factory(spec.name)(job.num_envs, **spec.parameters)
    except PolicyError as error:
        raise CollectError(str(error), frames=error.frames) from error
    except Exception as error:
        raise raised(job.policy_name, error, []) from error
    if isinstance(policy, CompiledPolicy):
        return policy
    for method in ("reset", "act"):
        if not callable(getattr(policy, method, None)):
            raise CollectError(
                f"{job.policy_name}: expected a policy with the methods reset and act, found "
                f"{type(policy).__name__}, which has no {method}"
            )
    return policy


def in_episodes(episodes: list[int]) -> str:
    """Return where an error occurred, such as `in episode 7`, to end a message with.

    Parameters
    ----------
    episodes : list of int
        Ids of the episodes that may be at fault; empty before the first one.
    """
    if not episodes:
        return "before the first episode"
    plural = "s" if len(episodes) > 1 else ""
    return f"in episode{plural} {', '.join(map(str, sorted(episodes)))}"


def raised(who: str, error: BaseException, episodes: list[int]) -> CollectError:
    """Return an error that describes an exception in one line, with its traceback as details.

    Parameters
    ----------
    who : str
        What raised it, for the message.
    error : BaseException
        The exception, with its traceback.
    episodes : list of int
        As `in_episodes` takes them.
    """
    place = traceback.extract_tb(error.__traceback__)[-1]
    text = " ".join(str(error).split())
    return CollectError(
        f"{who} raised {type(error).__name__}: {text} ({place.filename}:{place.lineno}) "
        f"{in_episodes(episodes)}",
        details="".join(traceback.format_exception(error)),
        frames=users_frames(error),
    )
