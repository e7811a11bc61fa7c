"""The public names, as far as what they need is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import Any

import crafter_dataset


def public_names() -> Iterator[tuple[str, Any]]:
    """Yield each public name and what it stands for."""
    for name in crafter_dataset.__all__:
        home = crafter_dataset._HOME_OF[name]
        if home != "loader.torch" or importlib.util.find_spec("torch"):
            yield name, getattr(crafter_dataset, name)
