"""Writes a dataset into an HDF5 file that opens at any moment, whatever happens to the writer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.builder.storage.hdf5 import objects
from crafter_dataset.builder.storage.hdf5.file import AppendedFile
from crafter_dataset.builder.storage.hdf5.kept import Kept
from crafter_dataset.builder.storage.hdf5_arrays import Hdf5Images, Hdf5Rows, Place, make_array
from crafter_dataset.builder.storage.writer import DatasetWriter
from crafter_dataset.schemas import hdf5_format
from crafter_dataset.schemas.entries import ATTRIBUTE, PROVENANCE
from crafter_dataset.schemas.errors import MetadataError
from crafter_dataset.schemas.layout import Field, groups_of
from crafter_dataset.schemas.metadata import Metadata, provenance_of

if TYPE_CHECKING:
    from crafter_dataset.schemas.hdf5_file import Hdf5File


class Hdf5Writer(DatasetWriter):
    """The only writer of a dataset in an HDF5 file; make one with `create` or `resume`.

    Parameters
    ----------
    file : AppendedFile
        The file.
    metadata : Metadata
        As committed.
    provenance : dict of str
        As stored.
    places : dict of str to list of tuple of int
        Address and stored size of each chunk in the file, by the array's path.
    """

    def __init__(
        self,
        file: AppendedFile,
        metadata: Metadata,
        provenance: dict[str, Any],
        places: dict[str, list[Place]],
    ) -> None:
        self._file = file
        self._stored: list[Hdf5Images | Hdf5Rows] = [
            make_array(file, field, metadata, places.get(field.path, []))
            for field in metadata.present_fields()
        ]
        self._members: dict[str, int] = {}
        self._kept = Kept()
        super().__init__(
            file.path, metadata, provenance, {array.field.path: array for array in self._stored}
        )

    @classmethod
    def create(
        cls,
        path: Path,
        metadata: Metadata,
        provenance: dict[str, Any],
        pictures: Mapping[str, NDArray[Any]] = MappingProxyType({}),
    ) -> Hdf5Writer:
        """Start an empty dataset where there is no file of that name.

        Parameters
        ----------
        path : Path
            The file.
        metadata : Metadata
            Of the dataset, without any episode.
        provenance : dict of str
            What to store under `provenance`.
        pictures : mapping of str to ndarray
            As for `DatasetWriter.fill`.
        """
        file = AppendedFile.create(path)
        try:
            writer = cls(file, metadata, provenance, {})
            writer.path = path
            writer.fill(pictures)
            writer._publish()
            file.publish_as(path)
        except BaseException:
            file.close()
            file.path.unlink(missing_ok=True)
            raise
        return writer

    @classmethod
    def resume(cls, path: Path) -> Hdf5Writer:
        """Go on with a dataset after its last committed episode.

        Parameters
        ----------
        path : Path
            The file.

        Raises
        ------
        DatasetError
            If the path is no dataset, of another version, damaged, or laid
            out in a way that this software would not choose.
        """
        from crafter_dataset.schemas.hdf5_file import Hdf5File

        file = AppendedFile.open(path)
        try:
            with Hdf5File(path) as stored:
                metadata = Metadata.from_attributes(stored.attributes, str(path))
                kept = _read_kept(stored, metadata, file)
                places = {
                    field.path: _places(stored, field, metadata)
                    for field in metadata.present_fields()
                }
            writer = cls(file, metadata, provenance_of(stored.attributes), places)
            writer._keep(kept)
            writer._restore_all()
            writer._write_members()
        except BaseException:
            file.close()
            raise
        return writer

    @property
    def nbytes(self) -> int:
        """Bytes of the file, with images that are not yet committed."""
        return self._file.end

    def save_provenance(self) -> None:
        """Make `provenance` durable; the content stays as it is committed."""
        self._write_root(self._committed)

    def close(self) -> None:
        """Close the file; what is not committed is lost."""
        self._file.close()

    def _keep(self, kept: Kept) -> None:
        """Write what others have put into the file with each commit."""
        self._kept = kept
        for array in self._stored:
            array.chunks.more_attributes = kept.attributes.get(array.field.path, ())

    def _publish(self) -> None:
        self._write_members()
        self._write_root(self.metadata)

    def _write_members(self) -> None:
        """Write the headers of all arrays, and remember where."""
        members = {array.field.path: array.header() for array in self._stored}
        fields = self.metadata.present_fields()
        self._members = {f.path: members[f.path] for f in fields if not f.group}
        for group in groups_of(fields):
            of_group = {f.name: members[f.path] for f in fields if f.group == group}
            links, attributes = self._kept.links, self._kept.attributes
            self._members[group] = self._file.append(
                objects.group(of_group, {}, links.get(group, ()), attributes.get(group, ()))
            )

    def _write_root(self, metadata: Metadata) -> None:
        provenance, kept = self.provenance, self._kept
        while True:
            attributes = hdf5_format.root_attributes(metadata, provenance)
            try:
                root = objects.group(
                    self._members, attributes, kept.links.get("", ()), kept.attributes.get("", ())
                )
                break
            except objects.TooLongError as error:
                # An object header holds 64 kB: the oldest runs are left out.
                longest = max(("runs", "conversions"), key=lambda k: len(provenance.get(k, [])))
                runs = provenance.get(longest, [])
                if not runs:
                    raise MetadataError(f"metadata for HDF5: {error} ({self.path})") from error
                provenance = {**provenance, longest: runs[1 + len(runs) // 8 :]}
        self._file.publish(self._file.append(root))


def _read_kept(stored: Hdf5File, metadata: Metadata, file: AppendedFile) -> Kept:
    """Read what others have put into the file, which must be something that can be kept."""
    fields = metadata.present_fields()
    groups = groups_of(fields)
    attributes = {"": {ATTRIBUTE, PROVENANCE}, **{group: set() for group in groups}} | {
        field.path: set(hdf5_format.array_attributes(field)) for field in fields
    }
    members = {"": {*groups}} | {group: set() for group in groups}
    for field in fields:
        members[field.group].add(field.name)
    if stored.is_own:
        known = {*groups, *(field.path for field in fields)}
        known |= {f"{path}@{name}" for path, names in attributes.items() for name in names}
        if known.issuperset(stored.names()):
            return Kept()  # and libhdf5 need not see it

    from crafter_dataset.builder.storage.hdf5.foreign import NotKeptError, read_kept

    try:
        return stored.visited(lambda root: read_kept(root, attributes, members, file.append))
    except NotKeptError as error:
        raise MetadataError(
            f"{error}; the dataset can be read but not extended ({stored.path})"
        ) from error


def _places(stored: Hdf5File, field: Field, metadata: Metadata) -> list[Place]:
    """Find the chunks of an array, which must be laid out as it is here."""
    array = stored.array(field.path)
    expected = (
        np.dtype(field.dtype),
        field.row_shape(metadata.sizes()),
        hdf5_format.chunk_rows(field, metadata),
        tuple(used.number for used in hdf5_format.filters_of(field, metadata)),
    )
    if (array.dtype, array.shape[1:], array.chunk_rows, array.filters) != expected:
        raise MetadataError(
            f"{field.path}: expected the layout that this version writes, found another; "
            f"the dataset can be read but not extended ({stored.path})"
        )
    return [(address, size) for address, size in stored.places(field.path).tolist()]
