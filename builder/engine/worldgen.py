"""World generation; mirrors `crafter.worldgen`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from builder.engine.jit import kernel
from builder.engine.noise import LANES, PLANE_ERROR, noise3, noise_plane, permute
from builder.engine.rng import randint, uniform
from builder.engine.rules import (
    COAL,
    COW,
    COW_HEALTH,
    DIAMOND,
    GRASS,
    IRON,
    LAVA,
    PATH,
    SAND,
    SKELETON,
    SKELETON_HEALTH,
    STONE,
    TREE,
    WALKABLE,
    WATER,
    ZOMBIE,
    ZOMBIE_HEALTH,
)
from builder.engine.world import PLAYER_ROW, add, set_material

STRIP = 64
"""Columns of the map that are generated together, to bound the memory."""

# The noise that a cell takes, in the order of `_set_material`: z and size.
_PLANES = (
    (8, 3),  # start
    (3, 15),  # water, coarse
    (3, 5),  # water, fine
    (0, 15),  # mountain, coarse
    (0, 5),  # mountain, fine
    (6, 7),  # caves
    (7, 3),  # horizontal tunnels
    (7, 3),  # vertical tunnels
    (1, 8),  # coal
    (2, 6),  # iron
    (6, 5),  # lava
    (4, 9),  # sand
    (5, 7),  # trees
)
(
    _START, _WATER, _WATER_FINE, _MOUNTAIN, _MOUNTAIN_FINE, _CAVES, _HORIZONTAL, _VERTICAL,
    _COAL, _IRON, _LAVA, _SAND, _TREES,
) = range(len(_PLANES))  # fmt: skip
_Z = np.array([z for z, _ in _PLANES])
_SIZE = np.array([size for _, size in _PLANES])
_STEP_X, _STEP_Y = 1 / _SIZE, 1 / _SIZE
_STEP_X[_HORIZONTAL] *= 2
_STEP_Y[_HORIZONTAL] /= 5
_STEP_X[_VERTICAL] /= 5
_STEP_Y[_VERTICAL] *= 2

_THRESHOLD = np.zeros(len(_PLANES))
_THRESHOLD[[_CAVES, _HORIZONTAL, _VERTICAL, _COAL]] = 0.15, 0.4, 0.4, 0.0
_THRESHOLD[[_IRON, _LAVA, _SAND, _TREES]] = 0.4, 0.35, -0.2, 0.0

_IS_NEAR, _IS_ABOVE = 1, 2
"""Marks of noise that is too near to its threshold to tell, and of noise above it."""

_NEAR = 5 * PLANE_ERROR
"""What is combined of noise is evaluated again, exactly, this near to a threshold."""


class Scratch(NamedTuple):
    """Room that `generate_world` works in.

    Parameters
    ----------
    planes : ndarray, shape (planes, cells of a strip), float32
        Noise, as from `noise_plane`.
    marks : ndarray, shape (cells of a strip,), uint32
        How each cell's noise compares with its threshold, two bits a plane.
    tunnels : ndarray, shape (cells,), bool
        Which cells are in a tunnel.
    """

    planes: NDArray[np.float32]
    marks: NDArray[np.uint32]
    tunnels: NDArray[np.bool_]


def make_scratch(area: tuple[int, int]) -> Scratch:
    """Make room to generate worlds of an area."""
    cells = min(area[0], STRIP) * (area[1] + LANES)
    return Scratch(
        np.zeros((len(_PLANES), cells), np.float32),
        np.zeros(cells, np.uint32),
        np.zeros(area[0] * area[1], bool),
    )


_FAR = -12.0
"""Where start is below the sigmoid of this, 1e-5, it moves nothing by as much as `PLANE_ERROR`."""


@kernel
def generate_world(world: Any, scratch: Any) -> None:
    """Fill the map and add its creatures; mirrors `generate_world`.

    Parameters
    ----------
    world : record
        With the player on an empty map.
    scratch : Scratch
        Overwritten.
    """
    permute(world, randint(world, 2**31 - 1))
    planes = scratch.planes
    for left in range(0, world.width, STRIP):
        columns = min(STRIP, world.width - left)
        for plane in range(len(_PLANES)):
            noise_plane(
                world, planes[plane], _Z[plane],
                left, columns, _STEP_X[plane], world.height, _STEP_Y[plane],
            )  # fmt: skip
        _mark(scratch, columns * (world.height + LANES))
        for x in range(left, left + columns):
            for y in range(world.height):
                cell = (x - left) * (world.height + LANES) + y
                start, water, mountain = _combine(
                    world, x, y, False, planes[_START, cell],
                    planes[_WATER, cell], planes[_WATER_FINE, cell],
                    planes[_MOUNTAIN, cell], planes[_MOUNTAIN_FINE, cell],
                )  # fmt: skip
                tunnel = _set_material(world, x, y, start, water, mountain, scratch.marks[cell])
                scratch.tunnels[x * world.height + y] = tunnel
    for x in range(world.width):
        for y in range(world.height):
            _set_object(world, x, y, scratch.tunnels[x * world.height + y])


@kernel
def _mark(scratch: Any, cells: int) -> None:
    """Compare all noise with its thresholds at once, where it has but one."""
    marks = scratch.marks
    for cell in range(np.uint64(cells)):
        marks[cell] = 0
    for plane in range(_CAVES, len(_PLANES)):
        low = np.float32(_THRESHOLD[plane] - PLANE_ERROR)
        high = np.float32(_THRESHOLD[plane] + PLANE_ERROR)
        near = np.uint32(_IS_NEAR << (2 * plane))
        above = np.uint32(_IS_ABOVE << (2 * plane))
        nothing = np.uint32(0)
        noise = scratch.planes[plane]
        for cell in range(np.uint64(cells)):
            mark = above if noise[cell] > low else nothing
            marks[cell] |= mark if noise[cell] < low or noise[cell] > high else near


@kernel
def _exact(world: Any, plane: int, x: int, y: int) -> float:
    """Evaluate a cell's noise as `_set_material` and `_simplex` do, to the last bit."""
    size = _SIZE[plane]
    if plane == _HORIZONTAL:
        return noise3(world, 2 * x / size, y / 5 / size, _Z[plane])
    if plane == _VERTICAL:
        return noise3(world, x / 5 / size, 2 * y / size, _Z[plane])
    return noise3(world, x / size, y / size, _Z[plane])


@kernel
def _above(world: Any, marks: int, plane: int, x: int, y: int) -> bool:
    """Whether a cell's noise is greater than its threshold, exactly."""
    mark = (marks >> (2 * plane)) & (_IS_NEAR | _IS_ABOVE)
    if mark == _IS_NEAR:
        return _exact(world, plane, x, y) > _THRESHOLD[plane]
    return mark == _IS_ABOVE


@kernel
def _near(value: float, threshold: float) -> bool:
    return abs(value - threshold) < _NEAR


@kernel
def _combine(
    world: Any, x: int, y: int, exact: bool,
    start: float, water: float, water_fine: float, mountain: float, mountain_fine: float,
) -> tuple[float, float, float]:  # fmt: skip
    """Give start, water and mountain of a cell; mirrors the head of `_set_material`."""
    px, py = world.x[PLAYER_ROW], world.y[PLAYER_ROW]
    start = 4 - np.sqrt(float((x - px) ** 2 + (y - py) ** 2)) + 2 * start
    # Far off it is next to nothing, so that only a cell evaluated exactly needs all of it.
    start = 1 / (1 + np.exp(-start)) if exact or start > _FAR else 0.0
    water = water + 0.15 * water_fine + 0.1 - 2 * start
    mountain = (mountain + 0.3 * mountain_fine) / (1 + 0.3)
    mountain -= 4 * start + 0.3 * water
    return start, water, mountain


@kernel
def _set_material(
    world: Any, x: int, y: int, start: float, water: float, mountain: float, marks: int
) -> bool:
    """Choose a cell's material, and tell whether it is in a tunnel; mirrors `_set_material`."""
    if (
        _near(start, 0.5)
        or _near(mountain, 0.15) or _near(mountain, 0.18) or _near(mountain, 0.3)
        or _near(water, 0.25) or _near(water, 0.3) or _near(water, 0.35)
    ):  # fmt: skip
        start, water, mountain = _combine(
            world, x, y, True,
            _exact(world, _START, x, y), _exact(world, _WATER, x, y),
            _exact(world, _WATER_FINE, x, y), _exact(world, _MOUNTAIN, x, y),
            _exact(world, _MOUNTAIN_FINE, x, y),
        )  # fmt: skip
    tunnel = False
    if start > 0.5:
        material = GRASS
    elif mountain > 0.15:
        if mountain > 0.3 and _above(world, marks, _CAVES, x, y):
            material = PATH
        elif _above(world, marks, _HORIZONTAL, x, y) or _above(world, marks, _VERTICAL, x, y):
            material = PATH
            tunnel = True
        elif _above(world, marks, _COAL, x, y) and uniform(world) > 0.85:
            material = COAL
        elif _above(world, marks, _IRON, x, y) and uniform(world) > 0.75:
            material = IRON
        elif mountain > 0.18 and uniform(world) > 0.994:
            material = DIAMOND
        elif mountain > 0.3 and _above(world, marks, _LAVA, x, y):
            material = LAVA
        else:
            material = STONE
    elif 0.25 < water <= 0.35 and _above(world, marks, _SAND, x, y):
        material = SAND
    elif water > 0.3:
        material = WATER
    elif _above(world, marks, _TREES, x, y) and uniform(world) > 0.8:
        material = TREE
    else:
        material = GRASS
    set_material(world, x, y, material)
    return tunnel


@kernel
def _set_object(world: Any, x: int, y: int, in_tunnel: bool) -> None:
    """Perhaps put a creature into a cell; mirrors `_set_object`."""
    material = world.materials[x * world.height + y]
    if not WALKABLE[material]:
        return
    px, py = world.x[PLAYER_ROW], world.y[PLAYER_ROW]
    squared = (x - px) ** 2 + (y - py) ** 2
    if squared > 3**2 and material == GRASS and uniform(world) > 0.985:
        add(world, COW, x, y, COW_HEALTH)
    elif squared > 10**2 and uniform(world) > 0.993:
        add(world, ZOMBIE, x, y, ZOMBIE_HEALTH)
    elif material == PATH and in_tunnel and uniform(world) > 0.95:
        add(world, SKELETON, x, y, SKELETON_HEALTH)
