"""Play a mixture: hand each episode to the policy that its own Generator draws."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace

from crafter_dataset.builder.collectors.job import Collector, Give, Job, Take
from crafter_dataset.builder.episodes import EncodedEpisode

Make = Callable[[Job, Take, Give], Collector]
"""Makes the collector of a job with a policy that is no mixture."""


class MixCollector:
    """Has a collector for each policy, of whatever kind that needs, and takes episodes for it.

    Who plays an episode is a function of its number, so it does not matter
    which worker takes it, or when. The collectors take turns: none keeps
    another's episodes waiting.

    Parameters
    ----------
    job : Job
        The job, with a mixture for its policy.
    make : callable
        Makes the collector of one policy.
    take : callable
        Where episode numbers come from, see `collectors.job.Take`.
    give : callable
        Where whole episodes go, see `collectors.job.Give`.
    """

    def __init__(self, job: Job, make: Make, take: Take, give: Give) -> None:
        self._job, self._take = job, take
        self._players = [
            _Player(job, number, make, self._take_waiting, give)
            for number in range(len(job.metadata.policies))
        ]

    def advance(self) -> bool:
        """Take episodes, and let each policy that has some play on for a moment.

        Returns
        -------
        bool
            Whether there was anything to play.

        Raises
        ------
        CollectError
            If a policy or an environment raises.
        """
        if not self._busy():
            self._take_one(wait=True)
        self._take_waiting()
        busy = self._busy()
        for player in busy:
            player.advance()
        return bool(busy)

    def _busy(self) -> list[_Player]:
        return [player for player in self._players if player.busy]

    def _take_waiting(self) -> None:
        """Take all numbers that are there."""
        while self._take_one(wait=False):
            pass

    def _take_one(self, wait: bool) -> bool:
        episode = self._take(wait)
        if episode is None:
            return False
        self._players[self._job.player(episode)].queue.append(episode)
        return True


class _Player:
    """The collector of one policy, with the episodes that are its own."""

    def __init__(
        self, job: Job, number: int, make: Make, refill: Callable[[], None], give: Give
    ) -> None:
        self.queue = deque[int]()
        self._number, self._refill, self._give = number, refill, give
        self._playing = 0
        self._collector = make(replace(job, member=number), self._next, self._hand_on)

    @property
    def busy(self) -> bool:
        """Whether it has an episode that is not whole."""
        return bool(self.queue) or self._playing > 0

    def advance(self) -> None:
        """Play on for a moment."""
        self._collector.advance()

    def _next(self, wait: bool) -> int | None:
        # It never waits: the others may have episodes to play meanwhile.
        if not self.queue:
            self._refill()
        if not self.queue:
            return None
        self._playing += 1
        return self.queue.popleft()

    def _hand_on(self, episode: EncodedEpisode) -> None:
        self._playing -= 1
        self._give(replace(episode, rare={**episode.rare, "policies": self._number}))
