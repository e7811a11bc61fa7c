"""The fast engine gives stock Crafter's bits, in everything that there is to reach."""

from __future__ import annotations

import functools
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crafter_dataset.engine.seeding import world_seed
from tests.parity import players
from tests.parity.coverage import Coverage
from tests.parity.games import Both, FastGame, StockGame, play_again

# Name: player, its options, how the game is set up, most steps, and other settings of the game.
SCENARIOS = {
    "heuristic": (players.Planned, {}, None, 10_000, {}),
    "random": (players.Planned, {"policy": "random"}, None, 10_000, {}),
    "achiever": (players.Achiever, {}, None, 1_200, {}),
    "workshop": (players.Achiever, {}, players.workshop, 300, {}),
    "sleeper": (players.Sleeper, {}, players.weary, 250, {}),
    "fighter": (players.Fighter, {}, players.nightfall, 250, {}),
    "left": (players.Walker, {"direction": "left"}, players.equip, 120, {}),
    "right": (players.Walker, {"direction": "right"}, players.equip, 120, {}),
    "up": (players.Walker, {"direction": "up"}, players.equip, 120, {}),
    "down": (players.Walker, {"direction": "down"}, players.equip, 120, {}),
    "lava": (players.Seeker, {}, players.equip, 300, {}),
    "plants": (players.Waiter, {}, players.meadow_of_plants, 60, {}),
    "table": (
        players.Waiter, {}, functools.partial(players.shooting_range, target="table"), 80, {},
    ),
    "furnace": (
        players.Waiter, {}, functools.partial(players.shooting_range, target="furnace"), 80, {},
    ),
    "settler": (players.Settler, {}, players.enclose, 700, {}),
    "survivor": (players.Settler, {}, players.enclose, 10_000, {}),
    "short": (players.Planned, {"policy": "random"}, None, 50, {"length": 40}),
    "small": (
        players.Planned, {"policy": "random"}, None, 200,
        {"area": (17, 9), "view": (5, 7), "size": (41, 60)},
    ),
    "large": (
        players.Planned, {}, players.nightfall, 60,
        {"area": (100, 40), "view": (12, 6), "size": (131, 65)},
    ),
}  # fmt: skip


def play(name, number):
    """Play an episode of a scenario on both engines, and return what it covered."""
    make, options, set_up, steps, config = SCENARIOS[name]
    seed = world_seed(number, 0)
    stock = StockGame(seed, **config)
    both = Both(stock, FastGame(seed, **config))
    assert both.difference() is None, f"{name} {number}: {both.difference()} at reset"
    if set_up:
        set_up(both)
    player, coverage = make(stock, players.rng_of(number), **options), Coverage()
    coverage.watch(stock)
    rows, actions = [stock.row()], []
    for step in range(steps):
        action, before = player(), coverage.state(stock)
        both.step(action)
        different = both.difference()
        assert different is None, f"{name} {number}: {different} after step {step}"
        coverage.step(stock, action, before)
        actions.append(action)
        if set_up is None:
            rows.append(stock.row())
        if stock.ended:
            break
    if set_up is None:
        game = FastGame(seed, **config)
        game._lanes.start(0, seed)
        hold_rows(play_again(game, np.array(actions, np.uint8), players.rng_of(number)), rows)
    return coverage


def hold_rows(found, expected):
    """Hold the rows of a whole episode to stock's; the last one is there if it has ended."""
    count = len(expected) if expected[-1]["ended"] else len(expected) - 1
    for name, values in found.items():
        if name in expected[0]:
            # A row's reward is what its action caused; stock gives it with the next frame.
            later = name == "rewards"
            rows = [row[name] for row in expected[later:count]] + [np.float32(0)] * (
                later and count == len(expected)
            )
            if later and count < len(expected):
                rows = [row[name] for row in expected[1 : count + 1]]
            np.testing.assert_array_equal(
                values, np.stack(rows).reshape(values.shape), err_msg=name
            )
    assert found["terminations"].sum() + found["truncations"].sum() == (count == len(expected))


def play_all(episodes):
    total = Coverage()
    for name, number in episodes:
        total.update(play(name, number))
    return total


def choose(counts):
    return [(name, number) for name, count in counts.items() for number in range(count)]


FIFTY = dict.fromkeys(SCENARIOS, 1) | {
    "heuristic": 10, "random": 4, "achiever": 8, "sleeper": 6, "fighter": 3, "short": 8,
    "survivor": 0,
}  # fmt: skip
THOUSAND = dict.fromkeys(SCENARIOS, 20) | {
    "heuristic": 450, "random": 120, "achiever": 60, "sleeper": 60, "fighter": 60, "survivor": 3,
}  # fmt: skip


def test_fifty_episodes_equal_stock_and_reach_everything():
    """But for the 10,000 steps of a survivor, who takes longer than all others together."""
    assert sum(FIFTY.values()) >= 50
    coverage = play_all(choose(FIFTY))
    assert coverage.missing() == ["10,000 steps"]


@pytest.mark.slow
def test_a_thousand_episodes_equal_stock_and_reach_everything():
    episodes = choose(THOUSAND)
    assert len(episodes) >= 1_000
    workers = 2
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        parts = pool.map(play_all, [episodes[i :: workers * 8] for i in range(workers * 8)])
        coverage = Coverage()
        for part in parts:
            coverage.update(part)
    assert not coverage.missing()


def hold_to_stock(seed, actions, step, area, view, unit):
    size = view[0] * unit[0] + seed % 2, view[1] * unit[1] + seed % 3
    config = {"area": area, "view": view, "size": size}
    stock = StockGame(seed, **config)
    both = Both(stock, FastGame(seed, **config))
    assert both.difference() is None
    both.set_step(step)
    for action in actions:
        both.step(action)
        assert both.difference() is None
        if stock.ended:
            break


ANYTHING = {
    "seed": st.integers(0, 2**32 - 1),
    "actions": st.lists(st.integers(0, 16), min_size=5, max_size=60),
    "step": st.sampled_from([0, 0, 140, 230, 9_990]),
    "area": st.sampled_from([(64, 64), (64, 64), (1, 1), (2, 3), (12, 40), (65, 13)]),
    "view": st.sampled_from([(9, 9), (9, 9), (8, 8), (4, 5), (3, 7), (16, 3)]),
    "unit": st.sampled_from([(7, 7), (2, 3), (5, 2), (11, 12)]),
}
COMMON = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}


@settings(max_examples=30, derandomize=True, **COMMON)
@given(**ANYTHING)
def test_any_seed_and_actions_equal_stock(**game):
    hold_to_stock(**game)


@pytest.mark.slow
@settings(max_examples=500, **COMMON)
@given(**ANYTHING)
def test_more_seeds_and_actions_equal_stock(**game):
    """Other ones in each run."""
    hold_to_stock(**game)
