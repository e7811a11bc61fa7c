"""World generation; mirrors `crafter.worldgen`.

Noise is evaluated in tiles of cells, accurately enough to tell what all but a
few cells are; these few are evaluated again, exactly. What a cell is may still
depend on random draws, and so do creatures: these are drawn last, in order.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.engine.compiled.intrinsics import use_wide_vectors
from crafter_dataset.engine.compiled.jit import inlined, kernel
from crafter_dataset.engine.fast.kinds import World
from crafter_dataset.engine.fast.noise import (
    LANES,
    NOISE_ERROR,
    TILE,
    Lattice,
    find_points,
    make_lattice,
    noise3,
    noise_tiles,
    permute,
    take_gradients,
)
from crafter_dataset.engine.fast.rng import randint, uniform
from crafter_dataset.engine.fast.rules import (
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
from crafter_dataset.engine.fast.world import PLAYER_ROW, add, count_materials
from crafter_dataset.schemas.arithmetic import ceil_div, round_up

BLOCK_TILES = 16
"""Tiles along each side of the blocks in which noise is evaluated; they bound the memory."""

# The planes of noise that decide on a cell, in the order of `_set_material`: z and size.
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

# Where a plane decides anything; most of them do in a few tiles only.
_EVERYWHERE, _CENTER, _ROCK, _HEIGHTS, _SHORE, _MEADOW = range(6)
_WHERE = np.zeros(len(_PLANES), np.int64)
_WHERE[[_START, _CAVES, _HORIZONTAL, _VERTICAL]] = _CENTER, _HEIGHTS, _ROCK, _ROCK
_WHERE[[_COAL, _IRON, _LAVA, _SAND, _TREES]] = _ROCK, _ROCK, _HEIGHTS, _SHORE, _MEADOW

_FAR = 18
"""Cells from the player from which on start, less than the sigmoid of -12, changes nothing by as
much as a tenth of `NOISE_ERROR`."""

# What a cell is, up to random draws: its material's id (`TREE` may turn out to be grass), or
_UNSURE = 0
_TUNNEL = 64
_STONE = 128  # with these bits for what it may turn out to be instead
_MAY_BE_COAL, _MAY_BE_IRON, _MAY_BE_DIAMOND, _IS_LAVA = 1, 2, 4, 8

_f32 = np.float32
_ERROR = np.float32(NOISE_ERROR)


class Scratch(NamedTuple):
    """Room that `generate_world` works in.

    Parameters
    ----------
    lattice : Lattice
        Points around a block, and which tiles they reach.
    block : ndarray, shape (1,), int64
        Number of the block that the lattice's points are around, or -1.
    needed : ndarray, shape (places, tiles of a block), bool
        Which tiles have something of each place, as `_WHERE` names them.
    noise : ndarray, shape (planes, cells of a block), float32
        Noise of the block, to within `NOISE_ERROR` where it is needed.
    start, water, mountain : ndarray, shape (cells of a block,), float32
        As in `_set_material`, to within `_error`.
    kinds : ndarray, shape (columns of tiles, tiles of a column, cells of a tile), uint8
        What the cells are, up to random draws.
    """

    lattice: Lattice
    block: NDArray[np.int64]
    needed: NDArray[np.bool_]
    noise: NDArray[np.float32]
    start: NDArray[np.float32]
    water: NDArray[np.float32]
    mountain: NDArray[np.float32]
    kinds: NDArray[np.uint8]


def make_scratch(area: tuple[int, int]) -> Scratch:
    """Make room to generate worlds of an area.

    Parameters
    ----------
    area : tuple of int
        Cells of the world (x, y).

    Returns
    -------
    Scratch
        For all worlds of the area.
    """
    tiles_x, tiles_y = (ceil_div(cells, TILE) for cells in area)
    block_x, block_y = min(tiles_x, BLOCK_TILES), min(tiles_y, BLOCK_TILES)
    cells = block_x * block_y * LANES
    return Scratch(
        make_lattice(block_x, block_y, list(zip(_STEP_X, _STEP_Y, strict=True))),
        np.full(1, -1),
        np.zeros((_MEADOW + 1, block_x * block_y), bool),
        np.zeros((len(_PLANES), cells), np.float32),
        np.zeros(cells, np.float32),
        np.zeros(cells, np.float32),
        np.zeros(cells, np.float32),
        # Blocks at the edges of the map may reach beyond it.
        np.zeros((round_up(tiles_x, block_x), round_up(tiles_y, block_y), LANES), "u1"),
    )


@kernel
def generate_world(world: World, scratch: Scratch) -> None:
    """Fill the map and add its creatures; mirrors `generate_world`.

    Parameters
    ----------
    world : World
        With the player on an empty map; the map is filled.
    scratch : Scratch
        Made for the area; overwritten.
    """
    permute(world, randint(world, 2**31 - 1))
    columns, rows = scratch.kinds.shape[0], scratch.kinds.shape[1]
    block_x, block_y = min(columns, BLOCK_TILES), min(rows, BLOCK_TILES)
    block = 0
    for tile_x in range(0, columns, block_x):
        for tile_y in range(0, rows, block_y):
            _choose_block(world, scratch, block, tile_x, block_x, tile_y, block_y)
            block += 1
    for x in range(world.width):
        for y in range(world.height):
            kind = scratch.kinds[x // TILE, y // TILE, x % TILE * TILE + y % TILE]
            world.materials[x * world.height + y] = _draw_material(world, kind)
    count_materials(world)
    for x in range(world.width):
        for y in range(world.height):
            kind = scratch.kinds[x // TILE, y // TILE, x % TILE * TILE + y % TILE]
            _set_object(world, x, y, kind == _TUNNEL)


@kernel
def _choose_block(
    world: World, scratch: Scratch, block: int, tile_x: int, tiles_x: int, tile_y: int, tiles_y: int
) -> None:
    """Find what the cells of a block are, up to random draws."""
    left, top = TILE * tile_x, TILE * tile_y
    lattice = scratch.lattice
    if scratch.block[0] != block:
        scratch.block[0] = block
        lattice.used[0] = 0
        for plane in range(len(_PLANES)):
            find_points(
                lattice, plane, _Z[plane],
                left, tiles_x, _STEP_X[plane], top, tiles_y, _STEP_Y[plane],
            )  # fmt: skip
    take_gradients(world, lattice)
    _find_center(world, scratch, left, tiles_x, top, tiles_y)
    for plane in range(len(_PLANES)):
        if plane == _CAVES:
            _combine(world, scratch, left, tiles_x, top, tiles_y)
        noise_tiles(
            lattice, plane, scratch.needed[_WHERE[plane]],
            tiles_x, _STEP_X[plane], tiles_y, _STEP_Y[plane], scratch.noise[plane],
        )  # fmt: skip
    for tile in range(tiles_x * tiles_y):
        if not scratch.needed[_EVERYWHERE, tile]:
            continue  # off the map
        x, y = tile // tiles_y, tile % tiles_y
        kinds = scratch.kinds[tile_x + x, tile_y + y]
        _choose_tile(scratch, tile, kinds)
        for lane in range(LANES):
            if kinds[lane] == _UNSURE:
                cell_x, cell_y = left + TILE * x + lane // TILE, top + TILE * y + lane % TILE
                kinds[lane] = _choose_exactly(world, scratch, tile * LANES + lane, cell_x, cell_y)


@kernel
def _find_center(
    world: World, scratch: Scratch, left: int, tiles_x: int, top: int, tiles_y: int
) -> None:
    """Find which tiles are on the map, and which are near the place where the player starts."""
    px, py = world.x[PLAYER_ROW], world.y[PLAYER_ROW]
    for tile in range(tiles_x * tiles_y):
        x, y = left + TILE * (tile // tiles_y), top + TILE * (tile % tiles_y)
        dx = max(x - px, px - (x + TILE - 1), 0)
        dy = max(y - py, py - (y + TILE - 1), 0)
        on_map = x < world.width and y < world.height
        scratch.needed[_EVERYWHERE, tile] = on_map
        scratch.needed[_CENTER, tile] = on_map and dx * dx + dy * dy < _FAR**2


@kernel
def _sigmoid(value: np.float32) -> np.float32:
    """Return 1 / (1 + exp(-value)) to within 1e-5, for values up to 16, in simple arithmetic."""
    value = value if value > _f32(-16) else _f32(-16)
    # exp(x) is exp(x / 64) to the 64th power; six terms are enough for that.
    part = value * _f32(-1 / 64)
    power = _f32(1) + part * _f32(1 / 6)
    power = _f32(1) + part * _f32(1 / 5) * power
    power = _f32(1) + part * _f32(1 / 4) * power
    power = _f32(1) + part * _f32(1 / 3) * power
    power = _f32(1) + part * _f32(1 / 2) * power
    power = _f32(1) + part * power
    power *= power
    power *= power
    power *= power
    power *= power
    power *= power
    power *= power
    return _f32(1) / (_f32(1) + power)


@inlined
def _combine(
    world: World, scratch: Scratch, left: int, tiles_x: int, top: int, tiles_y: int
) -> None:
    """Compute start, water and mountain of all cells, to within `_error`, and find what is where.

    Mirrors the head of `_set_material`.
    """
    use_wide_vectors()
    noise, needed = scratch.noise, scratch.needed
    px, py = world.x[PLAYER_ROW], world.y[PLAYER_ROW]
    for tile in range(tiles_x * tiles_y):
        x, y = left + TILE * (tile // tiles_y) - px, top + TILE * (tile % tiles_y) - py
        base = np.uint64(tile * LANES)
        for lane in range(np.uint64(LANES)):
            scratch.start[base + lane] = _f32(0)
        if needed[_CENTER, tile]:
            for lane in range(np.uint64(LANES)):
                dx = _f32(np.int32(x) + np.int32(lane // np.uint64(TILE)))
                dy = _f32(np.int32(y) + np.int32(lane % np.uint64(TILE)))
                start = _f32(4) - np.sqrt(dx * dx + dy * dy)
                start = _sigmoid(start + _f32(2) * noise[_START, base + lane])
                scratch.start[base + lane] = start
        rock = heights = shore = meadow = np.int32(0)
        for lane in range(np.uint64(LANES)):
            cell = base + lane
            start = scratch.start[cell]
            water = noise[_WATER, cell] + _f32(0.15) * noise[_WATER_FINE, cell]
            water += _f32(0.1) - _f32(2) * start
            mountain = noise[_MOUNTAIN, cell] + _f32(0.3) * noise[_MOUNTAIN_FINE, cell]
            mountain = mountain * _f32(1 / 1.3) - _f32(4) * start - _f32(0.3) * water
            scratch.water[cell] = water
            scratch.mountain[cell] = mountain
            error = _error(start)
            low = mountain <= _f32(0.15) + error
            rock |= np.int32(mountain > _f32(0.15) - error)
            heights |= np.int32(mountain > _f32(0.3) - error)
            band = (water > _f32(0.25) - error) & (water <= _f32(0.35) + error)
            shore |= np.int32(low & band)
            meadow |= np.int32(low & (water <= _f32(0.3) + error))
        on_map = needed[_EVERYWHERE, tile]
        needed[_ROCK, tile] = on_map and rock
        needed[_HEIGHTS, tile] = on_map and heights
        needed[_SHORE, tile] = on_map and shore
        needed[_MEADOW, tile] = on_map and meadow


@kernel
def _error(start: np.float32) -> np.float32:
    """Bound the errors of start, water and mountain, from the weights of noise in them.

    The error of start is at most `2 * start` times that of noise. Water has 1.15
    times that of noise and 2 times that of start; mountain once that of noise, 0.3
    times that of water and 4 times that of start.
    """
    return _ERROR * (_f32(1.5) + _f32(10) * start)


@kernel
def _near(value: np.float32, threshold: np.float32, error: np.float32) -> bool:
    """Tell whether a value is too near a threshold to compare them."""
    return abs(value - threshold) < error


@inlined
def _choose_tile(scratch: Scratch, tile: int, kinds: NDArray[np.uint8]) -> None:
    """Find what the cells of a tile are, up to random draws, as `_choose_exactly` does."""
    use_wide_vectors()
    noise = scratch.noise
    base = np.uint64(tile * LANES)
    for lane in range(np.uint64(LANES)):
        cell = base + lane
        start, water, mountain = scratch.start[cell], scratch.water[cell], scratch.mountain[cell]
        caves, lava = noise[_CAVES, cell], noise[_LAVA, cell]
        horizontal, vertical = noise[_HORIZONTAL, cell], noise[_VERTICAL, cell]
        coal, iron = noise[_COAL, cell], noise[_IRON, cell]
        sand, trees = noise[_SAND, cell], noise[_TREES, cell]
        error = _error(start)
        rock, high = mountain > _f32(0.15), mountain > _f32(0.3)
        tunnel = (horizontal > _f32(0.4)) | (vertical > _f32(0.4))
        band = (water > _f32(0.25)) & (water <= _f32(0.35))
        inside = _stone(
            coal > _f32(0.0), iron > _f32(0.4), mountain > _f32(0.18), high & (lava > _f32(0.35))
        )
        inside = np.uint8(_TUNNEL) if tunnel else inside
        inside = np.uint8(PATH) if high & (caves > _f32(0.15)) else inside
        outside = np.uint8(TREE) if trees > _f32(0.0) else np.uint8(GRASS)
        outside = np.uint8(WATER) if water > _f32(0.3) else outside
        outside = np.uint8(SAND) if band & (sand > _f32(-0.2)) else outside
        kind = inside if rock else outside
        kind = np.uint8(GRASS) if start > _f32(0.5) else kind
        unsure_inside = (
            _near(mountain, _f32(0.18), error) | _near(mountain, _f32(0.3), error)
            | _near(horizontal, _f32(0.4), _ERROR) | _near(vertical, _f32(0.4), _ERROR)
            | _near(coal, _f32(0.0), _ERROR) | _near(iron, _f32(0.4), _ERROR)
            | (high & (_near(caves, _f32(0.15), _ERROR) | _near(lava, _f32(0.35), _ERROR)))
        )  # fmt: skip
        unsure_outside = (
            _near(water, _f32(0.25), error) | _near(water, _f32(0.3), error)
            | _near(water, _f32(0.35), error) | (band & _near(sand, _f32(-0.2), _ERROR))
            | ((water <= _f32(0.3)) & _near(trees, _f32(0.0), _ERROR))
        )  # fmt: skip
        unsure = _near(start, _f32(0.5), error) | _near(mountain, _f32(0.15), error)
        unsure |= unsure_inside if rock else unsure_outside
        kinds[lane] = np.uint8(_UNSURE) if unsure else kind


@kernel
def _stone(coal: bool, iron: bool, diamond: bool, lava: bool) -> np.uint8:
    """Return what a cell of stone is, by what it may turn out to be."""
    kind = np.uint8(_STONE)
    kind |= np.uint8(_MAY_BE_COAL) if coal else np.uint8(0)
    kind |= np.uint8(_MAY_BE_IRON) if iron else np.uint8(0)
    kind |= np.uint8(_MAY_BE_DIAMOND) if diamond else np.uint8(0)
    kind |= np.uint8(_IS_LAVA) if lava else np.uint8(0)
    return kind


@kernel
def _choose_exactly(world: World, scratch: Scratch, cell: int, x: int, y: int) -> np.uint8:
    """Return what a cell is, up to random draws; mirrors `_set_material`, to the last bit."""
    px, py = world.x[PLAYER_ROW], world.y[PLAYER_ROW]
    start = 4 - np.sqrt(float((x - px) ** 2 + (y - py) ** 2))
    start += 2 * _exact(world, _START, x, y)
    start = 1 / (1 + np.exp(-start))
    water = _exact(world, _WATER, x, y) + 0.15 * _exact(world, _WATER_FINE, x, y) + 0.1
    water -= 2 * start
    mountain = _exact(world, _MOUNTAIN, x, y) + 0.3 * _exact(world, _MOUNTAIN_FINE, x, y)
    mountain /= 1 + 0.3
    mountain -= 4 * start + 0.3 * water
    if start > 0.5:
        return np.uint8(GRASS)
    if mountain > 0.15:
        if mountain > 0.3 and _above(world, scratch, cell, _CAVES, x, y):
            return np.uint8(PATH)
        if _above(world, scratch, cell, _HORIZONTAL, x, y):
            return np.uint8(_TUNNEL)
        if _above(world, scratch, cell, _VERTICAL, x, y):
            return np.uint8(_TUNNEL)
        return _stone(
            _above(world, scratch, cell, _COAL, x, y),
            _above(world, scratch, cell, _IRON, x, y),
            mountain > 0.18,
            mountain > 0.3 and _above(world, scratch, cell, _LAVA, x, y),
        )
    if 0.25 < water <= 0.35 and _above(world, scratch, cell, _SAND, x, y):
        return np.uint8(SAND)
    if water > 0.3:
        return np.uint8(WATER)
    return np.uint8(TREE if _above(world, scratch, cell, _TREES, x, y) else GRASS)


@kernel
def _exact(world: World, plane: int, x: int, y: int) -> float:
    """Evaluate a cell's noise as `_set_material` and `_simplex` do, to the last bit."""
    size = _SIZE[plane]
    if plane == _HORIZONTAL:
        return noise3(world, 2 * x / size, y / 5 / size, _Z[plane])
    if plane == _VERTICAL:
        return noise3(world, x / 5 / size, 2 * y / size, _Z[plane])
    return noise3(world, x / size, y / size, _Z[plane])


@kernel
def _above(world: World, scratch: Scratch, cell: int, plane: int, x: int, y: int) -> bool:
    """Tell exactly whether a cell's noise exceeds its threshold; its tile must have needed it."""
    noise = np.float64(scratch.noise[plane, cell])
    if abs(noise - _THRESHOLD[plane]) < NOISE_ERROR:
        noise = _exact(world, plane, x, y)
    return noise > _THRESHOLD[plane]


@inlined
def _draw_material(world: World, kind: int) -> int:
    """Return the material of a cell; mirrors the draws of `_set_material`."""
    if kind & _STONE:
        if kind & _MAY_BE_COAL and uniform(world) > 0.85:
            return COAL
        if kind & _MAY_BE_IRON and uniform(world) > 0.75:
            return IRON
        if kind & _MAY_BE_DIAMOND and uniform(world) > 0.994:
            return DIAMOND
        return LAVA if kind & _IS_LAVA else STONE
    if kind == _TUNNEL:
        return PATH
    if kind == TREE:
        return TREE if uniform(world) > 0.8 else GRASS
    return np.int64(kind)


@inlined
def _set_object(world: World, x: int, y: int, in_tunnel: bool) -> None:
    """Put a creature into a cell, or none, by random draws; mirrors `_set_object`."""
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
