"""The layout as Zarr v3 metadata documents, and the names of its files.

The documents are plain functions of the dataset's metadata, so the same
dataset has the same files whatever the version of zarr-python.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from crafter_dataset.schemas.codecs import ChunkCodec
from crafter_dataset.schemas.entries import ATTRIBUTE, PROVENANCE
from crafter_dataset.schemas.errors import CodecError
from crafter_dataset.schemas.layout import Field, groups_of
from crafter_dataset.schemas.metadata import Metadata

DOCUMENT = "zarr.json"


def chunk_file(field: Field, index: int) -> str:
    """Return the name of one of an array's files, relative to the array's folder.

    Parameters
    ----------
    field : Field
        The array.
    index : int
        Number of the file, from 0.
    """
    return chunk_name(len(field.dims), index)


def chunk_name(axes: int, index: int) -> str:
    """Return the name of one of an array's files, relative to the array's folder.

    Parameters
    ----------
    axes : int
        Number of the array's axes.
    index : int
        Number of the file, from 0.
    """
    return ".".join(["c", str(index)] + ["0"] * (axes - 1))


def compression_of_codecs(documents: Any) -> str | None:
    """Return what a chain of codecs compresses with, if `codecs.decode_into` can undo it.

    Parameters
    ----------
    documents : list of dict
        The chain as Zarr v3 metadata.

    Returns
    -------
    str or None
        `zstd`, `blosc` or `none`; None for any other chain.
    """
    try:
        first, *middle, last = documents
        if first["name"] != "bytes" or last["name"] != "crc32c" or len(middle) > 1:
            return None
        if (first.get("configuration") or {}).get("endian", "little") != "little":
            return None
        name = str(middle[0]["name"]) if middle else "none"
    except (TypeError, ValueError, KeyError, AttributeError):
        return None
    return name if name in ("zstd", "blosc", "none") else None


def array_document(field: Field, metadata: Metadata) -> dict[str, Any]:
    """Return the Zarr metadata of one array, with as many rows as are committed.

    Parameters
    ----------
    field : Field
        The array.
    metadata : Metadata
        Metadata of the dataset.

    Returns
    -------
    dict
        The document, as JSON values.

    Raises
    ------
    CodecError
        If the metadata's codec is not one for Zarr.
    """
    sizes = metadata.sizes()
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
        "shape": [metadata.rows_of(field), *rest],
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


def document_violations(
    field: Field, metadata: Metadata, document: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    """Check an array's document against the rules for Zarr.

    What the format leaves open is not checked: rows of a file, the compressor and its level.

    Parameters
    ----------
    field : Field
        The array.
    metadata : Metadata
        Metadata of the dataset.
    document : dict
        Zarr v3 metadata of the array, as JSON values.

    Yields
    ------
    tuple of str
        What is expected and what was found, for each rule that is broken.
    """
    try:
        model = array_document(field, metadata)
    except CodecError as error:
        yield "a codec for a Zarr group", str(error)
        return
    for key in ("chunk_key_encoding", "fill_value"):
        if document.get(key) != model[key]:
            yield f"{key} {model[key]}", str(document.get(key))
    rest = list(field.row_shape(metadata.sizes()))
    try:
        outer = document["chunk_grid"]["configuration"]["chunk_shape"]
        codecs = document["codecs"]
        if outer[1:] != rest:
            yield f"chunks that span {rest}", str(outer[1:])
        if field.sharded:
            if codecs[0]["name"] != "sharding_indexed" or len(codecs) != 1:
                yield "the codec sharding_indexed alone", _names(codecs)
                return
            sharding = codecs[0]["configuration"]
            if sharding["chunk_shape"] != [metadata.chunk_frames, *rest]:
                yield f"chunks of {[metadata.chunk_frames, *rest]}", str(sharding["chunk_shape"])
            if _names(sharding["index_codecs"]) != "bytes, crc32c":
                yield "index codecs bytes, crc32c", _names(sharding["index_codecs"])
            codecs = sharding["codecs"]
        if _names(codecs) not in _CHAINS:
            yield "codecs bytes, at most one of zstd and blosc, crc32c", _names(codecs)
    except (KeyError, TypeError, IndexError, AttributeError):
        yield "a chunk grid and codecs", "a document without"


_CHAINS = ("bytes, crc32c", "bytes, zstd, crc32c", "bytes, blosc, crc32c")


def _names(codecs: list[dict[str, Any]]) -> str:
    return ", ".join(str(codec["name"]) for codec in codecs)


def group_document() -> dict[str, Any]:
    """Return the Zarr metadata of a group of arrays, as JSON values."""
    return {"zarr_format": 3, "node_type": "group", "attributes": {}}


def root_document(metadata: Metadata, provenance: dict[str, Any]) -> dict[str, Any]:
    """Return the Zarr metadata of the root group, with that of every array consolidated in it.

    Because it holds all shapes as well as the counts, replacing this one file
    moves zarr-python and xarray from one committed state to the next at once.

    Parameters
    ----------
    metadata : Metadata
        Metadata of the dataset.
    provenance : dict
        Where the dataset comes from, as JSON values.

    Returns
    -------
    dict
        The document, as JSON values.

    Raises
    ------
    CodecError
        If the metadata's codec is not one for Zarr.
    """
    fields = metadata.present_fields()
    group = {**group_document(), "consolidated_metadata": consolidated({})}
    members = dict.fromkeys(groups_of(fields), group)
    members |= {f.path: array_document(f, metadata) for f in fields}
    return {
        "zarr_format": 3,
        "node_type": "group",
        "attributes": {ATTRIBUTE: metadata.to_json(), PROVENANCE: provenance},
        "consolidated_metadata": consolidated(members),
    }


def consolidated(members: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a group's document that holds those of its members.

    Parameters
    ----------
    members : dict of str to dict
        Documents by path.
    """
    return {"kind": "inline", "must_understand": False, "metadata": members}


def to_bytes(document: dict[str, Any]) -> bytes:
    """Serialise a metadata document as UTF-8 JSON.

    Parameters
    ----------
    document : dict
        The document, as JSON values.
    """
    return json.dumps(document, indent=2).encode() + b"\n"
