"""OpenSimplex noise over tiles of cells; mirrors `opensimplex.internals`.

`noise3` finds, for each cell, which lattice points reach it, and adds up their
contributions. Which points reach a tile of 4 x 4 cells is the same in every
world: only their gradients differ. So they are found once, and then each tile
adds up its points, all cells at once and without branches. The result is close
to opensimplex's, not equal: it is summed in single precision, and `noise3`
leaves out some points that contribute next to nothing. Where that could matter,
the caller uses opensimplex itself.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from opensimplex.constants import GRADIENTS3, NORM_CONSTANT3, SQUISH_CONSTANT3
from opensimplex.internals import _noise3

from crafter_dataset.engine.compiled.intrinsics import multiply_add, use_wide_vectors
from crafter_dataset.engine.compiled.jit import kernel
from crafter_dataset.engine.fast.kinds import World

TILE = 4
"""Cells along each side of a tile."""
LANES = TILE * TILE
"""Cells of a tile; they are contiguous, x-major."""

NOISE_ERROR = 3e-4
"""Bound of the difference to `noise3`; the largest among 620 million points was 1.23e-4."""

_REACH = math.sqrt(2)
_NOTHING = np.float32(0)
_GRADIENT_COUNT = len(GRADIENTS3) // 3
_GRADIENTS = GRADIENTS3.astype(np.float64) / NORM_CONSTANT3


class Lattice(NamedTuple):
    """The lattice points around a block of tiles, for several planes of noise.

    Parameters
    ----------
    used : ndarray, shape (1,), int64
        Number of points.
    places : ndarray, shape (points, 3), int64
        The points' numbers i, j and k, which their gradients depend on.
    points : ndarray, shape (points, 8), float32
        Columns: 0 and 1, coordinates from the block's first cell; 2, the square
        of the reach in the plane; 3 and 4, the gradient's components in the
        plane; 5, its third component times the distance from the plane; 6, that
        distance; 7 is not used.
    listed : ndarray, shape (planes, tiles), int32
        How many points reach each tile.
    lists : ndarray, shape (planes, tiles, most points), int16
        Numbers of these points.
    """

    used: NDArray[np.int64]
    places: NDArray[np.int64]
    points: NDArray[np.float32]
    listed: NDArray[np.int32]
    lists: NDArray[np.int16]


def make_lattice(tiles_x: int, tiles_y: int, steps: list[tuple[float, float]]) -> Lattice:
    """Make room for the points around a block of tiles, in several planes.

    Parameters
    ----------
    tiles_x, tiles_y : int
        Tiles along the sides of the block.
    steps : list of tuple of float
        For each plane, how far apart its cells are (x, y).

    Returns
    -------
    Lattice
        Without points.
    """
    most = sum(
        _most_points((TILE * tiles_x - 1) * step_x, (TILE * tiles_y - 1) * step_y)
        for step_x, step_y in steps
    )
    most_of_tile = max(
        _most_points((TILE - 1) * step_x, (TILE - 1) * step_y) for step_x, step_y in steps
    )
    tiles = tiles_x * tiles_y
    return Lattice(
        np.zeros(1, np.int64),
        np.zeros((most, 3), np.int64),
        np.zeros((most, 8), np.float32),
        np.zeros((len(steps), tiles), np.int32),
        np.zeros((len(steps), tiles, most_of_tile), np.int16),
    )


def _most_points(width: float, height: float) -> int:
    """Bound the number of points that reach a rectangle.

    They are at least the square root of 2 apart, so that each has a ball of half that
    radius to itself; and all balls lie within reach, plus a radius, of the rectangle.
    """
    radius = _REACH / 2
    far = _REACH + radius
    volume = 2 * far * width * height + math.pi * far**2 * (width + height)
    return math.ceil((volume + 4 / 3 * math.pi * far**3) / (4 / 3 * math.pi * radius**3))


@kernel
def permute(world: World, seed: int) -> None:
    """Shuffle the lattice's gradients; mirrors `_init`.

    Parameters
    ----------
    world : World
        State of the environment; its `perm` and `gradients` are overwritten.
    seed : int
        Seed of the noise, 0 to 2**31 - 2.
    """
    source = world.gradients  # room to shuffle in
    for i in range(256):
        source[i] = i
    state = np.int64(seed)
    for _ in range(3):
        state = state * np.int64(6364136223846793005) + np.int64(1442695040888963407)
    for i in range(255, -1, -1):
        state = state * np.int64(6364136223846793005) + np.int64(1442695040888963407)
        # Python adds 31 without overflow.
        chosen = (state % (i + 1) + 31) % (i + 1)
        world.perm[i] = source[chosen]
        source[chosen] = source[i]
    for i in range(256):
        world.gradients[i] = world.perm[i] % _GRADIENT_COUNT * 3


@kernel
def noise3(world: World, x: float, y: float, z: int) -> float:
    """Evaluate one point exactly: this is opensimplex's own `noise3`.

    Parameters
    ----------
    world : World
        State of the environment, after `permute`.
    x, y : float
        Coordinates in the plane, in units of the noise.
    z : int
        Third coordinate.
    """
    return _noise3(x, y, z, world.perm, world.gradients)


@kernel
def find_points(
    lattice: Lattice, plane: int, z: int,
    left: int, tiles_x: int, step_x: float, top: int, tiles_y: int, step_y: float,
) -> None:  # fmt: skip
    """Find the lattice points that reach a block of tiles in a plane, and which reach which tile.

    Parameters
    ----------
    lattice : Lattice
        The points are added to it.
    plane, z : int
        The plane's number and its third coordinate.
    left, tiles_x : int
        First cell of the block along x, and its tiles.
    step_x : float
        How far apart cells are: cell x is at the coordinate `x * step_x`.
    top, tiles_y : int
        First cell of the block along y, and its tiles.
    step_y : float
        The same along y.
    """
    for tile in range(tiles_x * tiles_y):
        lattice.listed[plane, tile] = 0
    low_u, high_u = left * step_x - _REACH, (left + TILE * tiles_x - 1) * step_x + _REACH
    low_v, high_v = top * step_y - _REACH, (top + TILE * tiles_y - 1) * step_y + _REACH
    # A lattice point (i, j, k) of sum s lies at (i, j, k) + s * SQUISH_CONSTANT3 each.
    spread = 1 + 3 * SQUISH_CONSTANT3
    low_s = math.floor((low_u + low_v + z - _REACH) / spread)
    high_s = math.ceil((high_u + high_v + z + _REACH) / spread)
    for s in range(low_s, high_s + 1):
        shift = s * SQUISH_CONSTANT3
        for k in range(math.ceil(z - _REACH - shift), math.floor(z + _REACH - shift) + 1):
            dz = z - (k + shift)
            # j = s - i - k must be within its limits too.
            low_i = max(math.ceil(low_u - shift), math.ceil(s - k + shift - high_v))
            high_i = min(math.floor(high_u - shift), math.floor(s - k + shift - low_v))
            for i in range(int(low_i), int(high_i) + 1):
                j = s - i - k
                u, v = i + shift - left * step_x, j + shift - top * step_y
                if _list_point(lattice, plane, tiles_x, step_x, tiles_y, step_y, u, v, dz):
                    number = lattice.used[0]
                    lattice.places[number, 0] = i
                    lattice.places[number, 1] = j
                    lattice.places[number, 2] = k
                    lattice.points[number, 0] = u
                    lattice.points[number, 1] = v
                    lattice.points[number, 2] = 2 - dz * dz
                    lattice.points[number, 6] = dz
                    lattice.used[0] += 1


@kernel
def _list_point(
    lattice: Lattice, plane: int, tiles_x: int, step_x: float, tiles_y: int, step_y: float,
    u: float, v: float, dz: float,
) -> bool:  # fmt: skip
    """Add the next point to the lists of all tiles that it reaches; tell whether there are any."""
    side_x, side_y = TILE * step_x, TILE * step_y
    # From a tile's first cell to its last.
    wide, high = (TILE - 1) * step_x, (TILE - 1) * step_y
    reach = math.sqrt(2 - dz * dz)
    first_x = max(math.ceil((u - reach - wide) / side_x), 0)
    last_x = min(math.floor((u + reach) / side_x), tiles_x - 1)
    found = False
    for tile_x in range(first_x, last_x + 1):
        gap = max(tile_x * side_x - u, u - wide - tile_x * side_x, 0.0)
        half = math.sqrt(max(2 - dz * dz - gap * gap, 0.0))
        first_y = max(math.ceil((v - half - high) / side_y), 0)
        last_y = min(math.floor((v + half) / side_y), tiles_y - 1)
        for tile in range(tile_x * tiles_y + first_y, tile_x * tiles_y + last_y + 1):
            lattice.lists[plane, tile, lattice.listed[plane, tile]] = lattice.used[0]
            lattice.listed[plane, tile] += 1
            found = True
    return found


@kernel
def take_gradients(world: World, lattice: Lattice) -> None:
    """Set the gradients of all points to those that they have in a world.

    Parameters
    ----------
    world : World
        State of the environment, after `permute`.
    lattice : Lattice
        After `find_points`; its points are changed.
    """
    for number in range(np.uint64(lattice.used[0])):
        i, j, k = lattice.places[number]
        index = world.perm[(world.perm[i & 255] + j) & 255]
        index = world.gradients[(index + k) & 255]
        point = lattice.points[number]
        point[3] = _GRADIENTS[index]
        point[4] = _GRADIENTS[index + 1]
        point[5] = _GRADIENTS[index + 2] * point[6]


@kernel
def noise_tiles(
    lattice: Lattice, plane: int, needed: NDArray[np.bool_],
    tiles_x: int, step_x: float, tiles_y: int, step_y: float, noise: NDArray[np.float32],
) -> None:  # fmt: skip
    """Write a plane's noise to within `NOISE_ERROR`, in the tiles where it is needed; elsewhere 0.

    Parameters
    ----------
    lattice : Lattice
        After `find_points` and `take_gradients`.
    plane : int
        The plane's number.
    needed : ndarray, shape (tiles,), bool
        Which tiles to evaluate, in the order [x, y].
    tiles_x : int
        Tiles along x, as for `find_points`.
    step_x : float
        How far apart cells are along x, as for `find_points`.
    tiles_y : int
        Tiles along y, as for `find_points`.
    step_y : float
        How far apart cells are along y, as for `find_points`.
    noise : ndarray, shape (tiles * LANES,), float32
        Overwritten, tile by tile.
    """
    use_wide_vectors()
    wide, high = np.float32(step_x), np.float32(step_y)
    for tile in range(np.uint64(tiles_x * tiles_y)):
        # Unsigned, since otherwise loops are not vectorised.
        base = tile * np.uint64(LANES)
        for lane in range(np.uint64(LANES)):
            noise[base + lane] = _NOTHING
        if not needed[tile]:
            continue
        tile_x, tile_y = np.int64(tile) // tiles_y, np.int64(tile) % tiles_y
        left, top = np.float32(TILE * tile_x * step_x), np.float32(TILE * tile_y * step_y)
        for entry in range(np.uint64(lattice.listed[plane, tile])):
            number = np.uint64(lattice.lists[plane, tile, entry])
            u, v = left - lattice.points[number, 0], top - lattice.points[number, 1]
            reach = lattice.points[number, 2]
            along, across = lattice.points[number, 3], lattice.points[number, 4]
            through = lattice.points[number, 5]
            for lane in range(np.uint64(LANES)):
                du = u + np.float32(np.int32(lane // np.uint64(TILE))) * wide
                dv = v + np.float32(np.int32(lane % np.uint64(TILE))) * high
                weight = multiply_add(-du, du, multiply_add(-dv, dv, reach))
                # Cells out of reach get 0.
                weight = weight if weight > _NOTHING else _NOTHING
                weight *= weight
                slope = multiply_add(along, du, multiply_add(across, dv, through))
                noise[base + lane] = multiply_add(weight * weight, slope, noise[base + lane])
