"""Whether a state is one that a game can go on from; compiled code checks no index."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.engine.spec import MATERIALS, OBJECTS
from crafter_dataset.engine.state_layout import (
    ARROW,
    CHUNK,
    DTYPES,
    FLAGS,
    INTEGERS,
    MOST_ACHIEVED,
    MOST_HEALTH,
    MOST_TIMER,
    NUMBERS,
    PAIRS,
    PLAYER,
    RANDOM_WORDS,
    chunks_of,
    shapes_of,
)
from crafter_dataset.schemas.arguments import as_integer
from crafter_dataset.schemas.arithmetic import ceil_div
from crafter_dataset.schemas.errors import ArgumentError
from crafter_dataset.schemas.layout import MOST_SIDE

if TYPE_CHECKING:
    from crafter_dataset.engine.state import CrafterState

_LONGEST = 60


def check(state: CrafterState) -> None:
    """Refuse a state that no game can be in, as far as a game could not go on from it.

    Parameters
    ----------
    state : CrafterState
        The state.

    Raises
    ------
    ArgumentError
        If a value is of another type or shape, or out of its range.
    """
    for name in PAIRS:
        pair(name, getattr(state, name))
    for name, (low, high) in INTEGERS.items():
        integer(name, getattr(state, name), low, high)
    for name, (low, high) in NUMBERS.items():
        value = getattr(state, name)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not low <= value <= high:
            raise unexpected(f"{name} from {low} to {high}", shown(value))
    for name in FLAGS:
        if type(getattr(state, name)) is not bool:
            raise unexpected(f"{name} to be true or false", repr(getattr(state, name)))
    _check_arrays(state)
    _check_objects(state)
    _check_chunks(state)


def check_counts(state: CrafterState) -> None:
    """Refuse a state of a game that has gone on for too long to be gone on with from it.

    Parameters
    ----------
    state : CrafterState
        What an engine says it is.

    Raises
    ------
    ArgumentError
        If it has taken more steps, or reached an achievement more often, than states may have.
    """
    integer("step", state.step, *INTEGERS["step"])
    _range("achievements", state.achievements, 0, MOST_ACHIEVED)


def _check_arrays(state: CrafterState) -> None:
    shapes = shapes_of(state.area, state.size, np.size(state.objects), np.size(state.chunks))
    for name, shape in shapes.items():
        array, dtype = getattr(state, name), DTYPES[name]
        if array.dtype != dtype or array.shape != shape:
            raise unexpected(
                f"{name} of shape {shape} and {dtype}", f"{array.shape} and {array.dtype}"
            )
    _range("materials", state.materials, 1, len(MATERIALS))
    _range("inventory", state.inventory, 0, 9)
    _range("achievements", state.achievements, 0, MOST_ACHIEVED)
    _range("random words used", state.random[-1:], 0, RANDOM_WORDS)


def _check_objects(state: CrafterState) -> None:
    objects = state.objects
    if not len(objects) or objects["kind"][0] != PLAYER:
        raise unexpected("the player as first object", "another")
    kind, (width, height) = objects["kind"], state.area
    _range("kinds of objects", kind[1:], PLAYER + 1, len(OBJECTS))
    _range("x of objects", objects["x"], 0, width - 1)
    _range("y of objects", objects["y"], 0, height - 1)
    if len(np.unique(objects["x"] * height + objects["y"])) != len(objects):
        raise unexpected("one object a cell", "several")
    faces = np.abs(objects["facing_x"].astype(int)) + np.abs(objects["facing_y"].astype(int))
    if (faces != np.isin(kind, (PLAYER, ARROW))).any():
        raise unexpected("the player and arrows alone to face a side", "otherwise")
    for name, most in (("health", MOST_HEALTH), ("timer", MOST_TIMER)):
        wrong = (objects[name] < 0) | (objects[name] > most[kind])
        if wrong.any():
            row = int(wrong.argmax())
            raise unexpected(
                f"{name} of {OBJECTS[kind[row] - 1]} from 0 to {most[kind[row]]}",
                f"{objects[name][row]}",
            )


def _check_chunks(state: CrafterState) -> None:
    count = math.prod(ceil_div(cells, CHUNK) for cells in state.area)
    _range("chunks", state.chunks, 0, count - 1)
    places = np.full(count, -1)
    places[state.chunks] = np.arange(len(state.chunks))
    if (places[state.chunks] != np.arange(len(state.chunks))).any():
        raise unexpected("each chunk once", "one several times")
    if not np.array_equal(np.sort(state.members), np.arange(len(state.objects))):
        raise unexpected("each object as a member once", "otherwise")
    found = places[chunks_of(state.objects[state.members], state.area)]
    if (found < 0).any() or (np.diff(found) < 0).any():
        raise unexpected("members chunk by chunk", "another order")


def unexpected(expected: str, found: str) -> ArgumentError:
    """Return the error that a state is refused with.

    Parameters
    ----------
    expected, found : str
        What was expected of it, and what was found.
    """
    return ArgumentError("state", f"expected {expected}, found {found}")


def shown(value: Any) -> str:
    """Return a value as messages show it, however long it is.

    Parameters
    ----------
    value : object
        Anything.
    """
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def integer(name: str, value: Any, low: int, high: int) -> int:
    """Return a whole number of a state.

    Parameters
    ----------
    name : str
        Its name.
    value : object
        What was given for it.
    low, high : int
        Least and largest number that is allowed.

    Raises
    ------
    ArgumentError
        If it is no integer, or out of the range.
    """
    number = as_integer(value)
    if number is None or not low <= number <= high:
        raise unexpected(f"{name} from {low} to {high}", shown(value))
    return number


def pair(name: str, value: Any) -> tuple[int, int]:
    """Return two sizes of a state.

    Parameters
    ----------
    name : str
        Their name.
    value : object
        What was given for them.

    Raises
    ------
    ArgumentError
        If they are no two integers, or out of range.
    """
    numbers = [as_integer(each) for each in value] if isinstance(value, tuple | list) else []
    if len(numbers) != 2 or not all(each and 1 <= each <= MOST_SIDE for each in numbers):
        raise unexpected(f"{name} of two numbers from 1 to {MOST_SIDE}", shown(value))
    x, y = numbers
    assert x is not None
    assert y is not None
    return x, y


def _range(name: str, values: NDArray[Any], low: int, high: int) -> None:
    """Refuse values that are out of a range."""
    if len(values) and (values.min() < low or values.max() > high):
        wrong = values[(values < low) | (values > high)].flat[0]
        raise unexpected(f"{name} from {low} to {high}", str(wrong))
