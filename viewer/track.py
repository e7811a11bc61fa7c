"""What the viewer knows of a whole episode: its small fields, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.loader.episode import Episode
from crafter_dataset.schemas.errors import DatasetError
from crafter_dataset.schemas.metadata import Metadata
from crafter_dataset.viewer.asleep import FULL_ENERGY, asleep
from crafter_dataset.viewer.maps.seen import moved

READING_FAILS = (DatasetError, OSError)
"""Errors that reading may raise; they are shown instead of what was to be read."""

SMALL_FIELDS = (
    "actions",
    "rewards",
    "terminations",
    "truncations",
    "positions",
    "inventory",
    "achievements",
    "daylight",
)
"""Fields that are read whole when an episode is opened; images are not."""


@dataclass(frozen=True, eq=False)
class Track:
    """The small fields of one episode.

    Parameters
    ----------
    id, length : int
        Number of the episode, and its frames.
    end_reason : str
        Why it ended; `damaged` if what is stored does not say.
    fields : dict of str to ndarray, shape (frames, ...)
        Fields by name, without those that are absent or damaged.
    names : Metadata
        Names of actions, items and achievements.
    problems : tuple of str
        What could not be read, a line each.
    policy : str, optional
        Name of the policy that played it, where there are several.
    """

    id: int
    length: int
    end_reason: str
    fields: dict[str, NDArray[Any]]
    names: Metadata
    problems: tuple[str, ...] = ()
    policy: str | None = None

    @classmethod
    def read(cls, episode: Episode, names: Metadata) -> Track:
        """Read an episode's small fields; what is damaged is left out and noted.

        Parameters
        ----------
        episode : Episode
            The episode.
        names : Metadata
            Metadata of its dataset.

        Returns
        -------
        Track
            The fields.
        """
        fields, problems = {}, []
        for name in SMALL_FIELDS:
            if name in episode:
                try:
                    fields[name] = episode[name].read()
                except READING_FAILS as error:
                    problems.append(str(error))
        try:
            end_reason = episode.end_reason
        except READING_FAILS as error:
            end_reason = "damaged"
            problems.append(str(error))
        return cls(episode.id, episode.length, end_reason, fields, names, tuple(problems))

    def at(self, name: str, frame: int) -> Any:
        """Return a field's value at a frame, or None if there is no such field.

        Parameters
        ----------
        name : str
            Name of the field.
        frame : int
            Number of the frame.

        Returns
        -------
        numpy scalar, ndarray or None
            The field's row.
        """
        field = self.fields.get(name)
        return None if field is None else field[frame]

    @cached_property
    def gains(self) -> NDArray[np.float64]:
        """Reward of the action at each frame: float64, shape (frames,)."""
        rewards = self.fields.get("rewards")
        return (
            np.zeros(self.length) if rewards is None else np.nan_to_num(rewards.astype(np.float64))
        )

    @cached_property
    def returns_before(self) -> NDArray[np.float64]:
        """Sum of the rewards before each frame: float64, shape (frames,)."""
        return np.cumsum(self.gains) - self.gains

    @cached_property
    def reward_frames(self) -> tuple[int, ...]:
        """Frames whose action was rewarded or punished."""
        return tuple(np.flatnonzero(self.gains).tolist())

    @cached_property
    def unlocks(self) -> tuple[tuple[int, int], ...]:
        """Pairs of a frame that first shows an achievement and its number, in order."""
        counts = self.fields.get("achievements")
        if counts is None:
            return ()
        reached = counts > 0
        columns = np.flatnonzero(reached.any(0)).tolist()
        return tuple(sorted((int(reached[:, column].argmax()), column) for column in columns))

    @cached_property
    def asleep(self) -> NDArray[np.bool_] | None:
        """Whether the player sleeps at each frame: bool, shape (frames,); None if unknown."""
        items, actions = self.names.items, self.names.actions
        needs = ("health", "food", "drink", "energy")
        inventory = self.fields.get("inventory")
        if inventory is None or "actions" not in self.fields:
            return None
        if not set(needs) <= set(items) or "sleep" not in actions:
            return None
        health, food, drink, energy = (inventory[:, items.index(name)] for name in needs)
        acted, sleep = self.fields["actions"], actions.index("sleep")
        return asleep(acted, health, food, drink, energy, sleep)

    @cached_property
    def moves(self) -> NDArray[np.intp]:
        """Frames at which the player has moved, the first one included: intp, shape (moves,)."""
        positions = self.fields.get("positions")
        return np.zeros(0, np.intp) if positions is None else np.flatnonzero(moved(positions))

    def facing(self, frame: int) -> str:
        """Return where the player looks: `left`, `right`, `up` or `down`, as at the start.

        Parameters
        ----------
        frame : int
            Number of the frame.
        """
        step = self._last_moves[frame - 1] if frame else -1
        if step < 0:
            return "down"
        name = self.names.actions[int(self.fields["actions"][step])]
        return name.removeprefix("move_")

    @cached_property
    def _last_moves(self) -> NDArray[np.intp]:
        """For each frame, the latest one so far at which a move was tried; -1 before the first."""
        actions = self.fields.get("actions")
        if actions is None:
            return np.full(self.length, -1, np.intp)
        codes = [c for c, name in enumerate(self.names.actions) if name.startswith("move_")]
        tried = np.isin(actions, codes)
        if self.asleep is not None:  # a sleeper goes on sleeping until the energy is full
            energy = self.fields["inventory"][:, self.names.items.index("energy")]
            tried &= ~(self.asleep & (energy < FULL_ENERGY))
        return np.maximum.accumulate(np.where(tried, np.arange(self.length), -1))
