"""The layout as Zarr v3 metadata documents, and the names of its files.

The documents are plain functions of the dataset's metadata, so the same
dataset has the same files whatever the version of zarr-python.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from schemas.codecs import ChunkCodec
from schemas.layout import FRAME_FIELDS, TABLE, TABLE_FIELDS, Field
from schemas.metadata import ATTRIBUTE, PROVENANCE, Metadata

DOCUMENT = "zarr.json"


def chunk_file(field: Field, index: int) -> str:
    """Name of an array's `index`-th file, relative to the array's folder."""
    return ".".join(["c", str(index)] + ["0"] * (len(field.dims) - 1))


def present_fields(metadata: Metadata) -> Iterator[Field]:
    """Yield the arrays that the dataset holds, in layout order."""
    yield from (f for f in FRAME_FIELDS.values() if f.name in metadata.fields)
    yield from TABLE_FIELDS.values()


def array_document(field: Field, metadata: Metadata) -> dict[str, Any]:
    """Zarr metadata of one array, with as many rows as are committed."""
    sizes, counts = metadata.sizes(), metadata.counts
    rest = list(field.row_shape(sizes))
    dtype = np.dtype(field.dtype)
    codecs = ChunkCodec.parse(metadata.codec).documents(dtype)
    if field.sharded:
        codecs = [
            {
                "name": "sharding_indexed",
                "configuration": {
                    "chunk_shape": [metadata.chunk_frames, *rest],
                    "codecs": codecs,
                    "index_codecs": [
                        {"name": "bytes", "configuration": {"endian": "little"}},
                        {"name": "crc32c"},
                    ],
                    "index_location": "end",
                },
            }
        ]
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": [counts.episodes if field.per_episode else counts.rows, *rest],
        "data_type": field.dtype,
        "chunk_grid": {
            "name": "regular",
            "configuration": {
                "chunk_shape": [field.file_rows(sizes, metadata.chunk_frames), *rest]
            },
        },
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "."}},
        "fill_value": dtype.type(field.fill).item(),
        "codecs": codecs,
        "attributes": {"description": field.about},
        "dimension_names": list(field.dims),
        "storage_transformers": [],
    }


def table_document() -> dict[str, Any]:
    """Zarr metadata of the group of per-episode arrays."""
    return {"zarr_format": 3, "node_type": "group", "attributes": {}}


def root_document(metadata: Metadata, provenance: dict[str, Any]) -> dict[str, Any]:
    """Zarr metadata of the root group, with that of every array consolidated in it.

    Because it holds all shapes as well as the counts, replacing this one file
    moves zarr-python and xarray from one committed state to the next at once.
    """
    table = table_document()
    table["consolidated_metadata"] = {"kind": "inline", "must_understand": False, "metadata": {}}
    members = {TABLE: table} | {
        f.path: array_document(f, metadata) for f in present_fields(metadata)
    }
    return {
        "zarr_format": 3,
        "node_type": "group",
        "attributes": {ATTRIBUTE: metadata.to_json(), PROVENANCE: provenance},
        "consolidated_metadata": {
            "kind": "inline",
            "must_understand": False,
            "metadata": members,
        },
    }


def to_bytes(document: dict[str, Any]) -> bytes:
    """Serialise a metadata document."""
    return json.dumps(document, indent=2).encode() + b"\n"
