"""What runs episodes: episode numbers in, encoded episodes out, in any order."""

from __future__ import annotations

from typing import Protocol

from crafter_dataset.builder.episodes import EncodedEpisode


class Pool(Protocol):
    """A place where episodes are played; the builder knows nothing more of it.

    It may be this process, local processes or a cluster.
    """

    def free(self) -> int:
        """Count the episodes that the pool would take now without queueing them for long."""

    def submit(self, episode: int) -> None:
        """Ask for an episode, exactly once each.

        Parameters
        ----------
        episode : int
            Number of the episode.
        """

    def receive(self, timeout: float) -> list[EncodedEpisode]:
        """Wait for episodes to be whole.

        Parameters
        ----------
        timeout : float
            Seconds to wait, at most.

        Returns
        -------
        list of EncodedEpisode
            Those that are whole now, in any order; maybe none.

        Raises
        ------
        CollectError
            If the policy or an environment raised, or the workers keep dying.
        """

    def close(self) -> None:
        """Stop at once; what was submitted and not received is lost."""
