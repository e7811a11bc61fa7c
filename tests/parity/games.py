"""The same game on stock Crafter and on the fast engine, to be held to each other.

Another engine needs a class like `FastGame`: it starts an episode, takes an
action, gives a row of everything that a dataset stores, and lets a test set up
a state (materials, items, creatures, the step).
"""

from __future__ import annotations

import numba
import numpy as np
from crafter import objects

from crafter_dataset.engine.fast import world as engine_world
from crafter_dataset.engine.fast.fast_lanes import FastLanes
from crafter_dataset.engine.fast.rules import MATERIALS
from crafter_dataset.engine.pictures import tile_names
from crafter_dataset.engine.rows import Done
from crafter_dataset.engine.spec import ITEMS, make_seen
from crafter_dataset.engine.stock import StockLanes
from crafter_dataset.schemas.layout import TERMINATED, TIME_LIMIT
from tests.stock_crafter import stock_env

KINDS = {
    "cow": (objects.Cow, 3),
    "zombie": (objects.Zombie, 5),
    "skeleton": (objects.Skeleton, 3),
    "arrow": (objects.Arrow, 0),
    "plant": (objects.Plant, 1),
}
"""Classes of objects, in the order of the engine's kinds from 2 on, with their first health."""

TILES = {name: tile for tile, name in enumerate(tile_names(tuple(MATERIALS)))}
SHOWN = {
    "player-sleep": "player asleep", "plant-ripe": "ripe plant",
    **{
        f"{name}-{side}": f"{name} facing {side}"
        for name in ("player", "arrow") for side in ("left", "right", "up", "down")
    },
}  # fmt: skip
"""What Crafter's textures show, where that is not their name."""


class CountedRandom(np.random.RandomState):
    """Counts the words that Crafter takes: two for each number, and the words that fit no integer.

    Which these are, a second one of the same seed tells.
    """

    def __init__(self, seed):
        super().__init__(seed)
        self.words, self._seen, self._again = 0, 0, np.random.RandomState(seed)

    def uniform(self, low=0.0, high=1.0, size=None):
        self.words += 2 * int(np.prod(() if size is None else size))
        return super().uniform(low, high, size)

    def randint(self, low, high):
        highest = high - low - 1
        while highest and (self._next_word() & (1 << highest.bit_length()) - 1) > highest:
            pass
        return super().randint(low, high)

    def _next_word(self):
        self.again_at(self.words)
        self.words += 1
        self._seen = self.words
        return int(self._again.randint(0, 2**32, dtype=np.uint32))

    def again_at(self, words):
        """Return the second one after some words."""
        self._again.randint(0, 2**32, words - self._seen, np.uint32)
        self._seen = words
        return self._again


def tiles_of(env):
    """Return the tiles that a picture shows, as Crafter's `LocalView` goes through them."""
    view, world = env._local_view, env._world
    tiles = np.zeros(view._grid, np.uint8)
    for cell in np.ndindex(*tiles.shape):
        pos = env._player.pos + cell - view._offset
        ground, obj = world[pos]
        name = ground or "nothing"
        if obj:
            name = f"{SHOWN.get(obj.texture, obj.texture)} on {name}"
        tiles[cell] = TILES[name]
    return tiles


def all_seen(count, area, view, size):
    """Make rows for everything that can be seen, and that pictures are drawn from."""
    return make_seen(count, area, size, view)


class StockGame:
    """The reference: stock Crafter whose chunk sets are ordered."""

    def __init__(self, seed, **settings):
        self.env = stock_env(0, **settings)
        self._reset, self.env._world.reset = self.env._world.reset, self._reset_and_count
        self._draw, self.env._obs = self.env._obs, self._note_and_draw
        self.seed = seed
        self._frame = self.env.reset()
        self._semantic = self.env._sem_view()
        self._end = 0, 0.0

    def _reset_and_count(self, seed=None):
        self._reset(self.seed)
        self.world.random = CountedRandom(self.seed)

    def _note_and_draw(self):
        self.tiles, self._words = tiles_of(self.env), self.world.random.words
        return self._draw()

    @property
    def world(self):
        return self.env._world

    @property
    def player(self):
        return self.env._player

    def step(self, action):
        self._frame, reward, done, info = self.env.step(int(action))
        self._semantic = info["semantic"]
        dead = info["discount"] == 0
        self._end = (TERMINATED if dead else TIME_LIMIT if done else 0), reward

    def row(self):
        return {
            "frames": self._frame,
            "semantic": self._semantic,
            "positions": self.player.pos,
            "inventory": np.array(list(self.player.inventory.values())),
            "achievements": np.array(list(self.player.achievements.values())),
            "daylight": np.float32(self.world.daylight),
            "tiles": self.tiles.reshape(-1),
            "sleeping": self.player.sleeping,
            "random_words": self._words,
            "rewards": np.float32(self._end[1]),
            "ended": self._end[0],
            "materials": self.world._mat_map,
            "random": np.append(*self.world.random.get_state()[1:3]),
        }

    @property
    def ended(self):
        return bool(self._end[0])

    def set_material(self, x, y, name):
        self.world[x, y] = name

    def set_item(self, name, amount):
        self.player.inventory[name] = amount

    def set_step(self, step):
        self.env._step = step

    def add(self, kind, x, y, facing=(0, 0)):
        cls, _ = KINDS[kind]
        if kind == "arrow":
            self.world.add(cls(self.world, (x, y), np.array(facing)))
        elif kind in ("zombie", "skeleton"):
            self.world.add(cls(self.world, (x, y), self.player))
        else:
            self.world.add(cls(self.world, (x, y)))

    def clear(self, x, y):
        obj = self.world[x, y][1]
        if obj and obj is not self.player:
            self.world.remove(obj)


class LanesGame:
    """A lane of an engine."""

    make = None

    def __init__(self, seed, area=(64, 64), view=(9, 9), size=(64, 64), length=10_000):
        self.area, self.view, self.size = area, view, size
        self._lanes = self.make(1, area, view, size, length, True)
        self._seen = all_seen(1, area, view, size)
        self._shapes = {"frames": (size[1], size[0], 3), "semantic": area}
        self._rewards = np.zeros(1)
        self._lanes.reset(0, seed, self._seen)

    def step(self, action):
        self._lanes.step(np.ones(1, bool), np.array([action]), self._rewards, self._seen)

    def row(self):
        row = {
            name: values[0].reshape(self._shapes.get(name, values[0].shape))
            for name, values in self._seen._asdict().items()
        }
        return row | {
            "rewards": np.float32(self._rewards[0]),
            "ended": self._lanes.ended(0),
            "materials": self._lanes.terrain(0),
            "random": self._random(),
        }


class StockLanesGame(LanesGame, StockGame):
    """The package's own stock Crafter."""

    make = StockLanes

    @property
    def env(self):
        return self._lanes.envs[0]

    def _random(self):
        return np.append(*self.world.random.get_state()[1:3])


class FastGame(LanesGame):
    """The fast engine."""

    make = FastLanes

    def _random(self):
        world = self._lanes.worlds[0]
        return np.append(world["random_state"], world["random_used"])

    def set_material(self, x, y, name):
        _set_material(self._lanes.worlds, x, y, MATERIALS[name])

    def set_item(self, name, amount):
        self._lanes.worlds["inventory"][0, ITEMS.index(name)] = amount

    def set_step(self, step):
        self._lanes.worlds["step"] = step

    def add(self, kind, x, y, facing=(0, 0)):
        number = 2 + list(KINDS).index(kind)
        _add(self._lanes.worlds, number, x, y, KINDS[kind][1], *facing)

    def clear(self, x, y):
        _clear(self._lanes.worlds, x, y)


@numba.njit
def _set_material(worlds, x, y, material):
    engine_world.set_material(worlds[0], x, y, material)


@numba.njit
def _add(worlds, kind, x, y, health, facing_x, facing_y):
    row = engine_world.add(worlds[0], kind, x, y, health)
    worlds[0].facing_x[row] = facing_x
    worlds[0].facing_y[row] = facing_y


@numba.njit
def _clear(worlds, x, y):
    row = engine_world.object_at(worlds[0], x, y)
    if row > engine_world.PLAYER_ROW:
        engine_world.remove(worlds[0], row)


def play_again(game, actions, rng):
    """Play an episode by the engine's `play`, in blocks and rows of random lengths."""
    parts, used, taken, whole = [], 0, 0, False
    block = actions[:0]
    while not whole:
        count = int(rng.integers(1, 50))
        seen = all_seen(count, game.area, game.view, game.size)
        done = Done(*(np.zeros(count, dtype) for dtype in ("u1", "f4", "?", "?")))
        used = 0
        while used < count and not whole:
            filled = game._lanes.play(0, block, taken, len(block), seen, done, used, used, None)
            whole = filled < 0
            used, taken = used + abs(filled), taken + abs(filled) - whole
            if taken == len(block) and not whole:
                if not len(actions) and not game._lanes.ended(0):
                    whole = True
                    break
                size = int(rng.integers(0, 70))
                block, actions, taken = actions[:size], actions[size:], 0
        parts.append(
            {name: rows[:used] for name, rows in {**seen._asdict(), **done._asdict()}.items()}
        )
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


class Both:
    """Two games, or more, that are set up and played alike."""

    def __init__(self, stock, *others):
        self.stock, self._games = stock, (stock, *others)

    def __getattr__(self, name):
        def call(*args, **kwargs):
            for game in self._games:
                getattr(game, name)(*args, **kwargs)

        return call

    def difference(self):
        """Name the first thing in which their rows differ, or None."""
        expected, *others = (game.row() for game in self._games)
        for name, value in expected.items():
            for found in others:
                if not np.array_equal(value, found[name]):
                    return name
        return None
