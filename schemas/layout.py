"""The one declarative layout: every array of a dataset, once.

Creation, validation, the format page and the test data are all derived from
`FIELDS`; nothing else in the project repeats a dtype, a shape or a range.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

from crafter_dataset.schemas.arithmetic import Count, round_up

FORMAT_VERSION = "1.3"
"""The newest version of the format that this software knows."""

BUILT_VERSION = "1.0"
"""The version that a dataset states if it has nothing of a later one, as most that are built."""

TABLE = "episodes"
"""Name of the group that holds one row per episode."""

PICTURES = "pictures"
"""Name of the group that holds what all pictures are drawn with."""

STORED, DRAWN, BOTH = PICTURE_CHOICES = ("stored", "drawn", "both")
"""Whether a dataset stores its frames, or what they are drawn from, or both."""

ANCHORS = "anchors"
"""Name of the per-frame array whose rows hold a record for each chunk."""

ANCHOR_WORDS = 5 + 624
"""Numbers that `anchors` holds for a chunk; see `docs/format.md`."""

FILE_ROWS = 16_384
"""Rows of a per-frame array that one file holds, at most."""

MOST_CHUNK_FRAMES = 16_384
"""Frames that are compressed together, at most."""

LONGEST = 65_535
"""Actions of an episode, at most: the greatest time limit."""

MOST_SIDE = 32_767
"""Cells or pixels along one side of a world, a view or a picture, at most."""

EXTRA_FILE_BYTES = 2**20
"""Uncompressed bytes of a field of the policy's that one file holds, at most (but always a row)."""

TABLE_FILE_ROWS = 65_536
"""Rows of a per-episode array that one file holds, at most."""

FRAME_FILE_BYTES = 2**28
TABLE_FILE_BYTES = 2**22
"""Uncompressed bytes that one file holds, at most (but always one chunk)."""

MOST_CHUNK_BYTES = 2**30
"""Bytes of a chunk before compression, at most."""

END_REASONS = ("unknown", "terminated", "time_limit", "cut")
"""Names of the codes in `episodes/end_reasons`; a code is an index into them."""

UNKNOWN, TERMINATED, TIME_LIMIT, CUT = range(4)


@dataclass(frozen=True)
class Field:
    """One array of the dataset.

    Parameters
    ----------
    name : str
        Name of the array inside its group.
    dtype : str
        NumPy name of the element type.
    dims : tuple of str
        Dimension names. The first is `frame` (a row per frame) or `episode`.
    about : str
        One line of description.
    fill : int or float or bool
        Value on rows that belong to no episode.
    low, high : float or str, optional
        Inclusive range of valid values. A string names a list in the metadata,
        and stands for the last index into it.
    optional : bool
        Whether a dataset may leave the field out.
    sharded : bool
        Whether many chunks share a file; else each chunk is a file.
    digested : bool
        Whether the field's rows count in the digest of the episode, or of the dataset.
    rare : bool
        Whether only datasets that were imported, merged or split off others have it, or mixtures.
    large : bool
        Whether a row per episode is too large to read all of them at once.
    extra : bool
        Whether it is a field of the policy's, which the metadata describes: it may hold anything.
    drawn : bool
        Whether pictures are drawn from it; only datasets that have them drawn have it.
    spread : bool
        Whether the rows of a chunk hold one record, which is spread over them and over padding.
    """

    name: str
    dtype: str
    dims: tuple[str, ...]
    about: str
    fill: int | float | bool = 0
    low: float | None = None
    high: float | str | None = None
    optional: bool = False
    sharded: bool = False
    digested: bool = True
    rare: bool = False
    large: bool = False
    extra: bool = False
    drawn: bool = False
    spread: bool = False

    @property
    def per_frame(self) -> bool:
        """Whether the array has a row per frame."""
        return self.dims[0] == "frame"

    @property
    def per_episode(self) -> bool:
        """Whether the array has a row per episode."""
        return self.dims[0] == "episode"

    @property
    def fixed(self) -> bool:
        """Whether the array has as many rows from the beginning as it ever has."""
        return not (self.per_frame or self.per_episode)

    @property
    def image(self) -> bool:
        """Whether each row is an image or a map."""
        return self.per_frame and len(self.dims) > 2 and not self.extra

    @property
    def group(self) -> str:
        """Path of the group that the array is in; empty for the root."""
        return "" if self.per_frame else TABLE if self.per_episode else PICTURES

    @property
    def path(self) -> str:
        """Path of the array inside the dataset."""
        return f"{self.group}/{self.name}" if self.group else self.name

    def row_shape(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """Return the shape of one row.

        Parameters
        ----------
        sizes : mapping of str to int
            Size of each named dimension.
        """
        return tuple(sizes[dim] for dim in self.dims[1:])

    def row_bytes(self, sizes: Mapping[str, int]) -> int:
        """Return the bytes of one row before compression.

        Parameters
        ----------
        sizes : mapping of str to int
            Size of each named dimension.
        """
        return prod(self.row_shape(sizes)) * np.dtype(self.dtype).itemsize

    def file_rows(self, sizes: Mapping[str, int], chunk_frames: int) -> int:
        """Return how many rows one file of this array holds.

        Parameters
        ----------
        sizes : mapping of str to int
            Size of each named dimension.
        chunk_frames : int
            Rows of a chunk of images.
        """
        row_bytes = self.row_bytes(sizes)
        if self.fixed:
            return sizes[self.dims[0]]
        if self.per_episode:
            return max(1, min(TABLE_FILE_ROWS, TABLE_FILE_BYTES // row_bytes))
        if self.extra:
            return max(1, min(FILE_ROWS, EXTRA_FILE_BYTES // row_bytes))
        if not self.sharded:
            return FILE_ROWS
        return max(1, min(FILE_ROWS, FRAME_FILE_BYTES // row_bytes) // chunk_frames) * chunk_frames

    def chunk_rows(self, sizes: Mapping[str, int], chunk_frames: int) -> int:
        """Return how many rows are compressed together in Zarr.

        Parameters
        ----------
        sizes : mapping of str to int
            Size of each named dimension.
        chunk_frames : int
            Rows of a chunk of images.
        """
        return chunk_frames if self.sharded else self.file_rows(sizes, chunk_frames)


def _frame(
    name: str,
    dtype: str,
    dims: tuple[str, ...],
    about: str,
    drawn: bool = False,
    **rest: object,
) -> Field:
    if drawn:
        rest |= {"drawn": True, "optional": True, "digested": False}
    return Field(name, dtype, ("frame", *dims), about, **rest)  # type: ignore[arg-type]


def _picture(name: str, dtype: str, dims: tuple[str, ...], about: str, **rest: object) -> Field:
    rest |= {"drawn": True, "optional": True, "digested": False}
    return Field(name, dtype, dims, about, **rest)  # type: ignore[arg-type]


def _episode(name: str, dtype: str, dims: tuple[str, ...], about: str, **rest: object) -> Field:
    return Field(name, dtype, ("episode", *dims), about, **rest)  # type: ignore[arg-type]


FIELDS: tuple[Field, ...] = (
    _frame(
        "frames",
        "uint8",
        ("height", "width", "channel"),
        "RGB image, indexed [y, x, channel]",
        sharded=True,
    ),
    _frame(
        "actions",
        "uint8",
        (),
        "action taken at this frame; 0 on an episode's last row",
        low=0,
        high="actions",
    ),
    _frame("rewards", "float32", (), "reward that this action caused; 0 on an episode's last row"),
    _frame(
        "terminations",
        "bool",
        (),
        "this action ended the episode in the environment's own terms (death)",
        fill=False,
    ),
    _frame(
        "truncations",
        "bool",
        (),
        "this action hit the time limit, or the collection stopped here",
        fill=False,
    ),
    _frame(
        "semantic",
        "uint8",
        ("x", "y"),
        "Crafter's semantic map: ids of materials, then of objects, indexed [x, y]",
        low=1,
        high="semantic",
        optional=True,
        sharded=True,
    ),
    _frame(
        "positions", "int16", ("axis",), "player position (x, y) in cells", low=0, optional=True
    ),
    _frame(
        "inventory",
        "uint8",
        ("item",),
        "item counts, in the order of `items`",
        low=0,
        high=9,
        optional=True,
    ),
    _frame(
        "achievements",
        "uint16",
        ("achievement",),
        "times each achievement was reached so far in the episode, in the order of `achievements`",
        low=0,
        optional=True,
    ),
    _frame("daylight", "float32", (), "0 is night, 1 is day", low=0, high=1, optional=True),
    _frame(
        "tiles",
        "uint8",
        ("column", "line"),
        "what each cell of the local view shows, an index into `tiles`, indexed [x, y]",
        high="tiles",
        drawn=True,
        sharded=True,
    ),
    _frame("sleeping", "bool", (), "whether the player sleeps", fill=False, drawn=True),
    _frame(
        "random_words",
        "int64",
        (),
        "words that the world's random numbers had taken before the picture was drawn",
        low=0,
        drawn=True,
    ),
    _frame(
        ANCHORS,
        "uint32",
        ("word",),
        "of each chunk, spread over its rows: where its random numbers start, and what its "
        "pictures hash to",
        drawn=True,
        sharded=True,
        spread=True,
    ),
    _frame(
        "episode_ids",
        "int32",
        (),
        "episode that the row belongs to; -1 on padding rows",
        fill=-1,
        digested=False,
    ),
    _episode("starts", "int64", (), "first row of the episode", low=0, digested=False),
    _episode("lengths", "int64", (), "rows of the episode: T + 1 for T actions", low=1),
    _episode("returns", "float32", (), "sum of the episode's rewards", digested=False),
    _episode(
        "end_reasons",
        "uint8",
        (),
        "why the episode ended, an index into `end_reasons`",
        low=0,
        high="end_reasons",
    ),
    _episode(
        "world_seeds",
        "int64",
        (),
        "seed of the RandomState that the episode's world was made with",
        low=0,
        high=2**32 - 1,
        optional=True,
    ),
    _episode(
        "terrain",
        "uint8",
        ("x", "y"),
        "material ids at reset, before any action, indexed [x, y]",
        low=1,
        high="materials",
        optional=True,
        large=True,
    ),
    _episode("digests", "uint8", ("byte",), "digest of the episode's rows"),
    _episode(
        "final_frames",
        "bool",
        (),
        "whether the final frame was recorded; if not, the last row holds fill values",
        optional=True,
        rare=True,
    ),
    _episode(
        "numbers",
        "int64",
        (),
        "number of the episode in the build that it comes from, if that is not its id",
        low=0,
        optional=True,
        rare=True,
    ),
    _episode(
        "sources",
        "uint16",
        (),
        "build that the episode comes from, an index into `sources`",
        low=0,
        high="sources",
        optional=True,
        rare=True,
    ),
    _episode(
        "policies",
        "uint16",
        (),
        "policy that played the episode, an index into `policies`",
        low=0,
        high="policies",
        optional=True,
        rare=True,
    ),
    _picture(
        "tiles",
        "uint8",
        ("tile", "unit_y", "unit_x", "channel"),
        "image of each tile, RGB, indexed [tile, y, x, channel]",
    ),
    _picture(
        "items",
        "uint8",
        ("item", "amount", "unit_y", "unit_x", "channel"),
        "image of each item with each amount, RGB",
    ),
    _picture(
        "vignette",
        "float64",
        ("view_y", "view_x"),
        "how much the night's noise shows in each pixel of the local view",
        low=0,
        high=1,
    ),
    _picture(
        "daylight",
        "float64",
        ("step",),
        "daylight at each frame of an episode, exactly",
        low=0,
        high=1,
    ),
)

GROUPS = (TABLE, PICTURES)
"""Paths of the groups inside a dataset."""

FRAME_FIELDS: dict[str, Field] = {f.name: f for f in FIELDS if f.per_frame}
"""The arrays with a row per frame, by name, in layout order."""

TABLE_FIELDS: dict[str, Field] = {f.name: f for f in FIELDS if f.per_episode}
"""The arrays with a row per episode, by name, in layout order."""

OPTIONAL_FIELDS: tuple[str, ...] = tuple(
    f.name for f in FRAME_FIELDS.values() if f.optional and not f.drawn
)
"""Names of the per-frame arrays that a dataset may leave out."""

DRAWN_FIELDS: tuple[str, ...] = tuple(f.name for f in FRAME_FIELDS.values() if f.drawn)
"""Names of the per-frame arrays that pictures are drawn from, beside the inventory."""

PICTURE_FIELDS: tuple[Field, ...] = tuple(f for f in FIELDS if f.fixed)
"""The arrays that all pictures are drawn with, in layout order."""

BUILT_TABLE: tuple[str, ...] = tuple(f.name for f in TABLE_FIELDS.values() if not f.rare)
"""Names of the per-episode arrays of a dataset that was built, in layout order."""


def groups_of(fields: Iterable[Field]) -> list[str]:
    """Return the paths of the groups that arrays are in, but for the root.

    Parameters
    ----------
    fields : iterable of Field
        The arrays.
    """
    return list(dict.fromkeys(field.group for field in fields if field.group))


def padded_rows(length: Count, chunk_frames: int) -> Count:
    """Return how many rows an episode takes in storage: whole chunks, the last one padded.

    Parameters
    ----------
    length : int or ndarray of int
        Rows of the episode, or of several.
    chunk_frames : int
        Rows of a chunk.
    """
    return round_up(length, chunk_frames)


def digested_fields(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the per-frame fields that an episode's digest covers, in layout order.

    Parameters
    ----------
    names : tuple of str
        Names of the per-frame fields that are present.
    """
    return tuple(f.name for f in FRAME_FIELDS.values() if f.name in names and f.digested)
