"""States as records of the fast engine, see `engine.fast.world`, and back."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.engine.spec import ITEMS, MATERIALS
from crafter_dataset.engine.state import CrafterState
from crafter_dataset.engine.state_layout import CHUNK, OBJECT_DTYPE, RANDOM_WORDS, chunks_of
from crafter_dataset.schemas.arithmetic import ceil_div

_HEALTH = ITEMS.index("health")
_NOT_KNOWN = -(2**62)
"""Twists since a generator was seeded, if that is not known: it stays negative for good."""
_COLUMNS = OBJECT_DTYPE.names or ()


def state_of_record(
    record: Any, settings: Mapping[str, Any], world_seed: int, frame: NDArray[np.uint8]
) -> CrafterState:
    """Return the state that a record holds.

    Parameters
    ----------
    record : record
        State of an environment of the fast engine, between two steps.
    settings : mapping of str
        Area, view, size, length and reward of the environment.
    world_seed : int
        Seed of the world.
    frame : ndarray, shape (bytes,), uint8
        The picture that was drawn last.

    Returns
    -------
    CrafterState
        A copy.
    """
    area, size = settings["area"], settings["size"]
    rows = np.flatnonzero(record["kind"][: record["objects"]])
    rows = rows[rows > 0]
    objects = np.zeros(len(rows), OBJECT_DTYPE)
    for name in _COLUMNS:
        objects[name] = record[name][rows]
    chunks = record["held"][: record["held_chunks"]]
    members, following = [], record["next"][: record["objects"]].tolist()
    for row in record["first"][chunks].tolist():
        while row:
            members.append(row)
            row = following[row]
    return CrafterState(
        **settings,
        world_seed=world_seed,
        step=int(record["step"]),
        frame=frame.reshape(size[1], size[0], 3),
        materials=record["materials"][: area[0] * area[1]].reshape(area),
        objects=objects,
        chunks=chunks,
        members=np.searchsorted(rows, np.array(members, np.int64)).astype(np.int32),
        random=np.append(record["random_state"], np.uint32(record["random_used"])),
        inventory=record["inventory"].astype(np.uint8),
        achievements=record["achievements"],
        sleeping=bool(record["sleeping"]),
        last_health=int(record["player_last_health"]),
        hunger=float(record["hunger"]),
        thirst=float(record["thirst"]),
        fatigue=int(record["fatigue"]),
        recover=float(record["recover"]),
    )


def write_record(state: CrafterState, record: Any) -> None:
    """Let a record hold a state, its settings too; what only makes worlds is left as it is.

    Parameters
    ----------
    state : CrafterState
        A state that was checked: indices in records are not.
    record : record
        State of an environment of the fast engine; it has room for the area.
    """
    width, height = state.area
    record["width"], record["height"] = width, height
    record["reach"], record["length"] = 2 * max(state.view), state.length
    record["give_rewards"] = state.reward
    record["materials"][: width * height] = state.materials.reshape(-1)
    record["step"], record["daylight"] = state.step, state.daylight
    record["random_state"][:] = state.random[:-1]
    record["random_used"] = state.random[-1]
    record["random_words"][:] = temper(state.random[:-1])
    record["random_twists"] = _NOT_KNOWN
    _write_objects(state, record)
    _write_chunks(state, record)
    record["inventory"][:] = state.inventory
    record["achievements"][:] = state.achievements
    record["sleeping"], record["player_last_health"] = state.sleeping, state.last_health
    record["hunger"], record["thirst"] = state.hunger, state.thirst
    record["fatigue"], record["recover"] = state.fatigue, state.recover
    # What `engine.fast.step.step` leaves behind.
    record["last_health"] = state.inventory[_HEALTH]
    record["unlocked"][:] = state.achievements > 0
    record["ended"] = state.ended


def _write_objects(state: CrafterState, record: Any) -> None:
    """Write the table of objects: row 0 stands for none, and no row is of a removed one."""
    objects, (width, height) = state.objects, state.area
    count = len(objects)
    record["objects"], record["alive"] = 1 + count, count
    for name in _COLUMNS:
        record[name][1 : 1 + count] = objects[name]
    record["kind"][0] = 0
    at = record["object_at"]
    at[: width * height] = 0
    at[objects["x"] * height + objects["y"]] = np.arange(1, 1 + count)


def _write_chunks(state: CrafterState, record: Any) -> None:
    """Write the chunks: their lists of objects, and how much grass and path they have."""
    columns, rows = (ceil_div(cells, CHUNK) for cells in state.area)
    record["chunk_columns"], record["chunk_rows"] = columns, rows
    record["held_chunks"] = len(state.chunks)
    record["held"][: len(state.chunks)] = state.chunks
    for name in ("was_held", "first", "last"):
        record[name][: columns * rows] = 0
    record["was_held"][state.chunks] = True
    members, chunks = state.members + 1, chunks_of(state.objects[state.members], state.area)
    begins = np.append(True, chunks[1:] != chunks[:-1])
    ends = np.append(begins[1:], True)
    record["first"][chunks[begins]] = members[begins]
    record["last"][chunks[ends]] = members[ends]
    record["previous"][members] = np.where(begins, 0, np.append(0, members[:-1]))
    record["next"][members] = np.where(ends, 0, np.append(members[1:], 0))
    for name in ("grass", "path"):
        cells = state.materials.reshape(-1) == 1 + MATERIALS.index(name)
        count = np.bincount(_chunks_of_cells(state.area)[cells], minlength=columns * rows)
        record[name][: columns * rows] = count


@functools.lru_cache(4)
def _chunks_of_cells(area: tuple[int, int]) -> NDArray[np.int64]:
    """Return the number of each cell's chunk."""
    columns, rows = (np.arange(cells) // CHUNK for cells in area)
    numbers: NDArray[np.int64] = columns[:, None] * ceil_div(area[1], CHUNK) + rows
    return numbers.reshape(-1)


def temper(state: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Make the words to draw of those of the state; mirrors `mt19937_next`.

    Parameters
    ----------
    state : ndarray, shape (624,), uint32
        Words of the state.

    Returns
    -------
    ndarray, shape (624,), uint32
        Words to draw; other ones for any other state.
    """
    assert len(state) == RANDOM_WORDS
    words = state ^ (state >> np.uint32(11))
    words = words ^ ((words << np.uint32(7)) & np.uint32(0x9D2C5680))
    words = words ^ ((words << np.uint32(15)) & np.uint32(0xEFC60000))
    tempered: NDArray[np.uint32] = words ^ (words >> np.uint32(18))
    return tempered
