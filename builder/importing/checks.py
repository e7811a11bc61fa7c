"""Arrays of other formats as arrays of ours: value for value, or refused."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.builder.importing.foreign import ForeignError, foreign_metadata
from crafter_dataset.schemas.errors import ArgumentError
from crafter_dataset.schemas.layout import FRAME_FIELDS, LONGEST
from crafter_dataset.schemas.metadata import Metadata

MOST_BYTES = 2**32
"""Bytes of an array of one episode, at most: it is read whole, and kilobytes can hold any size."""


def require_room(nbytes: int, where: str) -> None:
    """Refuse an array that no episode needs, before it takes the memory.

    Parameters
    ----------
    nbytes : int
        Bytes of the array.
    where : str
        File and array, for the message.

    Raises
    ------
    ForeignError
        If it is too large.
    """
    if nbytes > MOST_BYTES:
        raise ForeignError(
            f"{where}: expected at most {MOST_BYTES} bytes of an episode, found {nbytes}"
        )


def describe(
    where: Path,
    *,
    size: tuple[int, int],
    longest: int,
    fields: Collection[str] = (),
    episode_fields: Collection[str] = (),
    unknown: Collection[str] = (),
    area: tuple[int, int] | None = None,
    length: int | None = None,
) -> Metadata:
    """Describe a source with `foreign_metadata`, its time limit no shorter than its episodes.

    Parameters
    ----------
    where : Path
        The source, for messages.
    size : tuple of int
        Picture (width, height), in pixels.
    longest : int
        Actions of its longest episode.
    fields, episode_fields, unknown : collection of str
        As for `foreign_metadata`.
    area : tuple of int, optional
        World (x, y), in cells.
    length : int, optional
        Time limit, in actions.

    Raises
    ------
    ForeignError
        If the format cannot hold pictures of that size or episodes that long, or memory
        episodes of such pictures.
    """
    if longest > LONGEST:
        raise ForeignError(f"{where}: expected at most {LONGEST} actions, found {longest}")
    require_room((longest + 1) * size[0] * size[1] * 3, f"{where}: pictures")
    try:
        metadata = foreign_metadata(
            size=size,
            fields=fields,
            episode_fields=episode_fields,
            unknown=unknown,
            area=area,
            length=length,
        )
    except ArgumentError as error:
        raise ForeignError(f"{where}: {error}") from error
    if longest <= metadata.env.length:
        return metadata
    return replace(metadata, env=replace(metadata.env, length=longest))


def convert(
    name: str, values: NDArray[Any], rows: int, metadata: Metadata, where: str
) -> NDArray[Any]:
    """Return an array in the dtype of a field, if that can hold every value.

    Parameters
    ----------
    name : str
        Per-frame field.
    values : ndarray, shape (rows, ...)
        Rows of the field, of any dtype of numbers; frames must be uint8.
    rows : int
        Rows that there must be.
    metadata : Metadata
        Of the dataset to be written.
    where : str
        File and array, for messages.

    Returns
    -------
    ndarray, shape (rows, ...)
        Of the field's dtype; the same array if it has that already.

    Raises
    ------
    ForeignError
        If the shape or dtype is another, or a value is out of the field's range.
    """
    field = FRAME_FIELDS[name]
    shape = (rows, *field.row_shape(metadata.sizes()))
    if values.shape != shape:
        raise ForeignError(f"{where}: expected shape {shape}, found {values.shape}")
    pictures = name == "frames"
    if values.dtype != np.uint8 if pictures else values.dtype.kind not in "biuf":
        wanted = "uint8" if pictures else "numbers"
        raise ForeignError(f"{where}: expected {wanted}, found {values.dtype}")
    if pictures:
        return values
    dtype = np.dtype(field.dtype)
    low, high = _limits(name, metadata)
    with np.errstate(all="ignore"):
        converted = values.astype(dtype, copy=False)
        wrong = (values < low) | (values > high)
        if values.dtype.kind == "f":
            wrong |= ~np.isfinite(converted if dtype.kind == "f" else values)
            if dtype.kind != "f":
                wrong |= values != np.trunc(values)
    if wrong.any():
        kind = "numbers" if dtype.kind == "f" else "integers"
        bounds = " x ".join(
            f"{bottom:g} to {top:g}"
            for bottom, top in zip(np.atleast_1d(low), np.atleast_1d(high), strict=False)
        )
        raise ForeignError(f"{where}: expected {kind} from {bounds}, found {values[wrong][0]}")
    return converted


def _limits(name: str, metadata: Metadata) -> tuple[Any, Any]:
    """Return the lowest and the highest value of a field; of positions, for each axis."""
    field = FRAME_FIELDS[name]
    dtype = np.dtype(field.dtype)
    if dtype.kind == "b":
        return 0, 1
    info = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
    if name == "positions":
        return np.zeros(2, np.int64), np.array(metadata.env.area) - 1
    high = metadata.highest(field.high)
    return info.min if field.low is None else field.low, info.max if high is None else high


def check_ends(flags: Mapping[str, NDArray[np.bool_]], where: str) -> None:
    """Refuse an episode that goes on after its end.

    Parameters
    ----------
    flags : mapping of str to ndarray, shape (T,), bool
        Whether each action ended the episode, in one or more ways.
    where : str
        File or episode, for messages.

    Raises
    ------
    ForeignError
        If an action before the last one ended the episode.
    """
    for name, values in flags.items():
        early = np.flatnonzero(values[:-1])
        if len(early):
            raise ForeignError(
                f"{where}: expected an end at the last of {len(values)} actions only, "
                f"found {name} at action {early[0]}"
            )
