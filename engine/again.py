"""Playing an episode again for what its pictures are drawn from."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.engine.engines import make_lanes
from crafter_dataset.engine.protocol import EngineError
from crafter_dataset.engine.rows import Done, Seen
from crafter_dataset.schemas.layout import FRAME_FIELDS
from crafter_dataset.schemas.metadata import Metadata

SHOWN = ("frames", "tiles", "sleeping", "random_words")
"""What is written of each frame."""


class Again:
    """Plays episodes of a dataset again, by compiled code if there is any.

    Parameters
    ----------
    metadata : Metadata
        Of the dataset; its pictures are drawn.
    """

    def __init__(self, metadata: Metadata) -> None:
        env, self._sizes = metadata.env, metadata.sizes()
        self._highest = len(metadata.actions) - 1
        world = env.area, env.view, env.size, env.length, env.reward
        try:
            self._lanes = make_lanes("fast", 1, *world)
            self.engine = "fast"
        except EngineError:
            self._lanes = make_lanes("crafter", 1, *world)
            self.engine = "crafter"

    def play(self, seed: int, actions: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """Play an episode again.

        Parameters
        ----------
        seed : int
            Seed of its world.
        actions : ndarray, shape (T + 1,), uint8
            The stored actions; the last one is not taken.

        Returns
        -------
        dict of str to ndarray
            `SHOWN`, by name: T + 1 rows, or fewer if the environment ended the episode earlier.

        Raises
        ------
        ValueError
            If the seed or an action is none.
        """
        if not 0 <= seed < 2**32:
            raise ValueError(f"world seed: expected 0 to 2**32 - 1, found {seed}")
        if actions.max(initial=0) > self._highest:
            raise ValueError(f"actions: expected 0 to {self._highest}, found {actions.max()}")
        count = len(actions)
        rows: dict[str, NDArray[Any]] = {
            name: np.zeros((count, *FRAME_FIELDS[name].row_shape(self._sizes)), dtype)
            for name, dtype in ((name, FRAME_FIELDS[name].dtype) for name in SHOWN)
        }
        seen, lanes = Seen.over(rows), self._lanes
        done = Done(*(np.zeros(1, dtype) for dtype in ("u1", "f4", "?", "?")))
        one, number = np.ones(1, bool), np.zeros(1, np.int64)
        shown = np.zeros((1, seen.frames.shape[1]), np.uint8)
        lanes.start(0, seed)
        lanes.draw(one, number, number, seen, shown)
        played = 1
        while played < count and not lanes.ended(0):
            number[0] = 0
            lanes.act(one, np.array([actions[played - 1]], np.int64), number, done, None)
            number[0] = played
            lanes.draw(one, number, number, seen, shown)
            played += 1
        return {name: values[:played] for name, values in rows.items()}
