"""What any environment of Crafter is like: names, infos and sizes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from crafter_dataset.engine.crafter_constants import load_constants
from crafter_dataset.engine.rows import Seen
from crafter_dataset.schemas.layout import FRAME_FIELDS

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


def check_seed(seed: int | np.integer[Any]) -> int:
    """Refuse a seed that `numpy.random.RandomState` would not take.

    Raises
    ------
    ValueError
    """
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed: expected 0 to {2**32 - 1}, found {seed}")
    return int(seed)


def as_pair(value: tuple[int, int] | int) -> tuple[int, int]:
    """Take one number for both, as Crafter does for `view` and `size`."""
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))


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
