"""The crafter package's own textures, without importing it (which takes seconds)."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

FILES = {
    "player": "player-down",
    "arrow": "arrow-up",
    "plant": "sapling",
}
"""Textures whose names differ from those of the things."""


@cache
def texture(name: str, side: int) -> NDArray[np.uint8]:
    """Return one texture.

    Parameters
    ----------
    name : str
        A material, object or item as in the metadata, or a file of the package
        without its ending. What it has no picture of is shown as its `unknown`.
    side : int
        Width and height, in pixels.

    Returns
    -------
    ndarray, shape (side, side, 4), uint8
        RGBA, indexed [y, x].

    Raises
    ------
    FileNotFoundError
        If the crafter package is not installed.
    """
    folder = _folder()
    path = folder / f"{FILES.get(name, name)}.png"
    if path.parent != folder or not path.is_file():
        path = folder / "unknown.png"
    with Image.open(path, formats=["PNG"]) as image:
        scale = Image.Resampling.BOX if side < image.width else Image.Resampling.NEAREST
        picture = np.array(image.convert("RGBA").resize((side, side), scale))
    picture.flags.writeable = False
    return picture


@cache
def _folder() -> Path:
    spec = find_spec("crafter")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("expected the package crafter, for its textures, found none")
    return Path(next(iter(spec.submodule_search_locations))) / "assets"
