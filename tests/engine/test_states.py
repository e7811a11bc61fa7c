"""States: the same on either engine, and all that the steps to come depend on."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys

import numpy as np
import pytest

from crafter_dataset.engine import state_layout, tiles
from crafter_dataset.engine.fast import rng, rules, world
from crafter_dataset.engine.fast.branching_lanes import BranchingLanes
from crafter_dataset.engine.fast.fast_lanes import FastLanes
from crafter_dataset.engine.fast.scenes import UNKNOWN_WORDS
from crafter_dataset.engine.record_state import state_of_record
from crafter_dataset.engine.spec import make_seen
from crafter_dataset.engine.state import CrafterState
from crafter_dataset.engine.stock import StockLanes
from crafter_dataset.engine.stock_state import record_of, state_of_stock
from crafter_dataset.schemas.errors import ArgumentError
from tests.parity import players
from tests.parity.games import Both, FastGame, StockGame, all_seen

ALL = np.ones(1, bool)
USUAL = (64, 64), (9, 9), (64, 64), 10_000, True


class Restored:
    """A lane of an engine that goes on from a state."""

    def __init__(self, make, state):
        area, view, size = state.area, state.view, state.size
        self.lanes = make(1, area, view, size, state.length, state.reward)
        self.seen, self.rewards = all_seen(1, area, view, size), np.zeros(1)
        self.lanes.set_state(0, state, self.seen)

    def step(self, action):
        self.lanes.step(ALL, np.array([action]), self.rewards, self.seen)

    def difference(self, row):
        found = self.seen._asdict()
        found |= {"rewards": np.float32(self.rewards[0]), "ended": self.lanes.ended(0)}
        row = row | {"random_words": UNKNOWN_WORDS}
        for name, value in found.items():
            if not np.array_equal(np.ravel(value), np.ravel(row[name])):
                return name
        return None

    def state(self):
        return self.lanes.get_state(0, self.seen)


SCENARIOS = {
    "heuristic": (players.Planned, {}, None, {}),
    "random": (players.Planned, {"policy": "random"}, None, {}),
    "achiever": (players.Achiever, {}, None, {}),
    "sleeper": (players.Sleeper, {}, players.weary, {}),
    "fighter": (players.Fighter, {}, players.nightfall, {}),
    "table": (players.Waiter, {}, lambda both: players.shooting_range(both, "table"), {}),
    "settler": (players.Settler, {}, players.enclose, {}),
    "short": (players.Planned, {"policy": "random"}, None, {"length": 30}),
    "small": (
        players.Planned, {"policy": "random"}, players.nightfall,
        {"area": (17, 9), "view": (5, 7), "size": (41, 60)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_game_goes_on_from_its_state_on_either_engine(name):
    make, options, set_up, config = SCENARIOS[name]
    stock = StockGame(5, **config)
    fast = FastGame(5, **config)
    both, chooser = Both(stock, fast), np.random.default_rng(len(name))
    if set_up:
        set_up(both)
    player, others = make(stock, players.rng_of(3), **options), []
    take = {2, *chooser.integers(3, 50, 2).tolist()}
    for step in range(1, 65):
        action = player()
        both.step(action)
        for other in others:
            other.step(action)
            assert other.difference(stock.row()) is None, (name, step)
        if stock.ended:
            break
        if step in take:
            state = fast._lanes.get_state(0, fast._seen)
            assert state == CrafterState.from_bytes(state.to_bytes())
            more = [Restored(StockLanes, state), Restored(FastLanes, state)]
            last = stock.row() | {"rewards": 0}  # nothing was done there
            assert [other.difference(last) for other in more] == [None] * 2, (name, step)
            others += more
            assert [other.state() for other in others] == [state] * len(others)
    assert len(others) >= 2
    ends = {other.state() for other in others}
    assert ends == {fast._lanes.get_state(0, fast._seen)}


def test_a_record_of_a_stock_game_is_the_fast_engines():
    lanes, seen, rewards = StockLanes(1, *USUAL), make_seen(1, *USUAL[::2][:2]), np.zeros(1)
    lanes.reset(0, 11, seen)
    fast = FastLanes(1)
    fast.reset(0, 11, make_seen(1, *USUAL[::2][:2]))
    chooser = np.random.default_rng(0)
    for step in range(60):
        if step % 15 == 0:
            other = FastLanes(1)
            record_of(lanes.envs[0], other.worlds[0])
            frame = seen.frames[0]
            settings = dict(zip(("area", "view", "size", "length", "reward"), USUAL, strict=True))
            expected = fast.get_state(0, seen)
            assert state_of_record(other.worlds[0], settings, 11, frame) == expected
            shape = USUAL[2][1], USUAL[2][0], 3
            assert state_of_stock(lanes.envs[0], frame.reshape(shape)) == expected
            for name in ("reach", "length", "give_rewards", "last_health", "ended", "daylight"):
                assert other.worlds[name] == fast.worlds[name], name
            assert (other.worlds["unlocked"] == fast.worlds["unlocked"]).all()
            count = 6 * 6
            for name in ("grass", "path", "was_held"):
                assert (other.worlds[name][0, :count] == fast.worlds[name][0, :count]).all()
        action = np.array([chooser.integers(1, 7)])
        lanes.step(ALL, action, rewards, seen)
        fast.step(ALL, action, rewards, make_seen(1, *USUAL[::2][:2]))


def test_what_states_know_of_the_engine_is_so():
    assert (world.CHUNK, rng.WORDS) == (state_layout.CHUNK, state_layout.RANDOM_WORDS)
    for kind in ("PLAYER", "COW", "ZOMBIE", "SKELETON", "ARROW", "PLANT"):
        assert getattr(rules, kind) == getattr(state_layout, kind)
    health = rules.COW_HEALTH, rules.ZOMBIE_HEALTH, rules.SKELETON_HEALTH, rules.PLANT_HEALTH
    kinds = [rules.COW, rules.ZOMBIE, rules.SKELETON, rules.PLANT]
    assert state_layout.MOST_HEALTH[kinds].tolist() == list(health)
    assert rules.MAXIMUM.tolist() == [9] * rules.NUM_ITEMS
    assert rules.RIPE == state_layout.RIPE
    assert len(rules.MATERIALS) + 1 == tiles.GROUND_TILES


@pytest.mark.parametrize("steps", [150, 290])
def test_a_world_that_nobody_looks_at_takes_the_same_draws(steps):
    """Held to drawing every frame, by day and on into the night; a state has the random numbers."""
    actions = np.random.default_rng(2).integers(0, 5, steps).astype(np.uint8)
    lanes, drawn, seen = BranchingLanes(*USUAL), FastLanes(1), make_seen(1, (64, 64), (64, 64))
    lanes.start(0, 3)
    drawn.reset(0, 3, seen)
    for action in actions:
        drawn.step(ALL, np.array([action]), np.zeros(1), seen)
        if drawn.ended(0):
            break
    taken = int(drawn.worlds["step"][0])
    ended, state = lanes.replay(actions[:taken])
    assert (ended, state) == (-1, drawn.get_state(0, seen))


def test_an_episode_that_is_over_is_not_played_on():
    lanes = BranchingLanes((20, 16), (9, 9), (64, 64), 5, True)
    lanes.start(0, 3)
    ended, state = lanes.replay(np.zeros(9, np.uint8))
    assert (ended, state.step) == (5, 5)


@pytest.fixture(scope="module")
def some_state():
    lanes, seen = FastLanes(1, (20, 16), length=500), make_seen(1, (20, 16), (64, 64))
    lanes.reset(0, 7, seen)
    for action in (1, 2, 3, 4, 5) * 8:
        lanes.step(ALL, np.array([action]), np.zeros(1), seen)
    return lanes.get_state(0, seen)


WAYS = [copy.copy, copy.deepcopy, lambda state: pickle.loads(pickle.dumps(state))]


@pytest.mark.parametrize("way", WAYS, ids=["copy", "deepcopy", "pickle"])
def test_states_are_values(some_state, way):
    other = way(some_state)
    assert (other, hash(other)) == (some_state, hash(some_state))
    assert other != dataclasses.replace(other, fatigue=(other.fatigue + 1) % 9)
    assert other != "state"
    with pytest.raises(ValueError, match="read-only"):
        other.materials[0, 0] = 1
    assert repr(other) == f"<CrafterState of world 7, 20x16 cells: step 40, {len(other.objects)} " \
        "objects>"  # fmt: skip


def altered(state, name, value, index=0, field=None):
    array = np.array(getattr(state, name))
    target = array if field is None else array[field]
    target.reshape(-1)[index] = value
    return dataclasses.replace(state, **{name: array})


BAD = {
    "another area": lambda s: dataclasses.replace(s, area=(16, 20)),
    "step": lambda s: dataclasses.replace(s, step=-1),
    "step too": lambda s: dataclasses.replace(s, step=2**40),
    "step, a float": lambda s: dataclasses.replace(s, step=1.0),
    "hunger": lambda s: dataclasses.replace(s, hunger=float("nan")),
    "thirst": lambda s: dataclasses.replace(s, thirst="3"),
    "sleeping": lambda s: dataclasses.replace(s, sleeping=1),
    "materials": lambda s: altered(s, "materials", 13, 5),
    "no material": lambda s: altered(s, "materials", 0, 5),
    "inventory": lambda s: altered(s, "inventory", 10, 3),
    "achievements": lambda s: altered(s, "achievements", -1, 3),
    "random": lambda s: altered(s, "random", 625, -1),
    "player": lambda s: altered(s, "objects", 2, 0, "kind"),
    "two players": lambda s: altered(s, "objects", 1, 1, "kind"),
    "kind": lambda s: altered(s, "objects", 7, 1, "kind"),
    "x": lambda s: altered(s, "objects", 20, 1, "x"),
    "y": lambda s: altered(s, "objects", -1, 0, "y"),
    "facing": lambda s: altered(s, "objects", -128, 0, "facing_x"),
    "health": lambda s: altered(s, "objects", 9, 1, "health"),
    "timer": lambda s: altered(s, "objects", -9, 1, "timer"),
    "chunks": lambda s: altered(s, "chunks", 4, -1),
    "chunk twice": lambda s: dataclasses.replace(s, chunks=np.append(s.chunks, s.chunks[:1])),
    "chunk left out": lambda s: dataclasses.replace(s, chunks=s.chunks[1:]),
    "members": lambda s: altered(s, "members", 0, -1),
    "members beyond": lambda s: altered(s, "members", 99, -1),
    "order": lambda s: dataclasses.replace(s, members=s.members[::-1]),
    "one cell": lambda s: dataclasses.replace(s, objects=s.objects[[0, *range(len(s.objects))]]),
    "none": lambda s: dataclasses.replace(s, objects=s.objects[:0], members=s.members[:0]),
    "shape": lambda s: dataclasses.replace(s, materials=s.materials[:3]),
    "dtype": lambda s: dataclasses.replace(s, members=s.members.astype(float)),
    "objects": lambda s: dataclasses.replace(s, objects=np.array([None, None])),
}


@pytest.mark.parametrize("make", [FastLanes, StockLanes])
@pytest.mark.parametrize("name", BAD)
def test_states_that_no_game_can_be_in_are_refused(some_state, name, make):
    lanes, seen = make(1, (20, 16), (9, 9), (64, 64), 500, True), make_seen(1, (20, 16), (64, 64))
    lanes.set_state(0, some_state, seen)
    with pytest.raises(ArgumentError, match=r"^state: expected .*, found .*") as caught:
        lanes.set_state(0, BAD[name](some_state), seen)
    assert "\n" not in str(caught.value)
    assert lanes.get_state(0, seen) == some_state


@pytest.mark.parametrize(("settings", "text"), [
    (((20, 17), (9, 9), (64, 64), 500, True), "state: expected area 20x17, found 20x16"),
    (((20, 16), (9, 8), (64, 64), 500, True), "state: expected view 9x8, found 9x9"),
    (((20, 16), (9, 9), (64, 65), 500, True), "state: expected size 64x65, found 64x64"),
    (((20, 16), (9, 9), (64, 64), 501, True), "state: expected length 501, found 500"),
    (((20, 16), (9, 9), (64, 64), 500, False), "state: expected reward False, found True"),
])  # fmt: skip
def test_states_of_other_environments_are_refused(some_state, settings, text):
    lanes = FastLanes(1, *settings)
    with pytest.raises(ArgumentError, match=f"^{text}$"):
        lanes.set_state(0, some_state, make_seen(1, *settings[::2][:2]))
    with pytest.raises(ArgumentError, match="state: expected a CrafterState, found bytes"):
        lanes.set_state(0, some_state.to_bytes(), make_seen(1, *settings[::2][:2]))


@pytest.mark.parametrize(("change", "text"), [
    (lambda c: b"", "expected bytes of a CrafterState, found b''"),
    (lambda c: "state", "expected bytes of a CrafterState, found 'state'"),
    (lambda c: c.replace(b"dataset state", b"dataset stat3"), "expected bytes of a CrafterState"),
    (lambda c: c[:40], "expected a JSON document at its beginning, found none"),
    (lambda c: c.replace(b'"version": 1', b'"version": 2'), "expected version 1, found 2"),
    (lambda c: c[:-1], r"expected \d+ bytes of achievements, found 87"),
    (lambda c: c + b"0", r"expected \d+ bytes, found \d+"),
    (lambda c: c.replace(b'"view": [9, 9]', b'"view": [9, 0]'), "expected view of two numbers"),
    (lambda c: c.replace(b'"area": [20,', b'"area": [21,'), r"expected \d+ bytes of"),
    (lambda c: c.replace(b'"sleeping": false', b'"sleeping":     0'), "expected sleeping to be"),
])  # fmt: skip
def test_bytes_that_are_no_state_are_refused(some_state, change, text):
    with pytest.raises(ArgumentError, match=f"^state: {text}"):
        CrafterState.from_bytes(change(some_state.to_bytes()))


HOSTILE = """
import dataclasses, sys
import numpy as np
from crafter_dataset.engine.fast.fast_lanes import FastLanes
from crafter_dataset.engine.fast.scenes import UNKNOWN_WORDS
from crafter_dataset.engine.spec import make_seen
from crafter_dataset.engine.state import CrafterState
from crafter_dataset.engine.state_checks import _check_chunks
from crafter_dataset.schemas.errors import ArgumentError

rng, area = np.random.default_rng(int(sys.argv[1])), (20, 16)
lanes, seen = FastLanes(1, area, length=500), make_seen(1, area, (64, 64))
lanes.reset(0, 7, seen)
for action in (1, 2, 3, 4, 5) * 8:
    lanes.step(np.ones(1, bool), np.array([action]), np.zeros(1), seen)
state, played, refused = lanes.get_state(0, seen), 0, 0
content, fields = state.to_bytes(), [field.name for field in dataclasses.fields(state)]
values = [0, 1, 2, 3, 5, 6, 9, 12, 15, 16, 19, 20, 100, 255, 4095, 2**16, 2**30, 2**31 - 1, -1, -9]


def damaged():
    if rng.random() < 0.3:
        flipped = bytearray(content)
        for _ in range(rng.integers(1, 4)):
            at = int(rng.choice([rng.integers(500), len(content) - rng.integers(1, 3300)]))
            flipped[at] ^= 1 << int(rng.integers(8))
        return CrafterState.from_bytes(bytes(flipped))
    name, value = rng.choice(fields), int(rng.choice(values))
    if not isinstance(getattr(state, name), np.ndarray):
        return dataclasses.replace(state, **{name: value})
    array = getattr(state, name).copy()
    target = array[rng.choice(array.dtype.names)] if array.dtype.names else array
    info = np.iinfo(target.dtype)
    target.reshape(-1)[rng.integers(target.size)] = max(info.min, min(info.max, value))
    return dataclasses.replace(state, **{name: array})


for _ in range(int(sys.argv[2])):
    try:
        lanes.set_state(0, damaged(), seen)
    except ArgumentError:
        refused += 1
        continue
    played += 1
    for action in rng.integers(17, size=25):
        lanes.step(np.ones(1, bool), np.array([action]), np.zeros(1), seen)
    after = lanes.get_state(0, seen)
    _check_chunks(after)
print(played, refused)
"""


def play_hostile_states(seed, count):
    done = subprocess.run(
        [sys.executable, "-c", HOSTILE, str(seed), str(count)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    played, refused = map(int, done.stdout.split())
    assert min(played, refused) > count // 10


def test_hostile_states_are_refused_or_played():
    """In a process of its own, which a write to anywhere may end."""
    play_hostile_states(0, 400)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 9))
def test_more_hostile_states_are_refused_or_played(seed):
    play_hostile_states(seed, 5000)
