"""Stock Crafter played by a compiled policy: the same function over the same state."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.engine.chooser import Chooser
from crafter_dataset.engine.engines import fast_lanes
from crafter_dataset.engine.fast.rules import NUM_ACTIONS
from crafter_dataset.engine.fast.world import SPARE
from crafter_dataset.engine.rows import MISCHOSEN, Done, Seen
from crafter_dataset.engine.state_layout import OBJECT_DTYPE
from crafter_dataset.engine.stock import StockLanes
from crafter_dataset.engine.stock_state import object_row
from crafter_dataset.schemas.layout import CUT


class ChosenStockLanes(StockLanes):
    """One lane of stock Crafter, whose state is shown to a policy as the fast engine has it.

    Parameters
    ----------
    area, view, size : tuple of int
        Cells of the world (x, y), cells in the picture (x, y), and pixels of
        the picture (width, height).
    length : int
        Time limit in steps, 0 for none.
    reward : bool
        Whether rewards are computed; else they are 0.

    Attributes
    ----------
    worlds : ndarray of records, shape (1,)
        What the policy sees.
    """

    def __init__(
        self,
        area: tuple[int, int],
        view: tuple[int, int],
        size: tuple[int, int],
        length: int,
        reward: bool,
    ) -> None:
        super().__init__(1, area, view, size, length, reward)
        self.worlds: NDArray[np.void] = fast_lanes()(1, area, view, size, length, reward).worlds
        self._rows: list[Any] = []
        self._known, self._alive = 1, 0

    def start(self, lane: int, seed: int) -> None:
        """Start an episode for `play_chosen` to go on with.

        Parameters
        ----------
        lane : int
            Number of the lane, 0.
        seed : int
            Seed of the world's RandomState, 0 to 2**32 - 1.
        """
        super().start(lane, seed)
        self._rows, self._known = [], 1
        self.worlds["kind"][0, : self.worlds["objects"][0]] = 0

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
        """Take many steps, as a compiled function chooses; mirrors `engine.fast.step.play`.

        Parameters
        ----------
        lane : int
            Number of the lane, 0.
        chooser : Chooser
            What chooses the actions.
        seen, done : Seen, Done
            Rows to fill: few of pictures and maps, more of the small fields.
        image, row : int
            Next rows to fill, of pictures and maps, and of small fields.
        max_rows : int or None
            Rows at which the episode is cut, None for never.

        Returns
        -------
        int
            Number of rows filled, negative if the episode's last row is among them; `MISCHOSEN` if
            `chooser.chosen` is no action.
        """
        env = self.envs[lane]
        if max_rows == 1:
            self._ended[lane] = CUT
        for filled in range(1, len(seen.frames) - image + 1):
            env.show(self._frames[lane], seen, image + filled - 1, row)
            if self._ended[lane]:
                done.actions[row], done.rewards[row] = 0, 0
                done.terminations[row], done.truncations[row] = False, False
                return -filled
            self._show_state(env)
            action = chooser(self.worlds, lane)
            if not 0 <= action < NUM_ACTIONS:
                return MISCHOSEN
            if len(self._rows) > 2 * self._alive + SPARE:  # mirrors `compact`
                self._rows = [each for each in self._rows if not each.removed]
            self._act(lane, action, done, row, max_rows)
            row += 1
        return filled

    def _show_state(self, env: Any) -> None:
        """Write the state into the record, with rows as the fast engine has them."""
        world, record, cells = env._world, self.worlds[0], env._world._mat_map.size
        record["step"], record["daylight"] = env._step, world.daylight
        record["materials"][:cells] = world._mat_map.reshape(-1)
        record["inventory"][:] = list(env._player.inventory.values())
        record["achievements"][:] = list(env._player.achievements.values())
        record["sleeping"] = env._player.sleeping
        self._rows += [each for each in world._objects[self._known :] if each is not None]
        self._known = len(world._objects)
        at = record["object_at"]
        at[:cells] = 0
        record["objects"] = 1 + len(self._rows)
        self._alive = sum(not each.removed for each in self._rows)
        for row, each in enumerate(self._rows, 1):
            if each.removed:
                record["kind"][row] = 0
                continue
            for name, value in zip(OBJECT_DTYPE.names or (), object_row(each), strict=True):
                record[name][row] = value
            at[record["x"][row] * world._mat_map.shape[1] + record["y"][row]] = row
