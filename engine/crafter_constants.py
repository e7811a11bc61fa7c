"""Crafter's own lists of names, without the rest of the package.

Importing all of crafter imports OpenSimplex and with it numba, which takes ten times as long.
"""

from __future__ import annotations

import functools
import importlib.util
import runpy
from pathlib import Path
from types import SimpleNamespace


def crafter_folder() -> Path:
    """Return the folder of the crafter package, without importing it.

    Raises
    ------
    ModuleNotFoundError
        If it is not installed.
    """
    spec = importlib.util.find_spec("crafter")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("No module named 'crafter'", name="crafter")
    return Path(spec.origin).parent


def crafter_files() -> list[Path]:
    """Return the files that Crafter's rules and pictures are made of: its data and its textures.

    Raises
    ------
    ModuleNotFoundError
        If it is not installed.
    """
    folder = crafter_folder()
    return [folder / "data.yaml", *sorted(folder.glob("assets/*.png"))]


@functools.cache
def load_constants() -> SimpleNamespace:
    """Load `crafter.constants` by itself, and return its names.

    Raises
    ------
    ModuleNotFoundError
        If crafter is not installed.
    """
    return SimpleNamespace(**runpy.run_path(str(crafter_folder() / "constants.py")))
