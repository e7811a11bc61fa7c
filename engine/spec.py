"""What any environment of Crafter is like: names, infos and sizes."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import numpy as np

from crafter_dataset.engine.crafter_constants import load_constants
from crafter_dataset.engine.rows import Seen
from crafter_dataset.schemas.arithmetic import ceil_div
from crafter_dataset.schemas.errors import ArgumentError
from crafter_dataset.schemas.layout import FRAME_FIELDS, MOST_SIDE
from crafter_dataset.schemas.metadata import EnvSpec

constants = load_constants()

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


def make_seen(count: int, area: tuple[int, int], size: tuple[int, int]) -> Seen:
    """Make rows for all that there is to see."""
    shapes = {
        "frames": (size[1], size[0], 3),
        "semantic": area,
        "positions": (2,),
        "inventory": (len(ITEMS),),
        "achievements": (len(ACHIEVEMENTS),),
        "daylight": (),
    }
    return Seen.over(
        {
            name: np.zeros((count, *shape), FRAME_FIELDS[name].dtype)
            for name, shape in shapes.items()
        }
    )


def installed_env(
    area: tuple[int, int], view: tuple[int, int], size: tuple[int, int], length: int
) -> EnvSpec:
    """Describe the environment that the installed packages make.

    Parameters
    ----------
    area, view, size : tuple of int
        Cells of the world (x, y), cells in the picture (x, y), pixels of the
        picture (width, height).
    length : int
        Time limit, in actions.
    """
    return EnvSpec("crafter", version("crafter"), area, view, size, length)


def foreign_entries(stored: EnvSpec) -> Iterator[tuple[str, str, str]]:
    """Yield in what a dataset's simulator is not the one installed.

    Parameters
    ----------
    stored : EnvSpec
        Of the dataset.

    Yields
    ------
    tuple of str
        Name of the entry, its value in the dataset, and what is installed.
    """
    installed = installed_env(stored.area, stored.view, stored.size, stored.length)
    for name in ("name", "version", "object_order"):
        if getattr(stored, name) != getattr(installed, name):
            yield name, getattr(stored, name), getattr(installed, name)


def check_seed(seed: int | np.integer[Any]) -> int:
    """Refuse a seed that `numpy.random.RandomState` would not take.

    Parameters
    ----------
    seed : int
        The seed.

    Returns
    -------
    int
        The seed.

    Raises
    ------
    ArgumentError
        If it is not 0 to 2**32 - 1.
    """
    if not 0 <= seed < 2**32:
        raise ArgumentError("seed", f"expected 0 to {2**32 - 1}, found {seed}")
    return int(seed)


def as_pair(value: tuple[int, int] | int) -> tuple[int, int]:
    """Return one number for both as a pair, as Crafter does for `view` and `size`.

    Parameters
    ----------
    value : int or tuple of int
        A number, or two.
    """
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))


def check_geometry(area: tuple[int, int], view: tuple[int, int], size: tuple[int, int]) -> None:
    """Refuse a world or picture that Crafter cannot draw.

    Parameters
    ----------
    area, view, size : tuple of int
        Cells of the world (x, y), cells in the picture (x, y), pixels of the
        picture (width, height).

    Raises
    ------
    ArgumentError
        If a size is not positive, the view has no room for the inventory, or
        a cell would have fewer than 2 x 2 pixels.
    """
    for name, pair in (("area", area), ("view", view), ("size", size)):
        if len(pair) != 2 or min(pair) < 1 or max(pair) > MOST_SIDE:
            raise ArgumentError(name, f"expected two integers from 1 to {MOST_SIDE}, found {pair}")
    inventory_rows = ceil_div(len(ITEMS), view[0])
    if view[1] < inventory_rows:
        raise ArgumentError(
            "view",
            f"expected at least {inventory_rows} rows for the inventory at a width of {view[0]}, "
            f"found {view[1]}",
        )
    if size[0] // view[0] < 2 or size[1] // view[1] < 2:
        raise ArgumentError(
            "size",
            f"expected at least 2 pixels a cell, so {2 * view[0]}x{2 * view[1]} for a view of "
            f"{view[0]}x{view[1]}, found {size[0]}x{size[1]}",
        )
