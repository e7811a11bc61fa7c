"""What pictures are drawn with, for a dataset that has them drawn: images, names, daylight."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.engine.spec import inventory_rows
from crafter_dataset.engine.state import daylight_at
from crafter_dataset.schemas.errors import ArgumentError
from crafter_dataset.schemas.metadata import EnvSpec

SEEN_OBJECTS = (
    "player facing left", "player facing right", "player facing up", "player facing down",
    "player asleep", "cow", "zombie", "skeleton", "arrow facing left", "arrow facing right",
    "arrow facing up", "arrow facing down", "plant", "ripe plant",
)  # fmt: skip
"""What tiles show on the ground, in the order of `engine.tiles.TEXTURES`."""


def tile_names(materials: tuple[str, ...]) -> tuple[str, ...]:
    """Return what each tile shows: the ground, then each object on each ground.

    Parameters
    ----------
    materials : tuple of str
        Names of the materials, in the order of their ids.
    """
    ground = ("nothing", *materials)
    return (*ground, *(f"{name} on {below}" for name in SEEN_OBJECTS for below in ground))


def check_view(view: tuple[int, int]) -> None:
    """Refuse a view that shows nothing of the world, from which no picture can be drawn.

    Parameters
    ----------
    view : tuple of int
        Cells in the picture (x, y), with those of the inventory.

    Raises
    ------
    ArgumentError
        If the inventory takes all of its rows.
    """
    least = inventory_rows(view) + 1
    if view[1] < least:
        raise ArgumentError(
            "view",
            f"expected at least {least} rows at a width of {view[0]}, to show some of the world in "
            f"pictures that are drawn, found {view[1]}",
        )


def picture_arrays(env: EnvSpec, engine: str) -> dict[str, NDArray[Any]]:
    """Make what all pictures of a dataset are drawn with.

    Parameters
    ----------
    env : EnvSpec
        The environment.
    engine : {'fast', 'crafter'}
        What plays; it makes the images.

    Returns
    -------
    dict of str to ndarray
        Each of `schemas.layout.PICTURE_FIELDS`, by name.
    """
    if engine == "fast":
        from crafter_dataset.engine.fast.fast_lanes import load_images

        images = load_images(env.area, env.view, env.size)
    else:
        from crafter_dataset.engine.fast.textures import make_images

        images = make_images(env.view, env.size)
    return {**images._asdict(), "daylight": daylights(env.length + 1)}


@functools.lru_cache(4)
def daylights(count: int) -> NDArray[np.float64]:
    """Return the daylight of each step.

    Parameters
    ----------
    count : int
        Number of steps, from step 0 on.

    Returns
    -------
    ndarray, shape (count,), float64
        0 is night, 1 is day.
    """
    return np.array([daylight_at(step) for step in range(count)])
