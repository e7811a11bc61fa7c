"""Writes a dataset into a Zarr v3 group, so that a kill at any moment loses nothing committed.

A commit makes the chunk files durable first, then the arrays' metadata, then
replaces the root's metadata, which holds the counts and (consolidated) every
array's shape. That last step is the commit: before it a reader sees the old
state, after it the new one.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from builder.episodes import EncodedEpisode
from builder.storage.arrays import ChunkedArray, DamagedRowError, GrowingArray, ShardedArray
from builder.storage.files import remove_partial, replace_file, sync_folder
from schemas import zarr_format
from schemas.digests import dataset_digest
from schemas.errors import CorruptDataError, MetadataError, NotADatasetError
from schemas.layout import CUT, TABLE
from schemas.metadata import Counts, Metadata


class ZarrWriter:
    """The only writer of a dataset; make one with `create` or `resume`.

    Attributes
    ----------
    metadata : Metadata
        Of the dataset, its counts those of all episodes appended so far.
    provenance : dict
        What the next commit stores under `provenance`.
    """

    def __init__(self, path: Path, metadata: Metadata, provenance: dict[str, Any]) -> None:
        self.path = path
        self.metadata = metadata
        self.provenance = provenance
        self._committed = metadata
        self._arrays: dict[str, GrowingArray] = {
            field.path: (ShardedArray if field.sharded else ChunkedArray)(
                path, field, metadata, self._retract_on_disk
            )
            for field in metadata.present_fields()
        }
        self._retracted: Metadata | None = None

    @classmethod
    def create(cls, path: Path, metadata: Metadata, provenance: dict[str, Any]) -> ZarrWriter:
        """Start an empty dataset in a folder, in the stead of all that is in it."""
        sync_folder(path.parent)
        writer = cls(path, metadata, provenance)
        # The root comes first: from here on, whenever it is killed, the folder is a dataset that
        # can be resumed, and what may be left in it of an earlier one is not part of it.
        writer._write_root()
        for child in path.iterdir():
            if child.name != zarr_format.DOCUMENT:
                _remove(child)
        writer._write_members()
        return writer

    @classmethod
    def resume(cls, path: Path) -> ZarrWriter:
        """Go on with a dataset after its last committed episode.

        Raises
        ------
        DatasetError
            If the path is no dataset, of another version, damaged, or laid
            out in a way that this software would not choose.
        """
        root = read_root(path)
        metadata = Metadata.from_attributes(root["attributes"], str(path))
        writer = cls(path, metadata, root["attributes"].get("provenance") or {})
        expected = zarr_format.root_document(metadata, {})["consolidated_metadata"]["metadata"]
        found = root.get("consolidated_metadata", {}).get("metadata", {})
        for name, document in expected.items():
            if found.get(name) != document:
                raise MetadataError(
                    f"{name}: expected the layout that this version writes, found another; "
                    f"the dataset can be read but not extended ({path})"
                )
        remove_partial(path)
        counts = metadata.counts
        # The episodes' arrays come first: they say in which episode another's damage is.
        for array in reversed(writer._arrays.values()):
            rows = counts.episodes if array.field.per_episode else counts.rows
            array.folder.mkdir(parents=True, exist_ok=True)  # if it was killed before it made them
            array.remove_beyond(rows)
            writer._restore(array, rows)
        return writer

    @property
    def committed(self) -> Metadata:
        """The metadata that a reader sees."""
        return self._committed

    @property
    def nbytes(self) -> int:
        """Bytes in the dataset's chunk files, images that are not yet committed too."""
        return sum(array.nbytes for array in self._arrays.values())

    @property
    def last_was_cut(self) -> bool:
        """Whether the last episode was cut by the collection."""
        episodes = self.metadata.counts.episodes
        return episodes > 0 and self.read_table("end_reasons", episodes - 1, episodes)[0] == CUT

    def read_table(self, name: str, start: int, stop: int) -> NDArray[Any]:
        """Read rows of a per-episode array."""
        return self._chunked(f"{TABLE}/{name}").read(start, stop)

    def append(self, episode: EncodedEpisode) -> None:
        """Add the next episode; it is part of the dataset after the next commit."""
        counts, chunk_frames = self.metadata.counts, self.metadata.chunk_frames
        stop = counts.rows + -(-episode.length // chunk_frames) * chunk_frames
        rows = episode.rows | {"episode_ids": np.full(episode.length, episode.episode, np.int32)}
        table = episode.table_row(counts.rows)
        for array in self._arrays.values():
            name = array.field.name
            if isinstance(array, ShardedArray):
                array.append(episode.chunks[name])
            elif isinstance(array, ChunkedArray) and array.field.per_episode:
                array.append(np.asarray(table[name], array.field.dtype)[None])
            elif isinstance(array, ChunkedArray):
                array.append(rows[name])
                array.pad_to(stop)
        grown = Counts(counts.episodes + 1, counts.frames + episode.length, stop)
        self.metadata = self.metadata.with_counts(grown, "building", None)

    def commit(self, complete: bool = False) -> None:
        """Make all appended episodes part of the dataset, durably."""
        if self._retracted and self._retracted.counts == self.metadata.counts:
            self.save_provenance()
            return  # Nothing came in the stead of the episode taken back.
        for array in self._arrays.values():
            array.flush()
        if complete:
            digest = dataset_digest(self.metadata, self.read_table)
            self.metadata = self.metadata.with_counts(self.metadata.counts, "complete", digest)
        if self.metadata.counts != self._committed.counts:
            self._write_members()
        self._write_root()

    def retract_last(self) -> None:
        """Take the last episode back, to be done again.

        On disk it stays until the first file is about to be replaced.
        """
        counts = self.metadata.counts
        last = counts.episodes - 1
        start = int(self.read_table("starts", last, last + 1)[0])
        length = int(self.read_table("lengths", last, last + 1)[0])
        self.metadata = self.metadata.with_counts(
            Counts(last, counts.frames - length, start), "building", None
        )
        for array in reversed(self._arrays.values()):
            self._restore(array, last if array.field.per_episode else start)
        self._retracted = self.metadata

    def save_provenance(self) -> None:
        """Make `provenance` durable; the content stays as it is committed."""
        self._write_document(self.path, zarr_format.root_document(self._committed, self.provenance))

    def _retract_on_disk(self) -> None:
        if self._retracted:
            self._committed, self._retracted = self._retracted, None
            self.save_provenance()

    def _restore(self, array: GrowingArray, rows: int) -> None:
        try:
            array.restore(rows)
        except CorruptDataError as error:
            starts = self.read_table("starts", 0, self.metadata.counts.episodes)
            row = error.row if isinstance(error, DamagedRowError) else rows
            episode = max(int(np.searchsorted(starts, row, side="right")) - 1, 0)
            raise CorruptDataError(
                f"{array.field.path}: {error}, in episode {episode} ({self.path})"
            ) from error

    def _chunked(self, path: str) -> ChunkedArray:
        array = self._arrays[path]
        assert isinstance(array, ChunkedArray)
        return array

    def _write_members(self) -> None:
        self._write_document(self.path / TABLE, zarr_format.table_document())
        for array in self._arrays.values():
            self._write_document(
                array.folder, zarr_format.array_document(array.field, self.metadata)
            )

    def _write_root(self) -> None:
        self._write_document(self.path, zarr_format.root_document(self.metadata, self.provenance))
        self._committed = self.metadata

    def _write_document(self, folder: Path, document: dict[str, Any]) -> None:
        folder.mkdir(exist_ok=True)
        replace_file(folder / zarr_format.DOCUMENT, [zarr_format.to_bytes(document)])
        sync_folder(folder)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def read_root(path: Path) -> dict[str, Any]:
    """Read the metadata document of a Zarr group.

    Raises
    ------
    NotADatasetError
        If there is none.
    """
    try:
        document = json.loads((path / zarr_format.DOCUMENT).read_bytes())
    except (OSError, ValueError):
        document = None
    if not isinstance(document, dict) or not isinstance(document.get("attributes"), dict):
        raise NotADatasetError(f"{path}: expected a Crafter dataset, found no Zarr v3 group")
    return document
