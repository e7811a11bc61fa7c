"""Worlds and what it takes to play them, as Python sees them."""

from __future__ import annotations

import functools
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from builder.engine import step
from builder.engine.jit import compiled_at, compiling, forget
from builder.engine.textures import make_picture
from builder.engine.world import cells_for, world_dtype
from builder.engine.worldgen import make_scratch
from builder.envs.spec import make_seen
from builder.rows import Done, Seen

_FIRST_DAYLIGHTS = 1024


class FastLanes:
    """Crafter played by compiled code, as `builder.envs.lanes.Lanes`.

    Parameters
    ----------
    count : int
        Number of lanes.
    area, view, size : tuple of int
        As `crafter.Env`: cells of the world (x, y), cells in the picture
        (x, y), and pixels of the picture (width, height).
    length : int
        Time limit in steps, 0 for none.
    reward : bool
        Whether to give rewards; else they are 0.

    Attributes
    ----------
    worlds : ndarray of records, shape (count,)
        The whole state, see `builder.engine.world.world_dtype`.
    """

    def __init__(
        self,
        count: int,
        area: tuple[int, int] = (64, 64),
        view: tuple[int, int] = (9, 9),
        size: tuple[int, int] = (64, 64),
        length: int = 10_000,
        reward: bool = True,
    ) -> None:
        cells = cells_for(area)
        _load(cells)
        self.area = area
        self.worlds: NDArray[Any] = np.zeros(count, world_dtype(cells))
        self.worlds["width"], self.worlds["height"] = area
        self.worlds["reach"] = 2 * max(view)
        self.worlds["length"] = min(length or 0, 2**63 - 1)
        self.worlds["give_rewards"] = reward
        self._picture = make_picture(view, size)
        self._scratch = make_scratch(area)
        self._daylights = daylights(_FIRST_DAYLIGHTS)
        # Steps that each lane has taken, or more: they bound what the daylight is tabulated for.
        self._steps = np.zeros(count, np.int64)

    def reset(self, lane: int, seed: int, seen: Seen) -> None:
        """Start an episode in the world of `RandomState(seed)`, and show it in the lane's row."""
        self.start(lane, seed)
        step.observe_lane(self.worlds, lane, self._picture, seen)

    def start(self, lane: int, seed: int) -> None:
        """Start an episode that `play` goes on with; the same as `reset`, but for the picture."""
        step.reset_lane(self.worlds, lane, seed, self._daylights, self._scratch)
        self._steps[lane] = 0

    def step(
        self,
        playing: NDArray[np.bool_],
        actions: NDArray[np.int64],
        rewards: NDArray[np.float64],
        seen: Seen,
    ) -> None:
        """Take a step in every lane that is playing, give its reward, and show it."""
        self._steps[:] = self.worlds["step"].max() + 1
        self._light_up_to(int(self._steps[0]))
        step.step_lanes(
            self.worlds, playing, actions, rewards, self._daylights, self._picture, seen
        )

    def play(
        self,
        lane: int,
        max_rows: int | None,
        actions: NDArray[np.uint8],
        taken: int,
        seen: Seen,
        done: Done,
        used: int,
    ) -> tuple[int, int, bool]:
        """Play many steps, each into the next row; see `builder.engine.step.play`."""
        most = min(len(actions) - taken, len(done.actions) - used)
        self._light_up_to(int(self._steps[lane]) + most)
        before = taken
        used, taken, whole = step.play(
            self.worlds, lane, max_rows or 0, actions, taken,
            self._daylights, self._picture, seen, done, used,
        )  # fmt: skip
        self._steps[lane] += taken - before
        return used, taken, whole

    def ended(self, lane: int) -> int:
        """How a lane's episode has ended, 0 if it goes on."""
        return int(self.worlds["ended"][lane])

    def terrain(self, lane: int) -> NDArray[np.uint8]:
        """Material ids of a lane's world as it is now, shape `area`, indexed [x, y]."""
        width, height = self.area
        materials: NDArray[np.uint8] = self.worlds["materials"][lane, : width * height]
        return materials.reshape(width, height).copy()

    def _light_up_to(self, last: int) -> None:
        if last >= len(self._daylights):
            self._daylights = daylights(max(2 * len(self._daylights), last + 1))


@functools.lru_cache(4)
def daylights(count: int) -> NDArray[np.float64]:
    """Daylight of each step; mirrors `Env._update_time`, by the same NumPy calls on scalars."""
    values = []
    for number in range(count):
        progress = (number / 300) % 1 + 0.3
        values.append(1 - np.abs(np.cos(np.pi * progress)) ** 3)
    return np.array(values)


@functools.cache
def _load(cells: int) -> None:
    """Load the code for worlds of a size, or compile it, by calling all of it once."""
    variant = f"cells-{cells}"
    since = compiled_at(variant)
    if since is None:
        print(
            f"compiling the fast engine for worlds of up to {cells:,} cells, which takes about a "
            "minute and is done once ...",
            file=sys.stderr,
            flush=True,
        )
    try:
        with compiling(variant):
            _call_all(cells)
    except Exception:
        if since is None:
            raise
        # What is in the cache cannot be loaded: away with it.
        forget(variant, since)
        with compiling(variant):
            _call_all(cells)


def _call_all(cells: int) -> None:
    area, size = (4, 4), (18, 18)
    worlds = np.zeros(1, world_dtype(cells))
    worlds["width"], worlds["height"] = area
    worlds["reach"] = 18
    picture = make_picture((9, 9), size)
    light = daylights(_FIRST_DAYLIGHTS)
    seen = make_seen(1, area, size)
    ends = np.zeros(1, bool)
    done = Done(np.zeros(1, np.uint8), np.zeros(1, np.float32), ends, ends)
    step.reset_lane(worlds, 0, 0, light, make_scratch(area))
    step.observe_lane(worlds, 0, picture, seen)
    playing, rewards = np.ones(1, bool), np.zeros(1)
    step.step_lanes(worlds, playing, np.zeros(1, np.int64), rewards, light, picture, seen)
    step.play(worlds, 0, 0, np.zeros(1, np.uint8), 0, light, picture, seen, done, 0)


def warm_up(area: tuple[int, int]) -> None:
    """Compile the code for worlds of an area unless it is in the cache."""
    cells = cells_for(area)
    if compiled_at(f"cells-{cells}") is None:
        _load(cells)
