"""Which container a path names, and what a builder does with it: look, lock, create, resume."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from crafter_dataset.builder.errors import BuildError
from crafter_dataset.builder.storage.files import PARTIAL, lock_file, lock_folder
from crafter_dataset.builder.storage.hdf5_writer import Hdf5Writer
from crafter_dataset.builder.storage.writer import DatasetWriter
from crafter_dataset.builder.storage.zarr_writer import ZarrWriter, read_root
from crafter_dataset.schemas import codecs, hdf5_format
from crafter_dataset.schemas.codecs import ChunkCodec
from crafter_dataset.schemas.entries import ATTRIBUTE
from crafter_dataset.schemas.errors import Advice, CodecError, NotADatasetError
from crafter_dataset.schemas.hdf5_format import SUFFIXES
from crafter_dataset.schemas.layout import MOST_CHUNK_BYTES
from crafter_dataset.schemas.metadata import Metadata


def is_hdf5(path: Path) -> bool:
    """Tell whether a path names an HDF5 file; else it is the folder of a Zarr group.

    Parameters
    ----------
    path : Path
        The dataset.
    """
    return path.suffix.lower() in SUFFIXES


def default_codec(path: Path) -> str:
    """Return the codec that suits the container, if the user does not choose one.

    Parameters
    ----------
    path : Path
        The dataset.
    """
    return hdf5_format.DEFAULT_CODEC if is_hdf5(path) else codecs.DEFAULT_CODEC


def check_codec(path: Path, metadata: Metadata) -> None:
    """Refuse a codec, or chunks, that the container does not take.

    Parameters
    ----------
    path : Path
        The dataset to write.
    metadata : Metadata
        Of the dataset.

    Raises
    ------
    CodecError
        If the container does not take the codec, or a chunk is too large.
    """
    codec = ChunkCodec.parse(metadata.codec)
    if codec.name == "gzip" and not is_hdf5(path):
        raise CodecError(
            "codec",
            f"expected zstd, blosc-zstd, blosc-lz4 or none in a Zarr group, found {codec} ({path})",
        )
    if codec.name == "none" and is_hdf5(path):
        # Fletcher-32 alone takes a block of zeros for one of ones; deflate has a checksum too.
        raise CodecError(
            "codec",
            f"expected gzip, zstd, blosc-zstd or blosc-lz4 in an HDF5 file (gzip:0 does not "
            f"compress), found {codec} ({path})",
        )
    sizes = metadata.sizes()
    for field in metadata.present_fields():
        if not field.sharded:
            continue
        size = metadata.chunk_frames * field.row_bytes(sizes)
        if size > MOST_CHUNK_BYTES:
            raise CodecError(
                "chunk_frames",
                f"expected chunks of at most {MOST_CHUNK_BYTES} bytes, found {size} "
                f"for {field.path} ({path})",
            )


def is_free(path: Path) -> bool:
    """Tell whether nothing is there, or only what a killed build had begun.

    Parameters
    ----------
    path : Path
        Where a dataset is to be.
    """
    if not path.exists():
        return True
    return path.is_dir() and all(child.name.endswith(PARTIAL) for child in path.iterdir())


PLACE_ADVICE = (Advice("go on with it by", "resume"), Advice("replace it by", "overwrite"))
"""What can be done where a dataset is in the way."""


def check_place(
    path: Path, go_on: bool, overwrite: bool, advice: Sequence[Advice] = PLACE_ADVICE
) -> Metadata | None:
    """Refuse a path that may not be written; return the metadata of a dataset to go on with.

    Parameters
    ----------
    path : Path
        Where a dataset is to be.
    go_on, overwrite : bool
        What may be done with a dataset that is there: add to it, or replace it.
    advice : sequence of Advice
        What to tell the user who may do neither.

    Returns
    -------
    Metadata or None
        None if a new dataset is to be written.

    Raises
    ------
    BuildError
        If a dataset is there that may not be touched, or something else.
    DatasetError
        If the dataset is of another version, or damaged.
    """
    if is_free(path):
        return None
    try:
        attributes = read_attributes(path)
    except NotADatasetError:
        attributes = {}
    if ATTRIBUTE not in attributes:
        raise BuildError(f"{path}: expected a Crafter dataset or nothing, found something else")
    if overwrite:
        return None
    if not go_on:
        raise BuildError(f"{path}: exists already", advice=advice)
    return Metadata.from_attributes(attributes, str(path))


def read_attributes(path: Path) -> dict[str, Any]:
    """Read the attributes of a dataset's root.

    Parameters
    ----------
    path : Path
        The dataset.

    Returns
    -------
    dict of str
        Their values.

    Raises
    ------
    NotADatasetError
        If it is no such container.
    """
    if not is_hdf5(path):
        attributes: dict[str, Any] = read_root(path)["attributes"]
        return attributes
    if not path.is_file():
        raise NotADatasetError(f"{path}: expected an HDF5 file, found something else")
    from crafter_dataset.schemas.hdf5_file import Hdf5File  # h5py is slow to import

    with Hdf5File(path) as file:
        return file.attributes


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[bool]:
    """Make the place for a dataset, and hold the only right to write to it.

    The kernel takes the right back when the process ends, however that happens.

    Parameters
    ----------
    path : Path
        Where the dataset is, or is to be.

    Yields
    ------
    bool
        True if this process got the right, False if another one holds it.
    """
    if is_hdf5(path):
        # Not the file's own lock, with which h5py would refuse to read it.
        path = _target(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with lock_file(path.with_name(f".{path.name}.lock")) as held:
            yield held
    else:
        path.mkdir(parents=True, exist_ok=True)
        with lock_folder(path) as held:
            yield held


def create(path: Path, metadata: Metadata) -> DatasetWriter:
    """Start an empty dataset instead of what is there, and return its writer.

    Parameters
    ----------
    path : Path
        Where the dataset is to be; made by `exclusive`.
    metadata : Metadata
        Of the dataset, without any episode.
    """
    if is_hdf5(path):
        return Hdf5Writer.create(_target(path), metadata, {})
    return ZarrWriter.create(path, metadata, {})


def resume(path: Path) -> DatasetWriter:
    """Go on with a dataset after its last committed episode, and return its writer.

    Parameters
    ----------
    path : Path
        The dataset.

    Raises
    ------
    DatasetError
        If the path is no dataset, of another version, damaged, or laid
        out in a way that this software would not choose.
    """
    return Hdf5Writer.resume(_target(path)) if is_hdf5(path) else ZarrWriter.resume(path)


def _target(path: Path) -> Path:
    """Follow a link: the file has one lock, whatever leads to it, and the link stays one."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path
