"""Digests of content: of an episode's rows, and of a whole dataset.

Neither depends on codec, chunk length, container, or where rows lie.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from crafter_dataset.schemas.layout import FRAME_FIELDS, TABLE_FIELDS
from crafter_dataset.schemas.metadata import Metadata

TableReader = Callable[[str, int, int], NDArray[Any]]

_BLOCK = 1024

_STORED = {name: np.dtype(f.dtype).newbyteorder("<") for name, f in FRAME_FIELDS.items()}
"""Types in which the rows of each field are digested."""


def _little_endian(array: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<"))


class EpisodeHasher:
    """Computes the digest of one episode from its rows as they come.

    Each field's rows (little-endian, C order) go into an XXH3-128 of their
    own; the episode's digest is the XXH3-128 of those digests (canonical
    big-endian form), one after the other in layout order, then those of a
    policy's own fields, in theirs. So rows can be
    hashed as they are made; no field has to wait for another to be complete.

    Parameters
    ----------
    fields : iterable of str
        Names of the digested per-frame fields, in order.
    """

    def __init__(self, fields: Iterable[str]) -> None:
        self._hashers = {name: xxhash.xxh3_128() for name in fields}
        self._counts = dict.fromkeys(self._hashers, 0)

    def update(self, rows: Mapping[str, NDArray[Any]]) -> None:
        """Take the next rows of some fields; those that are not digested are ignored.

        Parameters
        ----------
        rows : mapping of str to ndarray
            The next rows by field name, of shape (rows, ...).
        """
        for name, values in rows.items():
            if name in self._hashers:
                self._counts[name] += len(values)
                stored = _STORED.get(name, values.dtype.newbyteorder("<"))
                self._hashers[name].update(np.ascontiguousarray(values, stored).data)

    def digest(self) -> NDArray[np.uint8]:
        """Return the digest of the rows so far, shape (16,), uint8.

        Raises
        ------
        ValueError
            If the fields have had different numbers of rows.
        """
        if len(set(self._counts.values())) > 1:
            raise ValueError(f"rows: expected as many of every field, found {self._counts}")
        whole = xxhash.xxh3_128()
        for hasher in self._hashers.values():
            whole.update(hasher.digest())
        return np.frombuffer(whole.digest(), np.uint8)


def digested_table(metadata: Metadata) -> tuple[str, ...]:
    """Return the names of the per-episode arrays that the dataset's digest covers, in layout order.

    Parameters
    ----------
    metadata : Metadata
        Metadata of the dataset.
    """
    return tuple(f.name for f in metadata.table_fields() if f.digested)


def dataset_digest(metadata: Metadata, read: TableReader) -> str:
    """Return the SHA-256 of a dataset's content, as 64 hexadecimal characters.

    The hash takes the header as canonical JSON (sorted keys, no spaces,
    ASCII), then for each episode in order its length (int64), end reason
    (uint8), world seed (int64), terrain (uint8, C order), digest (16 bytes)
    and whatever further per-episode arrays there are, in layout order, all
    little-endian.

    Parameters
    ----------
    metadata : Metadata
        Metadata of the dataset, with the number of episodes.
    read : callable
        `read(field, start, stop)` returns rows of a per-episode array, shape (rows, ...).
    """
    text = json.dumps(metadata.header(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    sha = hashlib.sha256(text.encode("ascii"))
    names, episodes = digested_table(metadata), metadata.counts.episodes
    for start in range(0, episodes, _BLOCK):
        stop = min(start + _BLOCK, episodes)
        columns = [
            _little_endian(read(name, start, stop).astype(TABLE_FIELDS[name].dtype, copy=False))
            for name in names
        ]
        for row in zip(*columns, strict=True):
            for value in row:
                sha.update(value.tobytes())
    return sha.hexdigest()
