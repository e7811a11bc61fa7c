"""Stock Crafter made reproducible: the package's own code over ordered object sets.

`crafter.engine.World` keeps the objects of each map chunk in a `set`, which
lists them by memory address, and the environment draws random numbers while
it walks through them (danijar/crafter issues 31 and 36). Sets that keep the
order of insertion are the one change made to the game here.
"""

from __future__ import annotations

import collections
import math
from typing import Any

import crafter
import numpy as np
import opensimplex
from crafter import constants, engine
from numpy.typing import NDArray

from builder.envs.tiles import TiledView

ACTIONS: tuple[str, ...] = tuple(constants.actions)
MATERIALS: tuple[str, ...] = tuple(constants.materials)
OBJECTS: tuple[str, ...] = ("player", "cow", "zombie", "skeleton", "arrow", "plant")
"""In the order in which `crafter.Env` gives them to its semantic view."""
ITEMS: tuple[str, ...] = tuple(constants.items)
ACHIEVEMENTS: tuple[str, ...] = tuple(constants.achievements)

INFO_DTYPES: dict[str, str] = {
    "semantic": "uint8",
    "position": "int16",
    "inventory": "uint8",
    "achievements": "uint16",
    "daylight": "float32",
    "discount": "float32",
    "world_seed": "int64",
}
"""Keys of an environment's `info`, with their NumPy types."""


class OrderedSet(dict[Any, None]):
    """The part of the `set` interface that Crafter uses, in order of insertion."""

    def add(self, item: Any) -> None:
        """Add an item at the end, unless it is there."""
        self[item] = None

    def remove(self, item: Any) -> None:
        """Remove an item that is there."""
        del self[item]


class OrderedWorld(engine.World):  # type: ignore[misc]
    """`crafter.engine.World` with ordered chunk sets and a seed that can be given."""

    forced_seed: int | None = None

    def reset(self, seed: int | None = None) -> None:
        """Reset as stock does, but from `forced_seed` where one is set."""
        super().reset(seed if self.forced_seed is None else self.forced_seed)
        self._chunks: Any = collections.defaultdict(OrderedSet)


class StockCrafter(crafter.Env):  # type: ignore[misc]
    """`crafter.Env` that can be reset to a given world, and gives infos as arrays.

    Parameters
    ----------
    area, view, size : tuple of int
        As `crafter.Env`: cells of the world (x, y), cells in the picture
        (x, y), and pixels of the picture (width, height).
    length : int
        Time limit in steps.
    reward : bool
        Whether `step` gives rewards; else they are 0.
    tiled : bool
        Draw the ground by `TiledView`; else all is the package's own code.
    """

    def __init__(
        self,
        area: tuple[int, int] = (64, 64),
        view: tuple[int, int] = (9, 9),
        size: tuple[int, int] = (64, 64),
        length: int = 10_000,
        reward: bool = True,
        tiled: bool = True,
    ) -> None:
        check_geometry(area, view, size)
        super().__init__(tuple(area), tuple(view), tuple(size), reward, length, seed=0)
        # The views hold on to the world made by `crafter.Env`, so it changes its class, not its
        # identity.
        self._world.__class__ = OrderedWorld
        if tiled:
            self._local_view.__class__ = TiledView
        self._semantic: NDArray[np.uint8] | None = None
        self.world_seed = -1

    def reset_world(self, world_seed: int) -> NDArray[np.uint8]:
        """Start an episode in the world of `RandomState(world_seed)`.

        Returns
        -------
        ndarray, shape (height, width, 3), uint8
            First frame.
        """
        self._world.forced_seed = self.world_seed = int(world_seed)
        frame: NDArray[np.uint8] = super().reset()
        self._semantic = self._sem_view()
        self._discount = 1.0
        return frame

    def advance(self, action: int) -> tuple[NDArray[np.uint8], float, bool, bool]:
        """Take one step.

        Returns
        -------
        frame : ndarray, shape (height, width, 3), uint8
        reward : float
        terminated : bool
            The player died.
        truncated : bool
            The time limit was reached by a living player.
        """
        frame, reward, done, info = super().step(action)
        self._semantic = info["semantic"]
        self._discount = info["discount"]
        terminated = info["discount"] == 0
        return frame, float(reward), terminated, bool(done) and not terminated

    def terrain(self) -> NDArray[np.uint8]:
        """Material ids of the world as it is now, shape `area`, indexed [x, y]."""
        return np.array(self._world._mat_map, np.uint8)

    def info(self) -> dict[str, Any]:
        """Describe the state behind the last frame; the keys are those of `INFO_DTYPES`."""
        return {
            "semantic": np.array(self._semantic),
            "position": np.array(self._player.pos, np.int16),
            "inventory": np.array(list(self._player.inventory.values()), np.uint8),
            "achievements": np.array(list(self._player.achievements.values()), np.uint16),
            "daylight": np.float32(self._world.daylight),
            "discount": np.float32(self._discount),
            "world_seed": np.int64(self.world_seed),
        }


def warm_up() -> None:
    """Let opensimplex compile its noise, or load it from its cache on disk.

    Processes that compile into one cache at the same time can break it, so
    whoever is about to start some calls this first.
    """
    opensimplex.OpenSimplex(seed=0).noise3(0.5, 0.5, 0.5)


def info_shapes(area: tuple[int, int]) -> dict[str, tuple[int, ...]]:
    """Shape of each entry of an environment's `info`."""
    return {
        "semantic": tuple(area),
        "position": (2,),
        "inventory": (len(ITEMS),),
        "achievements": (len(ACHIEVEMENTS),),
        "daylight": (),
        "discount": (),
        "world_seed": (),
    }


def check_geometry(area: tuple[int, int], view: tuple[int, int], size: tuple[int, int]) -> None:
    """Refuse a world or picture that Crafter cannot draw.

    Raises
    ------
    ValueError
        If a size is not positive, the view has no room for the inventory, or
        a cell would have fewer than 2 x 2 pixels.
    """
    for name, pair in (("area", area), ("view", view), ("size", size)):
        if len(pair) != 2 or min(pair) < 1 or max(pair) > 32_767:
            raise ValueError(f"{name}: expected two integers from 1 to 32767, found {pair}")
    inventory_rows = math.ceil(len(ITEMS) / view[0])
    if view[1] < inventory_rows:
        raise ValueError(
            f"view: expected at least {inventory_rows} rows for the inventory at a width of "
            f"{view[0]}, found {view[1]}"
        )
    if size[0] // view[0] < 2 or size[1] // view[1] < 2:
        raise ValueError(
            f"size: expected at least 2 pixels a cell, so {2 * view[0]}x{2 * view[1]} for a view "
            f"of {view[0]}x{view[1]}, found {size[0]}x{size[1]}"
        )
