"""Where the chunks of a Zarr array lie, if they can be read without zarr-python."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.loader.reading.mapped_files import MappedFiles
from crafter_dataset.loader.zarr.folder import Folder
from crafter_dataset.schemas.container import ArrayInfo, ChunkLayout
from crafter_dataset.schemas.errors import CorruptDataError
from crafter_dataset.schemas.layout import MOST_CHUNK_BYTES
from crafter_dataset.schemas.shards import MISSING
from crafter_dataset.schemas.zarr_format import compression_of_codecs


@dataclass(frozen=True)
class DirectLayout:
    """How an array's chunks lie in its files, for chunks that span whole rows.

    Parameters
    ----------
    chunks : ChunkLayout
        The chunks.
    slots : int or None
        Chunks that a shard has room for; None if each chunk is a file.
    """

    chunks: ChunkLayout
    slots: int | None

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> DirectLayout | None:
        """Read an array's Zarr v3 document; return None if the array cannot be read directly.

        Parameters
        ----------
        document : mapping of str to object
            The content of `zarr.json`, or anything else.

        Returns
        -------
        DirectLayout or None
            How its chunks lie.
        """
        try:
            return cls._parse(document)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            return None

    @classmethod
    def _parse(cls, document: Mapping[str, Any]) -> DirectLayout | None:
        shape = tuple(_size(length) for length in document["shape"])
        dtype = np.dtype(document["data_type"]).newbyteorder("<")
        grid, keys = document["chunk_grid"], document["chunk_key_encoding"]
        rows, *rest = (_size(length) for length in grid["configuration"]["chunk_shape"])
        codecs, slots = document["codecs"], None
        plain = (
            document["zarr_format"] == 3
            and document["node_type"] == "array"
            and dtype.kind in "buif"
            and grid["name"] == "regular"
            and (keys["name"], keys["configuration"]["separator"]) == ("default", ".")
            and not document.get("storage_transformers")
            and shape != ()
            and tuple(rest) == shape[1:]
            and rows > 0
        )
        if codecs[0]["name"] == "sharding_indexed":
            sharding = codecs[0]["configuration"]
            chunk_rows, *chunk_rest = (_size(length) for length in sharding["chunk_shape"])
            plain &= (
                len(codecs) == 1
                and chunk_rest == rest
                and chunk_rows > 0
                and rows % chunk_rows == 0
                and sharding.get("index_location", "end") == "end"
                and compression_of_codecs(sharding["index_codecs"]) == "none"
            )
            if not plain:
                return None
            slots, rows, codecs = rows // chunk_rows, chunk_rows, sharding["codecs"]
        compression = compression_of_codecs(codecs)
        if not plain or compression is None:
            return None
        if rows * math.prod(rest) * dtype.itemsize > MOST_CHUNK_BYTES:
            return None
        return cls(ChunkLayout(shape, dtype, rows, slots is not None, compression), slots)

    def info(self, document: Mapping[str, Any]) -> ArrayInfo:
        """Return the structure of the array.

        Parameters
        ----------
        document : mapping of str to object
            The content of `zarr.json`, which this was read from.
        """
        chunks, names = self.chunks, document.get("dimension_names")
        return ArrayInfo(
            shape=chunks.shape,
            dtype=chunks.dtype.newbyteorder("="),
            dims=tuple(str(name) for name in names) if isinstance(names, list) else None,
            chunk_rows=chunks.chunk_rows,
            file_rows=chunks.chunk_rows * (self.slots or 1),
        )


def _size(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(value)
    return value


class FileChunks:
    """The chunks of one array, in files that are mapped into memory.

    Parameters
    ----------
    root : Folder
        Folder of the group.
    path : str
        Path of the array in the group.
    layout : DirectLayout
        How its chunks lie.
    files : MappedFiles
        The open files, shared with other arrays.
    """

    def __init__(self, root: Folder, path: str, layout: DirectLayout, files: MappedFiles) -> None:
        self.name = path
        self._opened = root.open
        self.count = files.count
        self._files, self._slots = files, layout.slots
        self._prefix = f"{path}/c."
        self._suffix = ".0" * (len(layout.chunks.shape) - 1)

    def get(self, number: int) -> NDArray[np.uint8]:
        """Return a chunk as it is stored; see `StoredChunks.get`.

        Parameters
        ----------
        number : int
            Number of the chunk in the array.

        Returns
        -------
        ndarray, shape (bytes,), uint8
            Its bytes, checksum included.

        Raises
        ------
        CorruptDataError
            If it is missing.
        """
        name, slot = divmod(number, self._slots or 1)
        file = self._files.get(f"{self._prefix}{name}{self._suffix}", self._slots, self._opened)
        if file.index is None:
            return file.stored.read(0, file.stored.size)
        start, size = file.index[slot].tolist()
        if start == MISSING:
            raise CorruptDataError(f"a chunk is missing in c.{name}{self._suffix}")
        return file.stored.read(start, start + size)
