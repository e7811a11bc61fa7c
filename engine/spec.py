"""What all Crafter environments have in common: names, infos and sizes."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import numpy as np

from crafter_dataset.engine.crafter_constants import load_constants
from crafter_dataset.engine.rows import Seen
from crafter_dataset.schemas.arguments import whole_number
from crafter_dataset.schemas.arithmetic import ceil_div
from crafter_dataset.schemas.errors import ArgumentError
from crafter_dataset.schemas.layout import FRAME_FIELDS, MOST_SIDE
from crafter_dataset.schemas.metadata import EnvSpec

constants = load_constants()

ACTIONS: tuple[str, ...] = tuple(constants.actions)
MATERIALS: tuple[str, ...] = tuple(constants.materials)
OBJECTS: tuple[str, ...] = ("player", "cow", "zombie", "skeleton", "arrow", "plant")
"""In the order in which `crafter.Env` passes them to its semantic view."""
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


def make_seen(
    count: int, area: tuple[int, int], size: tuple[int, int], view: tuple[int, int] | None = None
) -> Seen:
    """Make empty rows for everything that can be seen.

    Parameters
    ----------
    count : int
        Number of rows.
    area : tuple of int
        Cells of the world (x, y).
    size : tuple of int
        Pixels of the picture (width, height).
    view : tuple of int, optional
        Cells in the picture (x, y), if what pictures are drawn from is to be seen as well.

    Returns
    -------
    Seen
        Arrays of zeros, `count` rows each.
    """
    shapes: dict[str, tuple[int, ...]] = {
        "frames": (size[1], size[0], 3),
        "semantic": area,
        "positions": (2,),
        "inventory": (len(ITEMS),),
        "achievements": (len(ACHIEVEMENTS),),
        "daylight": (),
    }
    if view is not None:
        tiles = view[0], view[1] - inventory_rows(view)
        shapes |= {"tiles": tiles, "sleeping": (), "random_words": ()}
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

    Returns
    -------
    EnvSpec
        With the version of the installed crafter package.
    """
    return EnvSpec("crafter", version("crafter"), area, view, size, length)


def foreign_entries(stored: EnvSpec) -> Iterator[tuple[str, str, str]]:
    """Yield the entries in which a dataset's simulator differs from the one installed.

    Parameters
    ----------
    stored : EnvSpec
        The environment that the dataset states.

    Yields
    ------
    tuple of str
        Name of the entry, its value in the dataset, and the installed one's.
    """
    installed = installed_env(stored.area, stored.view, stored.size, stored.length)
    for name in ("name", "version", "object_order"):
        if getattr(stored, name) != getattr(installed, name):
            yield name, getattr(stored, name), getattr(installed, name)


def check_seed(seed: int | np.integer[Any]) -> int:
    """Refuse a seed that `numpy.random.RandomState` would not take, and return any other.

    Parameters
    ----------
    seed : int or numpy.integer
        Seed of a world.

    Returns
    -------
    int
        The seed, as an int.

    Raises
    ------
    ArgumentError
        If it is not 0 to 2**32 - 1.
    """
    return whole_number("seed", seed, 0, 2**32 - 1)


def inventory_rows(view: tuple[int, int]) -> int:
    """Return how many rows of a picture's cells the inventory takes; mirrors `crafter.Env`.

    Parameters
    ----------
    view : tuple of int
        Cells in the picture (x, y).
    """
    return ceil_div(len(ITEMS), view[0])


def local_view(view: tuple[int, int]) -> tuple[int, int]:
    """Return how many cells of the world a picture shows (x, y); mirrors `crafter.Env`.

    Parameters
    ----------
    view : tuple of int
        Cells in the picture (x, y).
    """
    return view[0], view[1] - inventory_rows(view)


def words_by_night(view: tuple[int, int], size: tuple[int, int]) -> int:
    """Return how many random words a picture takes by night; mirrors `LocalView._noise`.

    Parameters
    ----------
    view, size : tuple of int
        Cells in the picture (x, y), pixels of the picture (width, height).
    """
    columns, lines = local_view(view)
    return 2 * columns * (size[0] // view[0]) * lines * (size[1] // view[1])


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
    least = inventory_rows(view)
    if view[1] < least:
        raise ArgumentError(
            "view",
            f"expected at least {least} rows for the inventory at a width of {view[0]}, "
            f"found {view[1]}",
        )
    if size[0] // view[0] < 2 or size[1] // view[1] < 2:
        raise ArgumentError(
            "size",
            f"expected at least 2 pixels a cell, so {2 * view[0]}x{2 * view[1]} for a view of "
            f"{view[0]}x{view[1]}, found {size[0]}x{size[1]}",
        )
