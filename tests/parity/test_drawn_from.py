"""Tiles, sleep and random words: the same from both engines, and what Crafter draws from."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from crafter_dataset.engine.fast.branching_lanes import Branches, BranchingLanes
from crafter_dataset.engine.fast.fast_lanes import FastLanes
from crafter_dataset.engine.fast.scenes import UNKNOWN_WORDS
from crafter_dataset.engine.record_state import temper
from crafter_dataset.engine.rows import Done
from crafter_dataset.engine.spec import ITEMS, make_seen, words_by_night
from crafter_dataset.engine.stock import StockCrafter, StockLanes
from crafter_dataset.engine.taken_words import TakenWords
from tests.parity import players
from tests.parity.coverage import SHOWN, Coverage
from tests.parity.games import Both, FastGame, StockGame, StockLanesGame, all_seen
from tests.parity.test_parity import SCENARIOS

FIELDS = "tiles", "sleeping", "random_words"
USUAL = (64, 64), (9, 9), (64, 64)
MAKERS = pytest.mark.parametrize("make", [FastLanes, StockLanes])
SLEEP = 6

# Name: player, its options, how the game is set up, most steps, and other settings of the game.
MORE = {
    "night": (players.Settler, {}, players.enclose, 420, {}),
    "one cell": (
        players.Planned, {"policy": "random"}, players.nightfall, 80,
        {"area": (1, 1), "view": (3, 9), "size": (10, 30)},
    ),
    "all in sight": (
        players.Planned, {"policy": "random"}, players.nightfall, 80,
        {"area": (7, 5), "view": (17, 12), "size": (40, 32)},
    ),
    "even view": (
        players.Planned, {"policy": "random"}, players.nightfall, 80,
        {"area": (30, 12), "view": (8, 10), "size": (35, 64)},
    ),
    "no world in view": (
        players.Planned, {"policy": "random"}, players.nightfall, 40,
        {"view": (16, 1), "size": (64, 8)},
    ),
}  # fmt: skip
PLAYED = {
    **{name: SCENARIOS[name] for name in SCENARIOS if name not in ("heuristic", "survivor")},
    **MORE,
}
STEPS = 450


def play(name, number):
    """Play an episode on both engines and on Crafter itself, and return what it covered."""
    make, options, set_up, steps, config = PLAYED[name]
    stock = StockGame(number, **config)
    both = Both(stock, StockLanesGame(number, **config), FastGame(number, **config))
    assert both.difference() is None, f"{name}: {both.difference()} at reset"
    if set_up:
        set_up(both)
    player, coverage = make(stock, players.rng_of(number), **options), Coverage()
    coverage.watch(stock)
    for step in range(min(steps, STEPS)):
        action, before = player(), coverage.state(stock)
        both.step(action)
        assert both.difference() is None, f"{name}: {both.difference()} after step {step}"
        coverage.step(stock, action, before)
        if stock.ended:
            break
    random = stock.world.random
    again = random.again_at(random.words).get_state()
    for expected, found in zip(random.get_state(), again, strict=True):
        np.testing.assert_array_equal(expected, found)
    return coverage


def test_both_engines_see_what_crafter_draws_from():
    for number, name in list(enumerate(PLAYED))[:2]:
        play(name, number)


@pytest.mark.slow
def test_both_engines_see_what_crafter_draws_from_and_everything_is_seen():
    coverage = Coverage()
    for number, name in enumerate(PLAYED):
        coverage.update(play(name, number))
    assert not coverage.missing(SHOWN)


def set_up(lanes, lane, step=0):
    """Go to a step of an episode, and be tired enough to sleep there."""
    if isinstance(lanes, StockLanes):
        lanes.envs[lane]._step = step
        lanes.envs[lane]._player.inventory["energy"] = 3
    else:
        lanes.worlds["step"][lane] = step
        lanes.worlds["inventory"][lane, ITEMS.index("energy")] = 3


@MAKERS
def test_tiles_are_written_beside_pictures_and_the_rest_in_rows(make):
    lanes, whole = make(2, *USUAL, 100, True), all_seen(2, *USUAL)
    few, many = all_seen(3, *USUAL), all_seen(5, *USUAL)
    seen = few._replace(sleeping=many.sleeping, random_words=many.random_words)
    for name in ("positions", "inventory", "achievements", "daylight"):
        seen = seen._replace(**{name: getattr(many, name)})
    others, rewards = FastLanes(2, *USUAL), np.zeros(2)
    for lane in range(2):
        for each in (lanes, others):
            each.start(lane, 7 + lane)
            set_up(each, lane)
    done = Done(*(np.zeros(5, dtype) for dtype in ("u1", "f4", "?", "?")))
    images, rows, both = np.array([2, 0]), np.array([1, 4]), np.ones(2, bool)
    lanes.act(both, np.full(2, SLEEP), rows, done, None)
    lanes.draw(both, images, rows, seen, np.zeros((2, seen.frames.shape[1]), np.uint8))
    others.step(both, np.full(2, SLEEP), rewards, whole)
    for lane in range(2):
        np.testing.assert_array_equal(seen.tiles[images[lane]], whole.tiles[lane])
        assert seen.random_words[rows[lane]] == whole.random_words[lane] > 0
        assert seen.sleeping[rows[lane]]
    assert not seen.tiles[1].any()
    assert np.flatnonzero(seen.random_words).tolist() == [1, 4]
    assert np.flatnonzero(seen.sleeping).tolist() == [1, 4]


def test_stock_computes_nothing_for_arrays_that_are_left_out(monkeypatch):
    def refuse(*args):
        raise AssertionError("computed")

    for owner, name in ((StockCrafter, "_tiles"), (TakenWords, "count")):
        monkeypatch.setattr(owner, name, refuse)
    lanes = StockLanes(1, *USUAL, 100, True)
    lanes.reset(0, 7, make_seen(1, *USUAL[::2]))
    with pytest.raises(AssertionError, match="computed"):
        lanes.reset(0, 7, all_seen(1, *USUAL))


def test_words_can_be_asked_for_now_and_then():
    """The first time late, and then rarely: the count has more to catch up with."""
    stock, fast = StockGame(3, length=260), StockLanesGame(3, length=260)
    seldom = StockLanes(1, *USUAL, 260, True)
    without = make_seen(1, *USUAL[::2])
    seldom.reset(0, 3, without)
    both, counted = Both(stock, fast), 0
    players.nightfall(both)
    seldom.envs[0]._step = 150
    for step in range(30):
        both.step(0)
        seen = all_seen(1, *USUAL) if step in (9, 10, 29) else without
        seldom.step(np.ones(1, bool), np.array([0]), np.zeros(1), seen)
        if len(seen.random_words):
            assert seen.random_words[0] == stock.row()["random_words"]
            counted += 1
        if stock.ended:
            break
    assert counted == 3
    assert stock.world.daylight < 0.5


@pytest.mark.parametrize("seed", [0, 1, 2**31 - 2, 2**32 - 1])
def test_words_are_counted_to_the_one(seed):
    random, counter, chooser = (
        np.random.RandomState(seed),
        TakenWords(seed),
        np.random.default_rng(1),
    )
    assert counter.count(random) == 0
    total = 0
    for words in (
        1,
        0,
        622,
        1,
        1,
        623,
        1,
        624,
        1247,
        1248,
        *chooser.integers(0, 5000, 40).tolist(),
    ):
        random.randint(0, 2**32, words, np.uint32)
        total += words
        assert counter.count(random) == counter.count(random) == total
    random.uniform(32, 127, (300, 200))
    assert counter.count(random) == total + 2 * 300 * 200


def test_words_drawn_are_made_of_the_state():
    random = np.random.RandomState(5)
    random.uniform()
    key = random.get_state()[1]
    random.set_state(("MT19937", key, 0))
    np.testing.assert_array_equal(temper(key), random.randint(0, 2**32, 624, np.uint32))


def play_on(lanes, seen, steps):
    """Sleep in one lane, and return what pictures were drawn from after each step."""
    rows = []
    for _ in range(steps):
        lanes.step(np.ones(1, bool), np.array([SLEEP]), np.zeros(1), seen)
        rows.append([getattr(seen, name)[0].copy() for name in FIELDS])
    return rows


@MAKERS
def test_the_count_of_words_is_lost_in_a_state_until_the_next_episode(make):
    lanes, seen = make(1, *USUAL, 1000, True), all_seen(1, *USUAL)
    lanes.reset(0, 3, seen)
    before = [getattr(seen, name)[0].copy() for name in FIELDS]
    set_up(lanes, 0, step=200)
    play_on(lanes, seen, 5)
    assert seen.sleeping[0]
    state = lanes.get_state(0, seen)
    expected = [getattr(seen, name)[0].copy() for name in FIELDS], *play_on(lanes, seen, 30)
    assert seen.daylight[0] < 0.5
    others = [make(1, *USUAL, 1000, True) for make in (FastLanes, StockLanes)]
    for other in (lanes, *others):
        seen = all_seen(1, *USUAL)
        other.set_state(0, state, seen)
        found = [getattr(seen, name)[0].copy() for name in FIELDS], *play_on(other, seen, 30)
        for (tiles, sleeping, words), row in zip(expected, found, strict=True):
            np.testing.assert_array_equal(row[0], tiles)
            assert row[1] == sleeping
            assert words > 0
            assert row[2] == UNKNOWN_WORDS
        assert other.get_state(0, seen).random[-1] <= 624
        other.reset(0, 3, seen)
        for name, value in zip(FIELDS, before, strict=True):
            np.testing.assert_array_equal(getattr(seen, name)[0], value)


COPIES = [copy.deepcopy, lambda lanes: pickle.loads(pickle.dumps(lanes))]


@MAKERS
@pytest.mark.parametrize("way", COPIES, ids=["deepcopy", "pickle"])
@pytest.mark.parametrize("known", [True, False])
def test_copies_of_lanes_go_on_counting(make, way, known):
    lanes, seen = make(1, *USUAL, 1000, True), all_seen(1, *USUAL)
    lanes.reset(0, 3, seen)
    play_on(lanes, seen, 5)
    if not known:
        lanes.set_state(0, lanes.get_state(0, seen), seen)
    other = way(lanes)
    expected, found = (play_on(each, all_seen(1, *USUAL), 20) for each in (lanes, other))
    for rows in zip(expected, found, strict=True):
        for one, two in zip(*rows, strict=True):
            np.testing.assert_array_equal(one, two)
    assert (expected[-1][2] > 0) == known


@pytest.mark.parametrize("first", [0, 170])
def test_branches_go_on_counting(first):
    """A branch is a copy of a world; by night the words of undrawn pictures count, too."""
    actions = np.full(first + 8, 0, np.uint8)
    straight, seen = FastLanes(1, *USUAL), all_seen(len(actions) + 1, *USUAL)
    done = Done(*(np.zeros(len(actions) + 1, dtype) for dtype in ("u1", "f4", "?", "?")))
    for seed in range(20):
        straight.start(0, seed)
        if straight.play(0, actions, 0, len(actions), seen, done, 0, 0, None) == len(actions):
            break
    lanes = BranchingLanes(*USUAL, 10_000, True)
    lanes.start(0, seed)
    others, starts = np.zeros((2, 4), np.uint8), np.array([first, first + 3])
    branches = Branches.over(others, all_seen(10, *USUAL))
    assert lanes.branch(actions, starts, np.arange(2), branches) == -1
    assert branches.valid.all()
    for number, start in enumerate(starts):
        for name in ("frames", *FIELDS):
            found = getattr(branches.seen, name)[5 * number : 5 * number + 5]
            np.testing.assert_array_equal(found, getattr(seen, name)[start : start + 5])
    assert (seen.daylight[first] < 0.5) == (first > 0)


def test_words_of_a_picture_by_night():
    """Which are counted for Crafter's own calls."""
    for view, size in (((9, 9), (64, 64)), ((5, 7), (41, 60)), ((16, 1), (64, 8))):
        game = StockGame(0, view=view, size=size)
        players.nightfall(Both(game))
        while game.world.daylight >= 0.5:
            game.step(0)
        assert game.world.random.words - game.row()["random_words"] == words_by_night(view, size)
