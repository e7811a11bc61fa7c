"""The engine's parts, each held to what it mirrors."""

from __future__ import annotations

import numba
import numpy as np
import opensimplex
import pytest
from crafter import constants, engine
from opensimplex import internals

from crafter_dataset.engine.fast import (
    night,
    noise,
    paint,
    rng,
    rules,
    textures,
    worldgen,
)
from crafter_dataset.engine.fast.picture import make_picture, tinted
from crafter_dataset.engine.fast.world import world_dtype
from crafter_dataset.engine.pictures import daylights
from tests.stock_crafter import stock_env


def picture_of(view, size):
    return make_picture(textures.make_images(view, size), view, size)


@pytest.fixture
def worlds():
    return np.zeros(1, world_dtype(4096))


@numba.njit
def _seed(worlds, seed):
    rng.seed_words(worlds[0], seed)


@numba.njit
def _uniform(worlds):
    return rng.uniform(worlds[0])


@numba.njit
def _randint(worlds, count):
    return rng.randint(worlds[0], count)


@numba.njit
def _take(worlds, words):
    rng.take_words(worlds[0], words, len(words))


@pytest.mark.parametrize("seed", [0, 1, 2**31 - 2, 2**32 - 1])
def test_draws_are_those_of_randomstate(worlds, seed):
    stock, chooser = np.random.RandomState(seed), np.random.default_rng(seed)
    _seed(worlds, seed)
    for _ in range(3000):
        what = chooser.integers(10)
        if what < 5:
            assert _uniform(worlds) == stock.uniform()
        elif what < 9:
            count = int(chooser.choice([1, 2, 3, 4, 5, 144, 2**31 - 1]))
            assert _randint(worlds, count) == stock.randint(0, count)
        else:
            words = np.zeros(chooser.integers(2000), np.uint32)
            _take(worlds, words)
            np.testing.assert_array_equal(words, np.frombuffer(stock.bytes(4 * len(words)), "<u4"))


@numba.njit
def _permute(worlds, seed):
    noise.permute(worlds[0], seed)


@numba.njit
def _tiles(worlds, lattice, z, left, tiles_x, step_x, top, tiles_y, step_y, needed, found):
    lattice.used[0] = 0
    noise.find_points(lattice, 0, z, left, tiles_x, step_x, top, tiles_y, step_y)
    noise.take_gradients(worlds[0], lattice)
    noise.noise_tiles(lattice, 0, needed, tiles_x, step_x, tiles_y, step_y, found)


@numba.njit
def _noise3(worlds, x, y, z):
    return noise.noise3(worlds[0], x, y, z)


@pytest.mark.parametrize("seed", [0, 1018032531, 2**31 - 2])
def test_gradients_are_opensimplexs(worlds, seed):
    _permute(worlds, seed)
    perm, gradients = internals._init(seed)
    np.testing.assert_array_equal(worlds["perm"][0], perm)
    np.testing.assert_array_equal(worlds["gradients"][0], gradients)
    simplex = opensimplex.OpenSimplex(seed)
    assert _noise3(worlds, 1.37, 20.2, 7) == simplex.noise3(1.37, 20.2, 7)


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_within_its_bound_of_opensimplex(worlds, seed):
    """The bound is what lets the world's decisions be exact: it must hold with room to spare."""
    _permute(worlds, 12345 * seed)
    tiles_x, tiles_y, left, top = 7, 9, 64 * seed, 48 * seed
    needed = np.random.default_rng(seed).random((tiles_x, tiles_y)) < 0.8
    for plane in range(len(worldgen._PLANES)):
        z, step = worldgen._Z[plane], (worldgen._STEP_X[plane], worldgen._STEP_Y[plane])
        lattice = noise.make_lattice(tiles_x, tiles_y, [step])
        found = np.ones(needed.size * noise.LANES, np.float32)
        _tiles(
            worlds, lattice, z, left, tiles_x, step[0], top, tiles_y, step[1],
            needed.reshape(-1), found,
        )  # fmt: skip
        found = found.reshape(tiles_x, tiles_y, noise.TILE, noise.TILE)
        assert (found[~needed] == 0).all()
        expected = np.array(
            [
                [
                    _noise3(worlds, (left + x) * step[0], (top + y) * step[1], z)
                    for y in range(noise.TILE * tiles_y)
                ]
                for x in range(noise.TILE * tiles_x)
            ]
        )
        found = found.transpose(0, 2, 1, 3).reshape(expected.shape)
        error = np.abs(found - expected)[np.kron(needed, np.ones((noise.TILE,) * 2, bool))].max()
        assert error < noise.NOISE_ERROR / 2, worldgen._PLANES[plane]


def test_points_fit_into_their_lists():
    """Nothing checks it while they are found: there must be room wherever a block is."""
    tiles = worldgen.BLOCK_TILES
    steps = list(zip(worldgen._STEP_X, worldgen._STEP_Y, strict=True))
    lattice = noise.make_lattice(tiles, tiles, steps)
    assert len(lattice.points) < 2**15  # the lists are int16
    for left, top in np.random.default_rng(0).integers(0, 4000, (20, 2)):
        lattice.used[0] = 0
        for plane, step in enumerate(steps):
            _find(lattice, plane, worldgen._Z[plane], left, tiles, step[0], top, tiles, step[1])
        assert 3000 < lattice.used[0] < len(lattice.points) / 2
        assert 5 < lattice.listed.max() < lattice.lists.shape[2] / 2


@numba.njit
def _find(lattice, plane, z, left, tiles_x, step_x, top, tiles_y, step_y):
    noise.find_points(lattice, plane, z, left, tiles_x, step_x, top, tiles_y, step_y)


@numba.njit
def _light(worlds, picture):
    paint._light_tile(worlds[0], picture, 0)


@numba.njit
def _darken(worlds, picture):
    first, end = np.uint64(0), np.uint64(picture.canvas.shape[1])
    night._fade(picture, first, end)
    night._mix(worlds[0], picture, first, end)
    if worlds[0].sleeping:
        night._sleep(picture, end)


def _lit_by_crafter(colors, daylight, sleeping):
    view = object.__new__(engine.LocalView)
    view._noise = lambda canvas, *_: canvas
    canvas = view._light(colors, daylight)
    return (view._sleep(canvas) if sleeping else canvas).astype(np.uint8)


@pytest.mark.parametrize("sleeping", [False, True])
@pytest.mark.parametrize("daylight", [0.5, 0.73, 1.0])
def test_light_is_crafters_for_any_color(worlds, daylight, sleeping):
    colors = np.random.default_rng(0).integers(256, size=(400, 500, 3)).astype(np.uint8)
    worlds["daylight"], worlds["sleeping"] = daylight, sleeping
    picture = picture_of((9, 9), (64, 64))._replace(
        unit_x=500,
        unit_y=400,
        day_tiles=colors.reshape(1, -1),
        tinted_tiles=tinted(colors[None]).reshape(1, -1),
        lit=np.zeros((1, colors.size), np.uint8),
    )
    _light(worlds, picture)
    expected = _lit_by_crafter(colors, daylight, sleeping)
    np.testing.assert_array_equal(picture.lit.reshape(colors.shape), expected)


@pytest.mark.parametrize("sleeping", [False, True])
@pytest.mark.parametrize("daylight", [0.0, 0.21, 0.49])
def test_darkness_is_crafters_for_any_color(worlds, daylight, sleeping):
    colors = np.random.default_rng(0).integers(256, size=(400, 500, 3)).astype(np.uint8)
    planes = np.ascontiguousarray(colors.reshape(-1, 3).T)
    worlds["daylight"], worlds["sleeping"] = daylight, sleeping
    picture = picture_of((9, 9), (64, 64))._replace(
        canvas=planes.astype(np.float32),
        dark=planes.astype(np.float32),
        mixed=np.zeros_like(planes),
    )
    _darken(worlds, picture)
    expected = _lit_by_crafter(colors, daylight, sleeping)
    np.testing.assert_array_equal(picture.mixed.T.reshape(colors.shape), expected)


@numba.njit
def _draw_lines(worlds, picture, colors, exactly, drawn):
    """Draw some lines by night; tell whether they could be foreseen, and what was corrected."""
    width, height = picture.grid_x * picture.unit_x, picture.grid_y * picture.unit_y
    lanes = np.uint64(picture.canvas.shape[1] - 32)
    foreseen = night._foresee(worlds[0], picture)
    doubts = corrections = 0
    for y in range(height):
        picture.canvas[:, :width] = colors[y]
        if exactly:
            night._shade_exactly(worlds[0], picture, y, 0, lanes)
        else:
            night._shade(worlds[0], picture, y, width, height, lanes)
            doubts += picture.doubtful[:width].sum()
            before = picture.mixed.copy()
            night._settle(worlds[0], picture, y, width)
            corrections += (picture.mixed != before).sum()
        drawn[y] = picture.mixed[:, :width]
    return foreseen, doubts, corrections


def test_single_precision_draws_the_same_night(worlds):
    rng = np.random.default_rng(0)
    picture = picture_of((9, 9), (200, 180))
    height, width = picture.vignette.shape[0], 9 * (200 // 9)
    ordinary, doubts, corrections = 0, 0, 0
    lights = daylights(1024)
    for daylight in [*rng.choice(lights[lights < 0.5], 12), *rng.uniform(0, 0.5, 12), 0.499999]:
        worlds["daylight"] = daylight
        picture.words[:] = rng.integers(2**32, size=len(picture.words), dtype=np.uint32)
        colors = rng.integers(256, size=(height, 3, width)).astype(np.float32)
        exact, drawn = np.zeros((2, height, 3, width), np.uint8)
        _draw_lines(worlds, picture, colors, True, exact)
        foreseen, *more = _draw_lines(worlds, picture, colors, False, drawn)
        if foreseen:
            np.testing.assert_array_equal(drawn, exact)
            ordinary, doubts, corrections = ordinary + 1, doubts + more[0], corrections + more[1]
    assert ordinary > 18
    assert doubts > 1000
    assert corrections > 1000


@pytest.mark.parametrize("daylight", [0.0, 1 - 2 * (100 / 300 + 1e-12), 1 - 2 * (1 / 4 + 1e-9)])
def test_light_that_single_precision_cannot_mix_is_foreseen(worlds, daylight):
    """Half of the night, times a whole number of up to 510, is next to an integer."""
    worlds["daylight"] = daylight
    picture = picture_of((9, 9), (64, 64))
    colors = np.zeros((49, 3, 63), np.float32)
    drawn = np.zeros(colors.shape, np.uint8)
    assert not _draw_lines(worlds, picture, colors, True, drawn)[0]


def test_daylight_is_crafters():
    env, light = stock_env(0, area=(4, 4)), daylights(1024)
    for env._step in (*range(400), 1000):
        env._update_time()
        assert light[env._step] == env._world.daylight


def test_rules_are_those_of_the_package():
    for name, info in constants.make.items():
        action = constants.actions.index(f"make_{name}")
        uses = {
            item: int(rules.MAKE_USES[action, index]) for index, item in enumerate(constants.items)
        }
        assert {item: amount for item, amount in uses.items() if amount} == info["uses"]
        stations = np.flatnonzero(rules.MAKE_NEARBY[action])
        assert [constants.materials[i - 1] for i in stations] == info["nearby"]
    assert rules.COLLECT_PROBABILITY[rules.GRASS] == constants.collect["grass"]["probability"]


def test_tiles_are_crafters_textures():
    picture = picture_of((9, 9), (64, 64))
    assert picture.tiles.shape[:2] == ((1 + 14) * 13, 3)
    assert (picture.tiles[textures.OFF_MAP, :, :49] == 127).all()
    grass = textures._textures().get("grass", np.array([7, 7]))[..., :3]
    np.testing.assert_array_equal(
        picture.tiles[rules.GRASS, :, :49].reshape(3, 7, 7), grass.transpose(2, 1, 0)
    )
    np.testing.assert_array_equal(
        picture.day_tiles[rules.GRASS, : 3 * 49].reshape(7, 7, 3), grass.transpose(1, 0, 2)
    )
