"""Pictures of any shape are drawn without a write outside of their arrays, which nothing checks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from crafter_dataset.engine.fast.fast_lanes import FastLanes
from crafter_dataset.engine.pictures import daylights
from crafter_dataset.engine.spec import make_seen

_ZONE = 4096
_MARK = 0xA5


class Guarded:
    """Copies of arrays between zones that nobody may write to."""

    def __init__(self) -> None:
        self._zones: list[NDArray[np.uint8]] = []

    def copy(self, array: NDArray[Any]) -> NDArray[Any]:
        space = np.full(array.nbytes + 3 * _ZONE, _MARK, np.uint8)
        start = _ZONE + -space.ctypes.data % 64
        inside = space[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
        inside[...] = array
        self._zones += [space[:start], space[start + array.nbytes :]]
        return inside

    def intact(self) -> bool:
        return all((zone == _MARK).all() for zone in self._zones)


def _guard_all(arrays: tuple[Any, ...], guarded: Guarded) -> tuple[Any, ...]:
    """Copy arrays, but leave those that share the memory of another one at that."""
    copies: dict[int, NDArray[Any]] = {}

    def copy(value: Any) -> Any:
        if not isinstance(value, np.ndarray):
            return value
        place = value.ctypes.data
        if place not in copies:
            copies[place] = guarded.copy(value)
        return copies[place].view(value.dtype).reshape(value.shape)

    return tuple(map(copy, arrays))


@pytest.mark.parametrize("seed", range(40))
def test_no_picture_is_drawn_beyond_its_arrays(seed):
    rng = np.random.default_rng(seed)
    columns = int(rng.integers(1, 20))
    view = columns, -(-16 // columns) + int(rng.integers(10))
    unit = rng.integers(2, 30, 2)
    size = tuple(int(v * u + rng.integers(v)) for v, u in zip(view, unit, strict=True))
    area = tuple(int(cells) for cells in rng.integers(4, 40, 2))
    guarded, lights = Guarded(), daylights(301)
    lanes = FastLanes(1, area, view, size)
    lanes.start(0, seed)
    picture = _guard_all(lanes._picture, guarded)
    seen = make_seen(1, area, size)
    frames = guarded.copy(seen.frames)
    rows = seen._replace(frames=frames)
    for daylight in [*rng.choice(lights[lights < 0.5], 3), 0.0, *rng.choice(lights, 2)]:
        lanes.worlds["daylight"] = daylight
        lanes.worlds["sleeping"] = rng.random() < 0.3
        lanes.worlds["inventory"] = rng.integers(10, size=16)
        lanes._observe((lanes.worlds, picture, rows), 0, 0)
        assert guarded.intact()
    assert frames.any()
