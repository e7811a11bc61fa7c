"""What differs between containers: the codecs that they take, and what writes them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from numpy.typing import NDArray

from crafter_dataset.builder.storage.hdf5_writer import Hdf5Writer
from crafter_dataset.builder.storage.writer import DatasetWriter
from crafter_dataset.builder.storage.zarr_writer import ZarrWriter, read_root
from crafter_dataset.schemas import codecs, hdf5_format
from crafter_dataset.schemas.codecs import ChunkCodec
from crafter_dataset.schemas.errors import CodecError, NotADatasetError
from crafter_dataset.schemas.hdf5_format import is_hdf5
from crafter_dataset.schemas.layout import MOST_CHUNK_BYTES
from crafter_dataset.schemas.metadata import Metadata


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
    from crafter_dataset.schemas.hdf5_file import Hdf5File

    with Hdf5File(path) as file:
        return file.attributes


def create(
    path: Path, metadata: Metadata, pictures: Mapping[str, NDArray[Any]] = MappingProxyType({})
) -> DatasetWriter:
    """Start an empty dataset, and return its writer.

    Parameters
    ----------
    path : Path
        Where the dataset is to be: an empty folder, or where there is no file yet.
    metadata : Metadata
        Of the dataset, without any episode.
    pictures : mapping of str to ndarray
        As for `DatasetWriter.fill`; empty if pictures are stored.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    return (Hdf5Writer if is_hdf5(path) else ZarrWriter).create(path, metadata, {}, pictures)


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
    return (Hdf5Writer if is_hdf5(path) else ZarrWriter).resume(path)
