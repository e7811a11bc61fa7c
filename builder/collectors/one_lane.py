"""Play episodes one after the other, a chunk of frames at a time, without a look at each step."""

from __future__ import annotations

from typing import Protocol

from crafter_dataset.builder.collectors.job import Give, Job, Take
from crafter_dataset.builder.episodes import EpisodeEncoder
from crafter_dataset.engine.protocol import Lanes
from crafter_dataset.engine.rows import Done, Seen
from crafter_dataset.engine.seeding import world_seed


class Player(Protocol):
    """Gives a lane its actions."""

    def begin(self, take: Take) -> int | None:
        """Begin the next episode.

        Parameters
        ----------
        take : callable
            Where episode numbers come from, see `collectors.job.Take`.

        Returns
        -------
        int or None
            Its number; None if there is none.
        """

    def play(self, seen: Seen, done: Done, image: int, row: int) -> int:
        """Fill rows of the episode.

        Parameters
        ----------
        seen, done : Seen, Done
            Rows to fill.
        image, row : int
            Next rows to fill, of pictures and maps, and of small fields.

        Returns
        -------
        int
            Number of rows filled, negative if the episode's last row is among them.

        Raises
        ------
        CollectError
            If the policy raises, or an action is not valid.
        """


class OneLaneCollector:
    """Lets a player fill an episode's rows.

    Parameters
    ----------
    job : Job
        What to collect.
    lanes : Lanes
        One lane, which the player plays in.
    player : Player
        Gives the actions.
    take : callable
        Where episode numbers come from, see `collectors.job.Take`.
    give : callable
        Where whole episodes go, see `collectors.job.Give`.
    """

    def __init__(self, job: Job, lanes: Lanes, player: Player, take: Take, give: Give) -> None:
        self._job, self._lanes, self._player = job, lanes, player
        self._take, self._give = take, give
        self._encoder = EpisodeEncoder(job.metadata)
        self._episode: int | None = None

    def advance(self) -> bool:
        """Start an episode if none is being played, then fill a chunk of frames.

        Returns
        -------
        bool
            Whether there was anything to play.

        Raises
        ------
        CollectError
            If the policy or the environment raises, or an action is not valid.
        """
        if self._episode is None and not self._begin():
            return False
        seen, done, image, row = self._encoder.rows()
        while image < len(seen.frames):
            filled = self._player.play(seen, done, image, row)
            self._encoder.filled(abs(filled))
            if filled < 0:
                self._finish()
                return True
            image, row = image + filled, row + filled
        return True

    def _begin(self) -> bool:
        self._episode = episode = self._player.begin(self._take)
        if episode is None:
            return False
        meta = self._job.metadata
        self._seed = world_seed(meta.seed, episode // meta.trajectories_per_world)
        self._lanes.start(0, self._seed)
        self._terrain = self._lanes.terrain(0)
        self._encoder.start()
        return True

    def _finish(self) -> None:
        assert self._episode is not None
        end_reason = self._lanes.ended(0)
        whole = self._encoder.finish(self._episode, end_reason, self._seed, self._terrain)
        self._episode = None
        self._give(whole)
