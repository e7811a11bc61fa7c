"""A game at a moment, as a plain value that either engine can go on from."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.engine.fast.scenes import UNKNOWN_WORDS
from crafter_dataset.engine.rows import Seen
from crafter_dataset.engine.spec import ITEMS, MATERIALS, local_view
from crafter_dataset.engine.state_checks import check, integer, pair, shown, unexpected
from crafter_dataset.engine.state_layout import (
    DTYPES,
    FLAGS,
    INTEGERS,
    NUMBERS,
    PAIRS,
    shapes_of,
)
from crafter_dataset.engine.tiles import tiles_of_table
from crafter_dataset.schemas.arguments import as_integer
from crafter_dataset.schemas.layout import TERMINATED, TIME_LIMIT

_HEALTH = ITEMS.index("health")

_SIGNATURE = b"crafter-dataset state\n"
_LENGTH_BYTES = 8


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
        for name in DTYPES:
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
        names = (*PAIRS, *INTEGERS, *NUMBERS, *FLAGS)
        entries: dict[str, Any] = {"version": self.VERSION}
        entries |= {name: getattr(self, name) for name in names}
        entries |= {"objects": len(self.objects), "chunks": len(self.chunks)}
        document = json.dumps(entries, default=int).encode()
        arrays = (
            getattr(self, name).astype(dtype, copy=False).tobytes()
            for name, dtype in DTYPES.items()
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
        if not isinstance(content, bytes) or not content.startswith(_SIGNATURE):
            raise unexpected("bytes of a CrafterState", shown(content))
        start = len(_SIGNATURE) + _LENGTH_BYTES
        end = start + int.from_bytes(content[len(_SIGNATURE) : start], "little")
        try:
            entries = json.loads(content[start:end])
        except (ValueError, RecursionError) as error:
            raise unexpected("a JSON document at its beginning", "none") from error
        if not isinstance(entries, dict) or as_integer(entries.get("version")) != cls.VERSION:
            found = entries.get("version") if isinstance(entries, dict) else entries
            raise unexpected(f"version {cls.VERSION}", shown(found))
        given: dict[str, Any] = {name: pair(name, entries.get(name)) for name in PAIRS}
        given |= {name: entries.get(name) for name in (*INTEGERS, *NUMBERS, *FLAGS)}
        cells = math.prod(given["area"])
        objects = integer("objects", entries.get("objects"), 1, cells)
        chunks = integer("chunks", entries.get("chunks"), 1, cells)
        for name, shape in shapes_of(given["area"], given["size"], objects, chunks).items():
            dtype = DTYPES[name]
            size = math.prod(shape) * dtype.itemsize
            if len(content) - end < size:
                raise unexpected(f"{size} bytes of {name}", f"{max(len(content) - end, 0)}")
            values = np.frombuffer(content, dtype, math.prod(shape), end)
            given[name] = values.reshape(shape)
            end += size
        if end != len(content):
            raise unexpected(f"{end} bytes", f"{len(content)}")
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
        check(self)

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


def _worded(value: Any) -> str:
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)


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
        raise unexpected("a CrafterState", type(state).__name__)
    for name, expected in settings.items():
        found = getattr(state, name)
        if type(found) is not type(expected) or found != expected:
            raise unexpected(f"{name} {_worded(expected)}", _worded(found))
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


def show(state: CrafterState, seen: Seen, row: int) -> None:
    """Write what is seen in a state into a row.

    Parameters
    ----------
    state : CrafterState
        The state.
    seen : Seen
        Where to write; it has all fields, but maybe not what pictures are drawn from.
    row : int
        Number of the row.
    """
    objects = state.objects
    seen.frames[row] = state.frame.reshape(-1)
    semantic = state.materials.copy()
    semantic[objects["x"], objects["y"]] = len(MATERIALS) + objects["kind"]
    seen.semantic[row] = semantic.reshape(-1)
    seen.positions[row] = objects["x"][0], objects["y"][0]
    seen.inventory[row] = state.inventory
    seen.achievements[row] = state.achievements.astype(np.uint16)
    seen.daylight[row] = state.daylight
    if len(seen.tiles):
        tiles = tiles_of_table(state.materials, objects, state.sleeping, local_view(state.view))
        seen.tiles[row] = tiles.reshape(-1)
    if len(seen.sleeping):
        seen.sleeping[row] = state.sleeping
    if len(seen.random_words):
        seen.random_words[row] = UNKNOWN_WORDS
