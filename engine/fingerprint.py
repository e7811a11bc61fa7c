"""A fingerprint of the worlds and pictures that this machine makes, whatever packages it has."""

from __future__ import annotations

import hashlib

import numpy as np

from crafter_dataset.engine.engines import make_lanes
from crafter_dataset.engine.spec import make_seen

_SEED = 0
_NIGHT = 210
"""Steps until daylight is least: Crafter's is 1 - |cos(pi * (step / 300 + 0.3))|^3."""


def pixel_fingerprint(
    engine: str, area: tuple[int, int], view: tuple[int, int], size: tuple[int, int]
) -> str:
    """Return a hash of a world, and of a picture by day and one by night.

    It is the same for both engines, and on every machine whose packages (NumPy,
    Pillow, OpenSimplex) make the same bits.

    Parameters
    ----------
    engine : {'fast', 'crafter'}
        What plays.
    area, view, size : tuple of int
        As for `engines.make_lanes`.

    Returns
    -------
    str
        32 hexadecimal digits.

    Raises
    ------
    EngineError
        If there is no such engine, or it cannot be used.
    """
    lanes = make_lanes(engine, 1, area, view, size, 0, False)
    seen = make_seen(1, area, size)
    playing, actions, rewards = np.ones(1, bool), np.zeros(1, np.int64), np.zeros(1)
    lanes.reset(0, _SEED, seen)
    digest = hashlib.sha256(seen.semantic.tobytes() + seen.frames.tobytes())
    for _ in range(_NIGHT):
        lanes.step(playing, actions, rewards, seen)
    digest.update(seen.frames.tobytes())
    return digest.hexdigest()[:32]
