"""The layout as an HDF5 file: the filters of its chunks, and how many rows a chunk has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from crafter_dataset.schemas.codecs import ChunkCodec
from crafter_dataset.schemas.entries import ATTRIBUTE, PROVENANCE
from crafter_dataset.schemas.errors import CodecError
from crafter_dataset.schemas.layout import Field
from crafter_dataset.schemas.metadata import Metadata

SIGNATURE = b"\x89HDF\r\n\x1a\n"
"""The first bytes of an HDF5 file."""

SUFFIXES = (".h5", ".hdf5", ".hdf")
"""Endings of the names of HDF5 files."""

DEFAULT_CODEC = "gzip:3"
"""The default codec, which every HDF5 reader reads without a plugin."""

DIMENSIONS = "dimension_names"
DESCRIPTION = "description"

CHUNK_ROWS = 4096
"""Rows of a chunk of small per-frame arrays, at most."""

TABLE_CHUNK_BYTES = 2**18
"""Bytes of a chunk of a per-episode array, at most (but always one row)."""

DEFLATE, FLETCHER32, BLOSC, ZSTD = 1, 3, 32001, 32015
"""Numbers of HDF5's own filters, and of the registered ones."""

_BLOSC_CODES = {"lz4": 1, "zstd": 5}


def is_hdf5(path: Path) -> bool:
    """Tell whether a path names an HDF5 file; else it is the folder of a Zarr group.

    Parameters
    ----------
    path : Path
        The dataset.
    """
    return path.suffix.lower() in SUFFIXES


@dataclass(frozen=True)
class Filter:
    """One filter of the pipeline.

    Parameters
    ----------
    number : int
        Registered number.
    name : str
        Registered name.
    values : tuple of int
        Parameters (client data), as the filter defines them.
    """

    number: int
    name: str
    values: tuple[int, ...] = ()


def chunk_rows(field: Field, metadata: Metadata) -> int:
    """Return how many rows of an array are compressed together.

    Parameters
    ----------
    field : Field
        The array.
    metadata : Metadata
        Metadata of the dataset.
    """
    if field.sharded:
        return metadata.chunk_frames
    if field.fixed:
        return metadata.rows_of(field)
    if field.extra:
        return min(CHUNK_ROWS, field.file_rows(metadata.sizes(), metadata.chunk_frames))
    if not field.per_episode:
        return CHUNK_ROWS
    return max(1, min(CHUNK_ROWS, TABLE_CHUNK_BYTES // field.row_bytes(metadata.sizes())))


def filters_of(field: Field, metadata: Metadata) -> tuple[Filter, ...]:
    """Return the pipeline of an array's chunks: compression, then a checksum.

    Parameters
    ----------
    field : Field
        The array.
    metadata : Metadata
        Metadata of the dataset.

    Returns
    -------
    tuple of Filter
        In the order in which they are applied.

    Raises
    ------
    CodecError
        If the metadata's codec is not one that the format allows in HDF5.
    """
    codec = ChunkCodec.parse(metadata.codec)
    checksum = Filter(FLETCHER32, "fletcher32")
    if codec.name == "gzip":
        return Filter(DEFLATE, "deflate", (codec.level,)), checksum
    if codec.name == "zstd":
        return Filter(ZSTD, "zstd", (codec.level,)), checksum
    if codec.name == "none":
        raise CodecError("codec", f"expected a compression, as HDF5 needs, found {codec}")
    # Version of the filter, of the format; element size, chunk size, level, no shuffling.
    chunk_bytes = chunk_rows(field, metadata) * field.row_bytes(metadata.sizes())
    itemsize = np.dtype(field.dtype).itemsize
    code = _BLOSC_CODES[codec.name.removeprefix("blosc-")]
    return Filter(BLOSC, "blosc", (2, 2, itemsize, chunk_bytes, codec.level, 0, code)), checksum


def compression_of_filters(numbers: tuple[int, ...]) -> str | None:
    """Return what a pipeline of filters compresses with, if `codecs.decode_into` can undo it.

    Parameters
    ----------
    numbers : tuple of int
        Registered numbers of the filters, in the order in which they are applied.

    Returns
    -------
    str or None
        `gzip`, `zstd` or `blosc`; None for any other pipeline.
    """
    names: dict[tuple[int, ...], str] = {(DEFLATE, FLETCHER32): "gzip"}
    names |= {(ZSTD, FLETCHER32): "zstd", (BLOSC, FLETCHER32): "blosc"}
    return names.get(numbers)


def root_attributes(metadata: Metadata, provenance: dict[str, Any]) -> dict[str, str]:
    """Return the attributes of the root: JSON texts of what are objects in Zarr.

    Parameters
    ----------
    metadata : Metadata
        Metadata of the dataset.
    provenance : dict
        Where the dataset comes from, as JSON values.

    Returns
    -------
    dict of str to str
        JSON texts by attribute name.
    """
    return {ATTRIBUTE: _to_json(metadata.to_json()), PROVENANCE: _to_json(provenance)}


def array_attributes(field: Field) -> dict[str, str | tuple[str, ...]]:
    """Return the attributes of an array: the names of its dimensions and its description.

    Parameters
    ----------
    field : Field
        The array.
    """
    return {DIMENSIONS: field.dims, DESCRIPTION: field.about}


def fill_of(field: Field) -> Any:
    """Return the fill value of an array, as a NumPy scalar of its type.

    Parameters
    ----------
    field : Field
        The array.
    """
    return np.dtype(field.dtype).type(field.fill)


def violations(
    field: Field, metadata: Metadata, rows: int, numbers: tuple[int, ...]
) -> Iterator[tuple[str, str]]:
    """Check an array's chunks and filters against the rules.

    Parameters
    ----------
    field : Field
        The array.
    metadata : Metadata
        Metadata of the dataset.
    rows : int
        Rows of a chunk; 0 if chunks do not span the other dimensions.
    numbers : tuple of int
        Registered numbers of the filters, in the order in which they are applied.

    Yields
    ------
    tuple of str
        What is expected and what was found, for each rule that is broken.
    """
    if field.sharded and rows != metadata.chunk_frames:
        yield f"chunks of {metadata.chunk_frames} rows", f"{rows}"
    if compression_of_filters(numbers) is None:
        yield "one of deflate, zstd and blosc, then fletcher32", f"filters {list(numbers)}"


def _to_json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
