"""What every way of collecting episodes has in common: the job, its policy, its errors."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from crafter_dataset.builder.episodes import EncodedEpisode
from crafter_dataset.builder.policies import Policy, PolicyError, load_factory
from crafter_dataset.builder.policies.compiled import CompiledPolicy
from crafter_dataset.builder.tracebacks import users_frames
from crafter_dataset.schemas.errors import CrafterDatasetError
from crafter_dataset.schemas.metadata import Metadata

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
    """

    metadata: Metadata
    num_envs: int
    max_rows: int | None = None
    engine: str = "fast"

    @property
    def policy_name(self) -> str:
        """The policy, as messages name it."""
        return f"policy {self.metadata.policy.name!r}"


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
    spec = job.metadata.policy
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
