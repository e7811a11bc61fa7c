"""What a state consists of: types, shapes and ranges."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.engine.spec import ACHIEVEMENTS, ITEMS, OBJECTS
from crafter_dataset.schemas.arithmetic import ceil_div

CHUNK = 12
"""Cells along each side of a map chunk, as in `crafter.Env.__init__`."""
RANDOM_WORDS = 624
"""Words of a Mersenne twister, as of NumPy's `RandomState`."""
MOST_STEPS = 2**20
"""Steps after which a game's state cannot be had: engines tabulate the daylight up to a state's."""
MOST_ACHIEVED = 2**16 - 1
"""Times that an achievement is reached in an episode, at most: rows hold no more."""
MOST_COUNT = 2**30
"""Of anything that is counted, so that counting on does not overflow."""

OBJECT_DTYPE = np.dtype(
    [
        ("kind", "u1"),
        ("x", "<i4"),
        ("y", "<i4"),
        ("facing_x", "i1"),
        ("facing_y", "i1"),
        ("health", "<i4"),
        ("timer", "<i4"),
    ]
)
"""An object: `kind` is an index into the dataset's names of objects, from 1 on; `timer` a zombie's
cooldown, a skeleton's reload, for how long a plant has grown."""

PLAYER, COW, ZOMBIE, SKELETON, ARROW, PLANT = range(1, len(OBJECTS) + 1)
RIPE = 300
"""A plant that has grown for longer is ripe."""
MOST_HEALTH = np.zeros(len(OBJECTS) + 1, np.int32)
MOST_HEALTH[[COW, ZOMBIE, SKELETON, PLANT]] = 3, 5, 3, 1
MOST_TIMER = np.zeros(len(OBJECTS) + 1, np.int32)
MOST_TIMER[[ZOMBIE, SKELETON, PLANT]] = 5, 4, MOST_COUNT
"""Of each kind of object, at most."""

DTYPES: dict[str, np.dtype[Any]] = {
    "frame": np.dtype("u1"),
    "materials": np.dtype("u1"),
    "objects": OBJECT_DTYPE,
    "chunks": np.dtype("<i4"),
    "members": np.dtype("<i4"),
    "random": np.dtype("<u4"),
    "inventory": np.dtype("u1"),
    "achievements": np.dtype("<i4"),
}
"""Type of each array, in the order in which bytes have them."""

PAIRS = ("area", "view", "size")
INTEGERS = {
    "length": (0, 2**63 - 1),
    "world_seed": (0, 2**32 - 1),
    "step": (0, MOST_STEPS),
    "last_health": (0, 9),
    "fatigue": (-10, 30),
}
NUMBERS = {"hunger": (0, 25), "thirst": (0, 20), "recover": (-15, 25)}
"""Between steps Crafter's numbers are within these, both included."""
FLAGS = ("reward", "sleeping")


def shapes_of(
    area: tuple[int, int], size: tuple[int, int], objects: int, chunks: int
) -> dict[str, tuple[int, ...]]:
    """Return the shape of each array of a state.

    Parameters
    ----------
    area, size : tuple of int
        Cells of the world (x, y), and pixels of the picture (width, height).
    objects, chunks : int
        Number of objects, and of chunks that ever held one.
    """
    return {
        "frame": (size[1], size[0], 3),
        "materials": area,
        "objects": (objects,),
        "chunks": (chunks,),
        "members": (objects,),
        "random": (RANDOM_WORDS + 1,),
        "inventory": (len(ITEMS),),
        "achievements": (len(ACHIEVEMENTS),),
    }


def chunks_of(places: NDArray[np.void], area: tuple[int, int]) -> NDArray[np.int64]:
    """Return the number of the chunk that each of some objects is in.

    Parameters
    ----------
    places : ndarray of records, shape (objects,)
        The objects.
    area : tuple of int
        Cells of the world (x, y).

    Returns
    -------
    ndarray, shape (objects,), int64
        Numbers, which run along y first.
    """
    numbers: NDArray[np.int64] = places["x"].astype(np.int64) // CHUNK * ceil_div(area[1], CHUNK)
    numbers += places["y"] // CHUNK
    return numbers
