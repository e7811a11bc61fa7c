"""Crafter's rules as numbers, read from the package's own `data.yaml`.

The kernels take these as constants: numba compiles them in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from crafter import constants
from numpy.typing import NDArray

_ITEMS = list(constants.items)
_ACHIEVEMENTS = list(constants.achievements)
_ACTIONS = list(constants.actions)

MATERIALS: dict[str, int] = {name: i for i, name in enumerate(constants.materials, start=1)}
"""Ids as in `crafter.engine.World`; 0 stands for no material, off the map."""

WATER, GRASS, STONE, PATH, SAND, TREE, LAVA, COAL, IRON, DIAMOND, TABLE, FURNACE = (
    MATERIALS[name]
    for name in (
        "water", "grass", "stone", "path", "sand", "tree",
        "lava", "coal", "iron", "diamond", "table", "furnace",
    )
)  # fmt: skip

PLAYER, COW, ZOMBIE, SKELETON, ARROW, PLANT = range(1, 7)
"""Kinds of objects, in the order of `crafter.Env`'s semantic view; a removed one has 0."""

COW_HEALTH, ZOMBIE_HEALTH, SKELETON_HEALTH, PLANT_HEALTH = 3, 5, 3, 1
"""As in the `__init__` of their classes."""

RIPE = 300
"""A plant that has grown for longer is ripe, as in `Plant.ripe`."""

FIRST_OBJECT_ID = len(MATERIALS)
"""Plus a kind of object, this is its id in the semantic map."""

HEALTH, FOOD, DRINK, ENERGY = (_ITEMS.index(n) for n in ("health", "food", "drink", "energy"))
WOOD_SWORD, STONE_SWORD, IRON_SWORD = (
    _ITEMS.index(name) for name in ("wood_sword", "stone_sword", "iron_sword")
)
EAT_COW, EAT_PLANT, DEFEAT_ZOMBIE, DEFEAT_SKELETON, WAKE_UP = (
    _ACHIEVEMENTS.index(name)
    for name in ("eat_cow", "eat_plant", "defeat_zombie", "defeat_skeleton", "wake_up")
)
NUM_ACTIONS, NUM_ITEMS, NUM_ACHIEVEMENTS = len(_ACTIONS), len(_ITEMS), len(_ACHIEVEMENTS)

DO, SLEEP = (_ACTIONS.index(name) for name in ("do", "sleep"))
MOVE_X = np.zeros(NUM_ACTIONS, np.int8)
MOVE_Y = np.zeros(NUM_ACTIONS, np.int8)
for _name, _x, _y in (("left", -1, 0), ("right", 1, 0), ("up", 0, -1), ("down", 0, 1)):
    MOVE_X[_ACTIONS.index(f"move_{_name}")] = _x
    MOVE_Y[_ACTIONS.index(f"move_{_name}")] = _y

INITIAL = np.array([item["initial"] for item in constants.items.values()], np.int32)
MAXIMUM = np.array([item["max"] for item in constants.items.values()], np.int32)


def _materials(names: Sequence[str]) -> NDArray[np.bool_]:
    """Mark the named materials in an array that is indexed by id."""
    marks = np.zeros(len(MATERIALS) + 1, bool)
    marks[[MATERIALS[name] for name in names]] = True
    return marks


def _amounts(items: Mapping[str, int]) -> NDArray[np.int32]:
    """Return the amount of every item, 0 where none is named."""
    return np.array([items.get(name, 0) for name in _ITEMS], np.int32)


def _table(rows: int, entries: Mapping[int, NDArray[Any]]) -> NDArray[Any]:
    """Stack arrays into a table, with rows of zeros where there is none."""
    sample = next(iter(entries.values()))
    table = np.zeros((rows, *sample.shape), sample.dtype)
    for row, entry in entries.items():
        table[row] = entry
    return table


WALKABLE = _materials(constants.walkable)
PLAYER_WALKABLE = _materials([*constants.walkable, "lava"])
ARROW_WALKABLE = _materials([*constants.walkable, "water", "lava"])

_COLLECT = {MATERIALS[name]: info for name, info in constants.collect.items()}
_IDS = len(MATERIALS) + 1
COLLECTABLE = _materials(list(constants.collect))
COLLECT_REQUIRES = _table(_IDS, {i: _amounts(info["require"]) for i, info in _COLLECT.items()})
COLLECT_RECEIVES = _table(_IDS, {i: _amounts(info["receive"]) for i, info in _COLLECT.items()})
COLLECT_LEAVES = _table(
    _IDS, {i: np.array(MATERIALS[info["leaves"]]) for i, info in _COLLECT.items()}
)
COLLECT_PROBABILITY = _table(
    _IDS, {i: np.array(info.get("probability", 1), float) for i, info in _COLLECT.items()}
)
ACHIEVED_ON_COLLECT = np.array(
    [
        _ACHIEVEMENTS.index(f"collect_{name}") if f"collect_{name}" in _ACHIEVEMENTS else -1
        for name in _ITEMS
    ]
)
"""Achievement for receiving an item, -1 where there is none."""

_PLACE = {_ACTIONS.index(f"place_{name}"): (name, info) for name, info in constants.place.items()}
PLACES = np.array([action in _PLACE for action in range(NUM_ACTIONS)])
PLACE_USES = _table(NUM_ACTIONS, {a: _amounts(info["uses"]) for a, (_, info) in _PLACE.items()})
PLACE_WHERE = _table(NUM_ACTIONS, {a: _materials(info["where"]) for a, (_, info) in _PLACE.items()})
PLACE_MATERIAL = _table(
    NUM_ACTIONS, {a: np.array(MATERIALS.get(name, 0)) for a, (name, _) in _PLACE.items()}
)
"""Material that an action places, 0 for the plant, which is an object."""
PLACE_ACHIEVEMENT = _table(
    NUM_ACTIONS, {a: np.array(_ACHIEVEMENTS.index(f"place_{n}")) for a, (n, _) in _PLACE.items()}
)

_MAKE = {_ACTIONS.index(f"make_{name}"): (name, info) for name, info in constants.make.items()}
MAKES = np.array([action in _MAKE for action in range(NUM_ACTIONS)])
MAKE_USES = _table(NUM_ACTIONS, {a: _amounts(info["uses"]) for a, (_, info) in _MAKE.items()})
MAKE_NEARBY = _table(NUM_ACTIONS, {a: _materials(info["nearby"]) for a, (_, info) in _MAKE.items()})
MAKE_GIVES = _table(
    NUM_ACTIONS, {a: _amounts({name: info["gives"]}) for a, (name, info) in _MAKE.items()}
)
MAKE_ACHIEVEMENT = _table(
    NUM_ACTIONS, {a: np.array(_ACHIEVEMENTS.index(f"make_{n}")) for a, (n, _) in _MAKE.items()}
)
