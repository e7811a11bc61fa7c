"""Worlds and what it takes to play them, as Python sees them."""

from __future__ import annotations

import functools
import pickle
from collections.abc import Iterable
from operator import is_
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.engine.compiled.cache import cache_folder, kept
from crafter_dataset.engine.compiled.compiling import Needed, compile_missing
from crafter_dataset.engine.compiled.machine import machine
from crafter_dataset.engine.compiled.native import Entry
from crafter_dataset.engine.fast.code import ENGINE, STEP
from crafter_dataset.engine.rows import Done, Seen
from crafter_dataset.engine.spec import make_seen

_FIRST_DAYLIGHTS = 1024


class FastLanes:
    """Crafter played by compiled code, as `engine.protocol.Lanes`.

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
        The whole state, see `engine.fast.world.world_dtype`.
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
        world, self._picture, self._scratch = _load_parts(area, view, size)
        self.area = area
        self.worlds: NDArray[Any] = np.zeros(count, world)
        self.worlds["width"], self.worlds["height"] = area
        self.worlds["reach"] = 2 * max(view)
        self.worlds["length"] = min(length or 0, 2**63 - 1)
        self.worlds["give_rewards"] = reward
        self._daylights = daylights(_FIRST_DAYLIGHTS)
        # Steps that each lane has taken, or more: they bound what the daylight is tabulated for.
        self._steps = [0] * count
        # The same arrays for every step: others would have to be prepared anew.
        self._stepped = np.zeros(count, bool), np.zeros(count, np.int64), np.zeros(count)
        self._played: tuple[Any, ...] = (None,) * 6
        self._reset, self._observe, self._step, self._play = (
            Entry(name, STEP, ENGINE)
            for name in ("reset_lane", "observe_lane", "step_lanes", "play")
        )

    def needed(self) -> list[Needed]:
        """List all code that lanes of such an area call."""
        seen = make_seen(1, self.area, (18, 18))
        flags, actions = np.zeros(1, bool), np.zeros(1, np.uint8)
        done = Done(actions, np.zeros(1, np.float32), flags, flags)
        shown = self._daylights, self._picture
        return [
            Needed(self._reset, (self.worlds, self._daylights, self._scratch), 2),
            Needed(self._observe, (self.worlds, self._picture, seen), 1),
            Needed(self._step, (self.worlds, *self._stepped, *shown, seen), 0),
            Needed(self._play, (self.worlds, *shown, actions, seen, done), 6),
        ]

    def reset(self, lane: int, seed: int, seen: Seen) -> None:
        """Start an episode in the world of `RandomState(seed)`, and show it in the lane's row."""
        self.start(lane, seed)
        self._observe((self.worlds, self._picture, seen), lane)

    def start(self, lane: int, seed: int) -> None:
        """Start an episode that `play` goes on with; the same as `reset`, but for the picture."""
        self._reset((self.worlds, self._daylights, self._scratch), lane, seed)
        self._steps[lane] = 0

    def step(
        self,
        playing: NDArray[np.bool_],
        actions: NDArray[np.int64],
        rewards: NDArray[np.float64],
        seen: Seen,
    ) -> None:
        """Take a step in every lane that is playing, give its reward, and show it."""
        self._steps = [int(self.worlds["step"].max()) + 1] * len(self._steps)
        self._light_up_to(self._steps[0])
        own_playing, own_actions, own_rewards = self._stepped
        own_playing[:], own_actions[:], own_rewards[:] = playing, actions, rewards
        self._step((self.worlds, *self._stepped, self._daylights, self._picture, seen))
        rewards[:] = own_rewards

    def play(
        self,
        lane: int,
        actions: NDArray[np.uint8],
        taken: int,
        stop: int,
        seen: Seen,
        done: Done,
        image: int,
        row: int,
        max_rows: int | None,
    ) -> int:
        """Play many steps, each into the next row; see `engine.fast.step.play`."""
        self._light_up_to(self._steps[lane] + min(stop - taken, len(seen.frames) - image))
        given = self._daylights, self._picture, actions, seen, done
        if not all(map(is_, given, self._played[1:])):
            self._played = (self.worlds, *given)
        filled = self._play(self._played, lane, taken, stop, image, row, max_rows or 0)
        self._steps[lane] += abs(filled)
        return filled

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


def _load_parts(
    area: tuple[int, int], view: tuple[int, int], size: tuple[int, int]
) -> tuple[np.dtype[Any], tuple[Any, ...], tuple[Any, ...]]:
    """Load what lanes start from: the layout of a world, a picture and a scratch.

    To make them takes the crafter package, and what that imports.
    """

    def make() -> bytes:
        from crafter_dataset.engine.fast.textures import make_picture
        from crafter_dataset.engine.fast.world import cells_for, world_dtype
        from crafter_dataset.engine.fast.worldgen import make_scratch

        memories: dict[int, NDArray[Any]] = {}
        parts = _freeze((make_picture(view, size), make_scratch(area)), memories)
        return pickle.dumps((world_dtype(cells_for(area)), parts, memories))

    names = ("x".join(map(str, pair)) for pair in (area, view, size))
    # The folder is the user's own, like the compiled code in it.
    world, parts, memories = pickle.loads(
        kept(ENGINE, f"lanes-{'-'.join(names)}-{machine()}", make)
    )
    picture, scratch = _thaw(parts, memories)
    return world, picture, scratch


def _freeze(value: Any, memories: dict[int, NDArray[Any]]) -> Any:
    """Describe arrays by the memory that they lie in, which may be larger, or shared."""
    if isinstance(value, tuple):
        return tuple(_freeze(item, memories) for item in value)
    if not isinstance(value, np.ndarray):
        return value
    memory = value
    while isinstance(memory.base, np.ndarray):
        memory = memory.base
    memories[id(memory)] = memory
    offset = value.ctypes.data - memory.ctypes.data
    return [id(memory), offset, value.dtype, value.shape]


def _thaw(value: Any, memories: dict[int, NDArray[Any]]) -> Any:
    if isinstance(value, tuple):
        return tuple(_thaw(item, memories) for item in value)
    if not isinstance(value, list):
        return value
    memory, offset, dtype, shape = value
    return np.ndarray(shape, dtype, memories[memory], offset)


def warm_up(area: tuple[int, int], others: Iterable[Needed] = ()) -> None:
    """Compile the code for worlds of an area unless it is in the cache.

    Parameters
    ----------
    area : tuple of int
        Cells of the world (x, y).
    others : iterable of Needed
        What else is needed, to be compiled with it.

    Raises
    ------
    ImportError
        If numba is needed, and cannot be imported.
    OSError
        If the cache cannot be written.
    """
    mark = cache_folder(ENGINE) / f"area-{area[0]}x{area[1]}-{machine()}.compiled"
    is_warm = mark.exists()
    own = [] if is_warm else FastLanes(1, area, (9, 9), (18, 18)).needed()
    compile_missing([*own, *others])
    if not is_warm:
        mark.touch()
