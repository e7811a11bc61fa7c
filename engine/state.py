"""A game at a moment, as a plain value that either engine can go on from."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.engine.rows import Seen
from crafter_dataset.engine.spec import ACHIEVEMENTS, ITEMS, MATERIALS, OBJECTS
from crafter_dataset.schemas.arguments import as_integer
from crafter_dataset.schemas.arithmetic import ceil_div
from crafter_dataset.schemas.errors import ArgumentError
from crafter_dataset.schemas.layout import MOST_SIDE, TERMINATED, TIME_LIMIT

CHUNK = 12
"""Cells along each side of a map chunk, as in `crafter.Env.__init__`."""
RANDOM_WORDS = 624
"""Words of a Mersenne twister, as of NumPy's `RandomState`."""
MOST_STEPS = 2**20
"""Steps after which a game's state cannot be had: engines tabulate the daylight up to a state's."""
_MOST_COUNT = 2**30

OBJECT_DTYPE = np.dtype(
    [
        ("kind", "u1"),
        ("x", "<i4"),
        ("y", "<i4"),
        ("facing_x", "i1"),
        ("facing_y", "i1"),
        ("health", "<i4"),
        ("timer", "<i4"),
    ]
)
"""An object: `kind` is an index into the dataset's names of objects, from 1 on; `timer` a zombie's
cooldown, a skeleton's reload, for how long a plant has grown."""

_HEALTH = ITEMS.index("health")
_PLAYER, _COW, _ZOMBIE, _SKELETON, _ARROW, _PLANT = range(1, len(OBJECTS) + 1)
_MOST_HEALTH = np.zeros(len(OBJECTS) + 1, np.int32)
_MOST_HEALTH[[_COW, _ZOMBIE, _SKELETON, _PLANT]] = 3, 5, 3, 1
_MOST_TIMER = np.zeros(len(OBJECTS) + 1, np.int32)
_MOST_TIMER[[_ZOMBIE, _SKELETON, _PLANT]] = 5, 4, _MOST_COUNT

_DTYPES: dict[str, np.dtype[Any]] = {
    "frame": np.dtype("u1"),
    "materials": np.dtype("u1"),
    "objects": OBJECT_DTYPE,
    "chunks": np.dtype("<i4"),
    "members": np.dtype("<i4"),
    "random": np.dtype("<u4"),
    "inventory": np.dtype("u1"),
    "achievements": np.dtype("<i4"),
}
"""Type of each array, in the order in which bytes have them."""

_SIGNATURE = b"crafter-dataset state\n"
_LENGTH_BYTES = 8
_PAIRS = ("area", "view", "size")
_INTEGERS = {
    "length": (0, 2**63 - 1),
    "world_seed": (0, 2**32 - 1),
    "step": (0, MOST_STEPS),
    "last_health": (0, 9),
    "fatigue": (-10, 30),
}
_NUMBERS = {"hunger": (0, 25), "thirst": (0, 20), "recover": (-15, 25)}
"""Between steps Crafter's numbers are within these, both included."""
_FLAGS = ("reward", "sleeping")


@dataclass(frozen=True, eq=False, repr=False)
class CrafterState:
    """A game of Crafter between two steps: all that the steps to come depend on.

    It is what `get_state` of an environment returns and `set_state` of another takes, on either
    engine, in this process or in any other: it can be pickled, copied, compared, and turned into
    bytes. Its arrays are copies and read-only; `dataclasses.replace(state, step=0)` makes another
    one. Whatever it holds is checked before a game goes on from it.

    What follows from the rest is not in it: daylight from the step, counts of grass from the map.

    Parameters
    ----------
    area, view, size : tuple of int
        Cells of the world (x, y), cells in the picture (x, y), pixels of the picture (width,
        height).
    length : int
        Time limit in steps, 0 for none.
    reward : bool
        Whether there are rewards.
    world_seed : int
        Seed of the `RandomState` that made the world.
    step : int
        Steps taken so far.
    frame : ndarray, shape (height, width, 3), uint8
        The picture, which was drawn already: by night drawing takes random numbers.
    materials : ndarray, shape `area`, uint8
        Ids of materials, indexed [x, y].
    objects : ndarray of records, shape (objects,)
        The player, then all others in the order in which they act: `kind` (1 the player, 2 a cow,
        and so on in the order of `Metadata.objects`), `x`, `y`, `facing_x`, `facing_y`, `health`
        (the player's is in the inventory), and `timer`: a zombie's cooldown, a skeleton's reload,
        for how long a plant has grown.
    chunks : ndarray, shape (chunks,), int32
        Chunks of 12 x 12 cells that ever held an object, in the order in which they first did;
        their numbers run along y first.
    members : ndarray, shape (objects,), int32
        Indices of the objects, chunk by chunk as in `chunks`, in each in the order in which they
        entered it.
    random : ndarray, shape (625,), uint32
        State of the `RandomState`: 624 words, and how many of them are used.
    inventory : ndarray, shape (16,), uint8
        Number of each item.
    achievements : ndarray, shape (22,), int32
        Times each achievement was reached.
    sleeping : bool
        Whether the player sleeps.
    last_health : int
        The player's health at the end of its last own update.
    hunger, thirst, recover : float
        The player's counters.
    fatigue : int
        Another of them.

    Attributes
    ----------
    VERSION : int
        Version of the layout, which `to_bytes` writes and `from_bytes` asks for.

    Examples
    --------
    >>> import crafter_dataset
    >>> env = crafter_dataset.CrafterEnv()
    >>> frame, info = env.reset(seed=7)
    >>> state = env.get_state()
    >>> first = env.step(5)[0]
    >>> frame, info = env.set_state(state)
    >>> bool((env.step(5)[0] == first).all())
    True
    >>> crafter_dataset.CrafterState.from_bytes(state.to_bytes()) == state
    True
    """

    VERSION: ClassVar[int] = 1

    area: tuple[int, int]
    view: tuple[int, int]
    size: tuple[int, int]
    length: int
    reward: bool
    world_seed: int
    step: int
    frame: NDArray[np.uint8]
    materials: NDArray[np.uint8]
    objects: NDArray[np.void]
    chunks: NDArray[np.int32]
    members: NDArray[np.int32]
    random: NDArray[np.uint32]
    inventory: NDArray[np.uint8]
    achievements: NDArray[np.int32]
    sleeping: bool
    last_health: int
    hunger: float
    thirst: float
    fatigue: int
    recover: float

    def __post_init__(self) -> None:
        for name in _DTYPES:
            array = np.array(getattr(self, name))
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CrafterState):
            return NotImplemented
        return self.to_bytes() == other.to_bytes()

    def __hash__(self) -> int:
        return hash(self.to_bytes())

    def __repr__(self) -> str:
        x, y = self.area
        return (
            f"<CrafterState of world {self.world_seed}, {x}x{y} cells: step {self.step}, "
            f"{len(self.objects)} objects>"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return CrafterState.from_bytes, (self.to_bytes(),)

    def to_bytes(self) -> bytes:
        """Return the state as bytes, the same on every machine.

        Returns
        -------
        bytes
            A line that says what it is, the length of a JSON document as eight bytes (the lowest
            first), the document, and the arrays.
        """
        names = (*_PAIRS, *_INTEGERS, *_NUMBERS, *_FLAGS)
        entries: dict[str, Any] = {"version": self.VERSION}
        entries |= {name: getattr(self, name) for name in names}
        entries |= {"objects": len(self.objects), "chunks": len(self.chunks)}
        document = json.dumps(entries, default=int).encode()
        arrays = (
            getattr(self, name).astype(dtype, copy=False).tobytes()
            for name, dtype in _DTYPES.items()
        )
        length = len(document).to_bytes(_LENGTH_BYTES, "little")
        return b"".join([_SIGNATURE, length, document, *arrays])

    @classmethod
    def from_bytes(cls, content: bytes) -> CrafterState:
        """Make a state of what `to_bytes` has returned, whoever passed it on.

        Parameters
        ----------
        content : bytes
            The bytes.

        Returns
        -------
        CrafterState
            The state.

        Raises
        ------
        ArgumentError
            If they are no state, or one of another version; the error is a ValueError.
        """
        start = len(_SIGNATURE) + _LENGTH_BYTES
        if bytes(content[: len(_SIGNATURE)]) != _SIGNATURE:
            raise _unexpected("bytes of a CrafterState", f"{len(content)} others")
        end = start + int.from_bytes(content[len(_SIGNATURE) : start], "little")
        try:
            entries = json.loads(content[start:end])
        except (ValueError, RecursionError) as error:
            raise _unexpected("a JSON document at its beginning", "none") from error
        if not isinstance(entries, dict) or as_integer(entries.get("version")) != cls.VERSION:
            found = entries.get("version") if isinstance(entries, dict) else entries
            raise _unexpected(f"version {cls.VERSION}", repr(found))
        given: dict[str, Any] = {name: _pair(name, entries.get(name)) for name in _PAIRS}
        given |= {name: entries.get(name) for name in (*_INTEGERS, *_NUMBERS, *_FLAGS)}
        cells = math.prod(given["area"])
        objects = _integer("objects", entries.get("objects"), 1, cells)
        chunks = _integer("chunks", entries.get("chunks"), 1, cells)
        for name, shape in _shapes(given["area"], given["size"], objects, chunks).items():
            dtype = _DTYPES[name]
            size = math.prod(shape) * dtype.itemsize
            if len(content) - end < size:
                raise _unexpected(f"{size} bytes of {name}", f"{max(len(content) - end, 0)}")
            values = np.frombuffer(content, dtype, math.prod(shape), end)
            given[name] = values.reshape(shape)
            end += size
        if end != len(content):
            raise _unexpected(f"{end} bytes", f"{len(content)}")
        state = cls(**given)
        state.check()
        return state

    def check(self) -> None:
        """Refuse a state that no game can be in, as far as a game could not go on from it.

        Raises
        ------
        ArgumentError
            If a value is of another type or shape, or out of its range; the error is a ValueError.
        """
        for name in _PAIRS:
            _pair(name, getattr(self, name))
        for name, (low, high) in _INTEGERS.items():
            _integer(name, getattr(self, name), low, high)
        for name, (low, high) in _NUMBERS.items():
            value = getattr(self, name)
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not is_number or not low <= value <= high:
                raise _unexpected(f"{name} from {low} to {high}", repr(value))
        for name in _FLAGS:
            if type(getattr(self, name)) is not bool:
                raise _unexpected(f"{name} to be true or false", repr(getattr(self, name)))
        self._check_arrays()
        self._check_objects()
        self._check_chunks()

    def _check_arrays(self) -> None:
        shapes = _shapes(self.area, self.size, np.size(self.objects), np.size(self.chunks))
        for name, shape in shapes.items():
            array, dtype = getattr(self, name), _DTYPES[name]
            if array.dtype != dtype or array.shape != shape:
                raise _unexpected(
                    f"{name} of shape {shape} and {dtype}", f"{array.shape} and {array.dtype}"
                )
        _range("materials", self.materials, 1, len(MATERIALS))
        _range("inventory", self.inventory, 0, 9)
        _range("achievements", self.achievements, 0, _MOST_COUNT)
        _range("random words used", self.random[-1:], 0, RANDOM_WORDS)

    def _check_objects(self) -> None:
        objects = self.objects
        if not len(objects) or objects["kind"][0] != _PLAYER:
            raise _unexpected("the player as first object", "another")
        kind, (width, height) = objects["kind"], self.area
        _range("kinds of objects", kind[1:], _PLAYER + 1, len(OBJECTS))
        _range("x of objects", objects["x"], 0, width - 1)
        _range("y of objects", objects["y"], 0, height - 1)
        if len(np.unique(objects["x"] * height + objects["y"])) != len(objects):
            raise _unexpected("one object a cell", "several")
        faces = np.abs(objects["facing_x"].astype(int)) + np.abs(objects["facing_y"].astype(int))
        if (faces != np.isin(kind, (_PLAYER, _ARROW))).any():
            raise _unexpected("the player and arrows alone to face a side", "otherwise")
        for name, most in (("health", _MOST_HEALTH), ("timer", _MOST_TIMER)):
            wrong = (objects[name] < 0) | (objects[name] > most[kind])
            if wrong.any():
                row = int(wrong.argmax())
                raise _unexpected(
                    f"{name} of {OBJECTS[kind[row] - 1]} from 0 to {most[kind[row]]}",
                    f"{objects[name][row]}",
                )

    def _check_chunks(self) -> None:
        count = math.prod(ceil_div(cells, CHUNK) for cells in self.area)
        _range("chunks", self.chunks, 0, count - 1)
        places = np.full(count, -1)
        places[self.chunks] = np.arange(len(self.chunks))
        if (places[self.chunks] != np.arange(len(self.chunks))).any():
            raise _unexpected("each chunk once", "one several times")
        if not np.array_equal(np.sort(self.members), np.arange(len(self.objects))):
            raise _unexpected("each object as a member once", "otherwise")
        found = places[self.chunks_of_members()]
        if (found < 0).any() or (np.diff(found) < 0).any():
            raise _unexpected("members chunk by chunk", "another order")

    def chunks_of_members(self) -> NDArray[np.int64]:
        """Return the number of the chunk that each of `members` is in: int64, shape (objects,)."""
        objects = self.objects[self.members]
        rows = ceil_div(self.area[1], CHUNK)
        numbers: NDArray[np.int64] = objects["x"].astype(np.int64) // CHUNK * rows
        numbers += objects["y"] // CHUNK
        return numbers

    @property
    def ended(self) -> int:
        """How the episode has ended: 0 if it goes on, else an index into `Metadata.end_reasons`."""
        if not self.inventory[_HEALTH]:
            return TERMINATED
        return TIME_LIMIT if 0 < self.length <= self.step else 0

    @property
    def daylight(self) -> float:
        """How light it is: 0 is night, 1 is day."""
        return daylight_at(self.step)

    def show(self, seen: Seen, row: int) -> None:
        """Write what is seen in this state into a row.

        Parameters
        ----------
        seen : Seen
            Where to write; it has all fields.
        row : int
            Number of the row.
        """
        objects = self.objects
        seen.frames[row] = self.frame.reshape(-1)
        semantic = self.materials.copy()
        semantic[objects["x"], objects["y"]] = len(MATERIALS) + objects["kind"]
        seen.semantic[row] = semantic.reshape(-1)
        seen.positions[row] = objects["x"][0], objects["y"][0]
        seen.inventory[row] = self.inventory
        seen.achievements[row] = self.achievements.astype(np.uint16)
        seen.daylight[row] = self.daylight


def check_fits(state: Any, settings: Mapping[str, Any]) -> None:
    """Refuse a state of another environment, and one that `CrafterState.check` refuses.

    Parameters
    ----------
    state : CrafterState
        What was given for one.
    settings : mapping of str
        Area, view, size, length and reward of the environment.

    Raises
    ------
    ArgumentError
        If the environment cannot go on from it; the error is a ValueError.
    """
    if not isinstance(state, CrafterState):
        raise _unexpected("a CrafterState", type(state).__name__)
    for name, expected in settings.items():
        found = getattr(state, name)
        if type(found) is not type(expected) or found != expected:
            raise _unexpected(f"{name} {_worded(expected)}", _worded(found))
    state.check()


def daylight_at(step: int) -> float:
    """Return the daylight after some steps; mirrors `Env._update_time`, by the same calls.

    Parameters
    ----------
    step : int
        Steps taken so far.

    Returns
    -------
    float
        0 is night, 1 is day.
    """
    progress = (step / 300) % 1 + 0.3
    return float(1 - np.abs(np.cos(np.pi * progress)) ** 3)


def _shapes(
    area: tuple[int, int], size: tuple[int, int], objects: int, chunks: int
) -> dict[str, tuple[int, ...]]:
    """Return the shape of each array."""
    return {
        "frame": (size[1], size[0], 3),
        "materials": area,
        "objects": (objects,),
        "chunks": (chunks,),
        "members": (objects,),
        "random": (RANDOM_WORDS + 1,),
        "inventory": (len(ITEMS),),
        "achievements": (len(ACHIEVEMENTS),),
    }


def _unexpected(expected: str, found: str) -> ArgumentError:
    return ArgumentError("state", f"expected {expected}, found {found}")


def _worded(value: Any) -> str:
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _integer(name: str, value: Any, low: int, high: int) -> int:
    number = as_integer(value)
    if number is None or not low <= number <= high:
        raise _unexpected(f"{name} from {low} to {high}", repr(value))
    return number


def _pair(name: str, value: Any) -> tuple[int, int]:
    numbers = [as_integer(each) for each in value] if isinstance(value, tuple | list) else []
    if len(numbers) != 2 or not all(each and 1 <= each <= MOST_SIDE for each in numbers):
        raise _unexpected(f"{name} of two numbers from 1 to {MOST_SIDE}", repr(value))
    x, y = numbers
    assert x is not None
    assert y is not None
    return x, y


def _range(name: str, values: NDArray[Any], low: int, high: int) -> None:
    """Refuse values that are out of a range."""
    if len(values) and (values.min() < low or values.max() > high):
        wrong = values[(values < low) | (values > high)].flat[0]
        raise _unexpected(f"{name} from {low} to {high}", str(wrong))
