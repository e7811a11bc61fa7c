"""Writes a dataset into a Zarr v3 group, so that a kill at any moment loses nothing committed.

A commit makes the chunk files durable first, then the arrays' metadata, then
replaces the root's metadata, which holds the counts and (consolidated) every
array's shape. That last step is the commit: before it a reader sees the old
state, after it the new one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from numpy.typing import NDArray

from crafter_dataset.builder.storage.background import BackgroundFiles
from crafter_dataset.builder.storage.belongings import remove_partial
from crafter_dataset.builder.storage.files import replace_file, sync_folder
from crafter_dataset.builder.storage.writer import DatasetWriter
from crafter_dataset.builder.storage.zarr_arrays import ArrayFolder, ZarrImages, ZarrRows
from crafter_dataset.builder.storage.zarr_kept import Kept, read_document, read_kept
from crafter_dataset.schemas import zarr_format
from crafter_dataset.schemas.entries import ATTRIBUTE, PROVENANCE
from crafter_dataset.schemas.errors import MetadataError, NotADatasetError
from crafter_dataset.schemas.layout import groups_of
from crafter_dataset.schemas.metadata import Metadata, provenance_of


class ZarrWriter(DatasetWriter):
    """The only writer of a dataset in a Zarr group; make one with `create` or `resume`.

    Parameters
    ----------
    path : Path
        Folder of the group.
    metadata : Metadata
        As committed.
    provenance : dict of str
        As stored.
    """

    def __init__(self, path: Path, metadata: Metadata, provenance: dict[str, Any]) -> None:
        self._files, self._kept = BackgroundFiles(), Kept()
        arrays: list[ZarrImages | ZarrRows] = [
            (ZarrImages if field.sharded else ZarrRows)(
                ArrayFolder(path, field, metadata, self._files, self._retract_on_disk),
                field,
                metadata,
            )
            for field in metadata.present_fields()
        ]
        self._stored = arrays
        super().__init__(path, metadata, provenance, {array.field.path: array for array in arrays})

    @classmethod
    def create(
        cls,
        path: Path,
        metadata: Metadata,
        provenance: dict[str, Any],
        pictures: Mapping[str, NDArray[Any]] = MappingProxyType({}),
    ) -> ZarrWriter:
        """Start an empty dataset in an empty folder.

        Parameters
        ----------
        path : Path
            The folder.
        metadata : Metadata
            Of the dataset, without any episode.
        provenance : dict of str
            What to store under `provenance`.
        pictures : mapping of str to ndarray
            As for `DatasetWriter.fill`.
        """
        sync_folder(path.parent)
        writer = cls(path, metadata, provenance)
        # The root comes first: from here on, whenever the process is killed, the folder is a
        # dataset that can be resumed.
        writer._write_root(metadata)
        writer._write_members()
        writer.fill(pictures)
        return writer

    @classmethod
    def resume(cls, path: Path) -> ZarrWriter:
        """Go on with a dataset after its last committed episode.

        Parameters
        ----------
        path : Path
            Folder of the group.

        Raises
        ------
        DatasetError
            If the path is no dataset, of another version, damaged, or laid
            out in a way that this software would not choose.
        """
        root = read_root(path)
        metadata = Metadata.from_attributes(root["attributes"], str(path))
        writer = cls(path, metadata, provenance_of(root["attributes"]))
        expected = zarr_format.root_document(metadata, {})["consolidated_metadata"]["metadata"]
        writer._kept = read_kept(
            path,
            {"": {ATTRIBUTE, PROVENANCE}}
            | {name: document["attributes"].keys() for name, document in expected.items()},
            [array.field.path for array in writer._stored],
        )
        # zarr-python drops the consolidated metadata at some changes of the user's.
        found = (root.get("consolidated_metadata") or {}).get("metadata") or {}
        for name, document in expected.items():
            if _layout(found.get(name) or read_document(path / name)) != _layout(document):
                raise MetadataError(
                    f"{name}: expected the layout that this version writes, found another; "
                    f"the dataset can be read but not extended ({path})"
                )
        groups = [path / group for group in groups_of(metadata.present_fields())]
        for folder in (*groups, *(array.folder.path for array in writer._stored)):
            if folder.is_symlink():  # what it leads to may have other files
                raise MetadataError(
                    f"{folder.relative_to(path)}: expected a folder, found a link; the dataset "
                    f"can be read but not extended ({path})"
                )
        remove_partial(path)
        for array in writer._stored:
            array.folder.path.mkdir(parents=True, exist_ok=True)  # if it was killed before that
            array.folder.remove_beyond(metadata.rows_of(array.field))
        writer._restore_all()
        return writer

    @property
    def nbytes(self) -> int:
        """Bytes in the dataset's chunk files, with images that are not yet committed."""
        return sum(array.nbytes for array in self._stored)

    def save_provenance(self) -> None:
        """Make `provenance` durable; the content stays as it is committed."""
        self._write_root(self._committed)

    def close(self) -> None:
        """Stop writing; what is not committed is lost."""
        self._files.close()

    def _publish(self) -> None:
        for array in self._stored:
            array.folder.sync()
        if self.metadata.counts != self._committed.counts:
            self._write_members()
        self._write_root(self.metadata)

    def _retract_on_disk(self) -> None:
        """Take an episode back for readers, too, before the first of its files is replaced."""
        if self._retracted:
            self._committed, self._retracted = self._retracted, None
            self.save_provenance()

    def _write_members(self) -> None:
        keep = self._kept.add_attributes
        for group in groups_of(self.metadata.present_fields()):
            self._write_document(self.path / group, keep(group, zarr_format.group_document()))
        for array in self._stored:
            document = zarr_format.array_document(array.field, self.metadata)
            self._write_document(array.folder.path, keep(array.field.path, document))

    def _write_root(self, metadata: Metadata) -> None:
        document = zarr_format.root_document(metadata, self.provenance)
        self._write_document(self.path, self._kept.add_to_root(document))

    def _write_document(self, folder: Path, document: dict[str, Any]) -> None:
        folder.mkdir(exist_ok=True)
        replace_file(folder / zarr_format.DOCUMENT, [zarr_format.to_bytes(document)])
        sync_folder(folder)


def _layout(document: Any) -> Any:
    """Return what of an array's or group's document says how it is laid out."""
    if not isinstance(document, dict):
        return document
    return {k: v for k, v in document.items() if k not in ("attributes", "consolidated_metadata")}


def read_root(path: Path) -> dict[str, Any]:
    """Read the metadata document of a Zarr group.

    Parameters
    ----------
    path : Path
        Folder of the group.

    Returns
    -------
    dict of str
        The document, whose `attributes` are a dict.

    Raises
    ------
    NotADatasetError
        If there is none.
    """
    try:
        document = json.loads((path / zarr_format.DOCUMENT).read_bytes())
    except (OSError, ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or not isinstance(document.get("attributes"), dict):
        raise NotADatasetError(f"{path}: expected a Crafter dataset, found no Zarr v3 group")
    return document
