"""The simplest pool: this very process, for debugging a policy and for tests."""

from __future__ import annotations

import collections
import time

from crafter_dataset.builder.collectors import make_collector
from crafter_dataset.builder.collectors.job import Job
from crafter_dataset.builder.episodes import EncodedEpisode


class InlinePool:
    """Plays episodes in the calling process, while `receive` waits.

    Parameters
    ----------
    job : Job
        What to collect.
    """

    def __init__(self, job: Job) -> None:
        self._waiting: collections.deque[int] = collections.deque()
        self._done: list[EncodedEpisode] = []
        self._capacity = job.num_envs + 1
        self._outstanding = 0
        self._collector = make_collector(job, self._take, self._done.append)

    def free(self) -> int:
        """Count the episodes that would be started soon."""
        return self._capacity - self._outstanding

    def submit(self, episode: int) -> None:
        """Ask for an episode.

        Parameters
        ----------
        episode : int
            Number of the episode.
        """
        self._waiting.append(episode)
        self._outstanding += 1

    def receive(self, timeout: float) -> list[EncodedEpisode]:
        """Play until an episode is whole or the time is over, one step at least.

        Parameters
        ----------
        timeout : float
            Seconds to play, at most.

        Returns
        -------
        list of EncodedEpisode
            Those that are whole now; maybe none.

        Raises
        ------
        CollectError
            If the policy or an environment raises.
        """
        end = time.monotonic() + timeout
        while self._collector.advance() and not self._done and time.monotonic() < end:
            pass
        received = self._done.copy()
        self._done.clear()
        self._outstanding -= len(received)
        return received

    def close(self) -> None:
        """Forget what was submitted."""
        self._waiting.clear()

    def _take(self, wait: bool) -> int | None:
        return self._waiting.popleft() if self._waiting else None
