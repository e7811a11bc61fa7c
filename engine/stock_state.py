"""States as games of stock Crafter, and back; and what the fast engine has for such a game."""

from __future__ import annotations

from typing import Any

import numpy as np
from crafter import objects
from numpy.typing import NDArray

from crafter_dataset.engine.record_state import write_record
from crafter_dataset.engine.spec import ITEMS, OBJECTS
from crafter_dataset.engine.state import CrafterState
from crafter_dataset.engine.state_layout import CHUNK, OBJECT_DTYPE
from crafter_dataset.engine.stock import StockCrafter
from crafter_dataset.schemas.arithmetic import ceil_div

_CLASSES = (
    objects.Player, objects.Cow, objects.Zombie, objects.Skeleton, objects.Arrow, objects.Plant,
)  # fmt: skip
_KINDS = {each: kind for kind, each in enumerate(_CLASSES, 1)}
_TIMERS = {objects.Zombie: "cooldown", objects.Skeleton: "reload", objects.Plant: "grown"}
_COUNTERS = ("last_health", "hunger", "thirst", "fatigue", "recover")
assert len(_CLASSES) == len(OBJECTS)


def settings_of(env: StockCrafter) -> dict[str, Any]:
    """Return area, view, size, length and reward of an environment.

    Parameters
    ----------
    env : StockCrafter
        The environment.
    """
    pairs = {name: getattr(env, f"_{name}") for name in ("area", "view", "size")}
    return {
        **{name: (int(pair[0]), int(pair[1])) for name, pair in pairs.items()},
        "length": min(env._length or 0, 2**63 - 1),
        "reward": bool(env._reward),
    }


def state_of_stock(env: StockCrafter, frame: NDArray[np.uint8]) -> CrafterState:
    """Return the state of a game.

    Parameters
    ----------
    env : StockCrafter
        Stock Crafter between two steps.
    frame : ndarray, shape (height, width, 3), uint8
        The picture that was drawn last.

    Returns
    -------
    CrafterState
        A copy.
    """
    world, player = env._world, env._player
    there = world.objects
    numbers = {id(each): number for number, each in enumerate(there)}
    words, used = world.random.get_state()[1:3]
    rows = ceil_div(world.area[1], CHUNK)
    chunks = [x // CHUNK * rows + y // CHUNK for x, _, y, _ in world._chunks]
    members = [numbers[id(each)] for held in world._chunks.values() for each in held]
    return CrafterState(
        **settings_of(env),
        world_seed=int(world.forced_seed),
        step=int(env._step),
        frame=frame,
        materials=world._mat_map,
        objects=np.array([object_row(each) for each in there], OBJECT_DTYPE),
        chunks=np.array(chunks, np.int32),
        members=np.array(members, np.int32),
        random=np.append(words, used).astype(np.uint32),
        inventory=np.array(list(player.inventory.values()), np.uint8),
        achievements=np.array(list(player.achievements.values()), np.int32),
        sleeping=bool(player.sleeping),
        last_health=int(player._last_health),
        hunger=float(player._hunger),
        thirst=float(player._thirst),
        fatigue=int(player._fatigue),
        recover=float(player._recover),
    )


def object_row(each: Any) -> tuple[int, ...]:
    """Return an object as a row of the table, see `state_layout.OBJECT_DTYPE`.

    Parameters
    ----------
    each : crafter.objects.Object
        The object; the player's health, which is in its inventory, is left out.
    """
    is_player = isinstance(each, objects.Player)
    timer = getattr(each, _TIMERS[type(each)]) if type(each) in _TIMERS else 0
    x, y = (int(v) for v in each.pos)
    facing_x, facing_y = (int(v) for v in getattr(each, "facing", (0, 0)))
    health = 0 if is_player else int(each.health)
    return _KINDS[type(each)], x, y, facing_x, facing_y, health, int(timer)


def restore(env: StockCrafter, state: CrafterState) -> None:
    """Let a game go on from a state.

    Parameters
    ----------
    env : StockCrafter
        Stock Crafter of the state's settings; its game is overwritten.
    state : CrafterState
        A state that was checked.
    """
    world = env._world
    world.forced_seed = state.world_seed
    world.reset()
    world.random.set_state(("MT19937", state.random[:-1], int(state.random[-1])))
    world.taken = None
    world._mat_map[...] = state.materials
    env._step = state.step
    env._update_time()
    there: list[Any] = []
    for row in state.objects:
        there.append(_object(world, row, there[0] if there else None))
        world._obj_map[tuple(there[-1].pos)] = len(there)
    world._objects = [None, *there]
    for chunk in state.chunks.tolist():
        x, y = divmod(chunk, ceil_div(state.area[1], CHUNK))
        world._chunks[world.chunk_key((x * CHUNK, y * CHUNK))]  # asked for, it is there
    for member in state.members.tolist():
        world._chunks[world.chunk_key(there[member].pos)].add(there[member])
    player = env._player = there[0]
    player.inventory = dict(zip(ITEMS, state.inventory.tolist(), strict=True))
    reached = state.achievements.tolist()
    player.achievements = dict(zip(player.achievements, reached, strict=True))
    player.sleeping = state.sleeping
    for name in _COUNTERS:
        setattr(player, f"_{name}", getattr(state, name))
    # What `Env.step` leaves behind.
    env._last_health = player.health
    env._unlocked = {name for name, count in player.achievements.items() if count > 0}
    env._semantic = env._sem_view()


def _object(world: Any, row: Any, player: Any) -> Any:
    """Make the object of a row of the table."""
    kind, pos = _CLASSES[row["kind"] - 1], (int(row["x"]), int(row["y"]))
    facing = int(row["facing_x"]), int(row["facing_y"])
    if kind is objects.Arrow:
        return kind(world, pos, np.array(facing))
    if kind in (objects.Zombie, objects.Skeleton):
        each = kind(world, pos, player)
    else:
        each = kind(world, pos)
    if kind is objects.Player:
        each.facing = facing
    else:
        each.health = int(row["health"])
    if kind in _TIMERS:
        setattr(each, _TIMERS[kind], int(row["timer"]))
    return each


def record_of(env: StockCrafter, record: Any) -> None:
    """Let a record of the fast engine hold the state of a game, as the fast engine would have it.

    Parameters
    ----------
    env : StockCrafter
        Stock Crafter between two steps; only read.
    record : record
        Overwritten, but for what only makes worlds; with room for the area. Rows of removed
        objects, of which the fast engine keeps some, are left out.
    """
    width, height = settings_of(env)["size"]
    write_record(state_of_stock(env, np.zeros((height, width, 3), np.uint8)), record)
