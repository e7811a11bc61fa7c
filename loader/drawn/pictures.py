"""What a dataset's frames are drawn with: images, daylight, and the episodes' places and seeds."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.schemas.container import Container
from crafter_dataset.schemas.errors import CorruptDataError
from crafter_dataset.schemas.layout import FRAME_FIELDS, PICTURE_FIELDS, TABLE, TABLE_FIELDS, Field
from crafter_dataset.schemas.metadata import Metadata

if TYPE_CHECKING:
    from crafter_dataset.engine.draw import Drawer
    from crafter_dataset.loader.drawn.room import Rooms

_RECORDED = ("tiles", "inventory", "sleeping", "random_words")
"""Fields that a frame is drawn from."""


class Pictures:
    """Reads what all frames of a dataset are drawn with, when it is first needed.

    Parameters
    ----------
    container : Container
        The dataset.
    metadata : Metadata
        Its metadata.

    Attributes
    ----------
    chunk_frames, anchor_words : int
        Rows of a chunk, and numbers of a row of `anchors`.
    row_shapes : dict of str to tuple of int
        Shape of a row of each field that a frame is drawn from.
    """

    def __init__(self, container: Container, metadata: Metadata) -> None:
        self._container, self._metadata = container, metadata
        self.chunk_frames = metadata.chunk_frames
        sizes = metadata.sizes()
        self.anchor_words = sizes["word"]
        self.row_shapes = {name: FRAME_FIELDS[name].row_shape(sizes) for name in _RECORDED}

    @functools.cached_property
    def drawer(self) -> Drawer:
        """What draws."""
        from crafter_dataset.engine.draw import Drawer

        env = self._metadata.env
        return Drawer(self._arrays, env.area, env.view, env.size, self.chunk_frames)

    @functools.cached_property
    def daylight(self) -> NDArray[np.float64]:
        """Daylight at each step of an episode, shape (steps,)."""
        return self._arrays["daylight"]

    @functools.cached_property
    def starts(self) -> NDArray[np.int64]:
        """First row of each episode, shape (episodes,), ascending."""
        starts = self._column("starts")
        if (starts[1:] <= starts[:-1]).any() or (starts % self.chunk_frames).any():
            raise CorruptDataError(f"{TABLE}/starts: expected ascending first rows of chunks")
        return starts

    @functools.cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Rows of each episode, shape (episodes,)."""
        return self._column("lengths")

    @functools.cached_property
    def ends(self) -> NDArray[np.int64]:
        """Row after the last of each episode, shape (episodes,)."""
        return self.starts + self.lengths

    @functools.cached_property
    def rooms(self) -> Rooms:
        """Room for batches."""
        from crafter_dataset.loader.drawn.room import Rooms

        return Rooms(self.row_shapes)

    @functools.cached_property
    def seeds(self) -> NDArray[np.int64]:
        """Seed of each episode's world, shape (episodes,)."""
        return self._column("world_seeds")

    def _column(self, name: str) -> NDArray[np.int64]:
        return _read_whole(self._container, TABLE_FIELDS[name], self._metadata)

    @functools.cached_property
    def _arrays(self) -> dict[str, NDArray[Any]]:
        return read_pictures(self._container, self._metadata)


def read_pictures(container: Container, metadata: Metadata) -> dict[str, NDArray[Any]]:
    """Read what all frames of a dataset are drawn with.

    Parameters
    ----------
    container : Container
        The dataset.
    metadata : Metadata
        Its metadata.

    Returns
    -------
    dict of str to ndarray
        Each of `schemas.layout.PICTURE_FIELDS`, by name.

    Raises
    ------
    CorruptDataError
        If stored bytes are missing or fail their checksum, or are not what pictures are drawn with.
    """
    return {field.name: _read_whole(container, field, metadata) for field in PICTURE_FIELDS}


def _read_whole(container: Container, field: Field, metadata: Metadata) -> NDArray[Any]:
    """Read all rows of an array; refuse other shapes, types and numbers than the layout's."""
    shape = (metadata.rows_of(field), *field.row_shape(metadata.sizes()))
    rows = container.read(field.path, 0, shape[0])
    if rows.shape != shape or rows.dtype != np.dtype(field.dtype):
        raise CorruptDataError(
            f"{field.path}: expected shape {shape} of {field.dtype}, found {rows.shape} of "
            f"{rows.dtype}"
        )
    low, high = field.low, metadata.highest(field.high)
    # A NaN is on neither side.
    if not ((low is None or (rows >= low).all()) and (high is None or (rows <= high).all())):
        raise CorruptDataError(f"{field.path}: expected numbers from {low} to {high}, found others")
    return rows
