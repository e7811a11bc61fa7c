"""Which encoder compresses the chunks of an array of images."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from crafter_dataset.builder.zstd.sparse import MOST_BYTES, encode_sparse
from crafter_dataset.schemas.codecs import ChunkCodec, crc32c
from crafter_dataset.schemas.layout import Field
from crafter_dataset.schemas.metadata import EnvSpec, Metadata
from crafter_dataset.schemas.progress import tell

if TYPE_CHECKING:
    from crafter_dataset.builder.zstd.encoder import ImageEncoder
    from crafter_dataset.engine.compiled.compiling import Needed

Encode = Callable[[NDArray[Any]], bytes]
"""Takes a whole chunk, and returns what `ChunkCodec.decode` undoes."""

_FAST_LEVEL = "zstd:1"


def image_encoder(field: Field, metadata: Metadata) -> Encode:
    """Choose what compresses the chunks of a sharded field.

    At level 1, which is for speed, that is the project's own encoder of
    Zstandard, where it can be loaded; for everything else the codec's library.

    Parameters
    ----------
    field : Field
        The field.
    metadata : Metadata
        Of the dataset.

    Returns
    -------
    callable
        Takes a whole chunk, an ndarray of shape (`chunk_frames`, ...) and the
        field's dtype, and returns what `ChunkCodec.decode` undoes.
    """
    codec = ChunkCodec.parse(metadata.codec)
    chunk_bytes = metadata.chunk_frames * field.row_bytes(metadata.sizes())
    if field.spread and codec.name == "zstd" and chunk_bytes <= MOST_BYTES:
        return _encode_sparse
    own = _own_encoder(field, metadata) if str(codec) == _FAST_LEVEL else None
    if own is None:
        return codec.encode

    def encode(chunk: NDArray[Any]) -> bytes:
        return own(chunk, crc32c) or codec.encode(chunk)

    return encode


def _encode_sparse(chunk: NDArray[Any]) -> bytes:
    body = encode_sparse(chunk)
    return body + crc32c(body)


def needed(metadata: Metadata) -> list[Needed]:
    """List the compiled functions that encode chunks, where they are available.

    Parameters
    ----------
    metadata : Metadata
        Of the dataset.
    """
    if metadata.codec != _FAST_LEVEL:
        return []
    fields = metadata.frame_fields()
    encoders = (_make_encoder(field, metadata) for field in fields if field.sharded)
    return [encoder.needed() for encoder in encoders if encoder is not None]


def warm_up(metadata: Metadata) -> None:
    """Compile what chunks will be encoded with, unless it is in the cache or cannot be compiled.

    Parameters
    ----------
    metadata : Metadata
        Of the dataset.
    """
    with _falling_back():
        wanted = needed(metadata)
        if wanted:
            from crafter_dataset.engine.compiled.compiling import compile_missing

            compile_missing(wanted)


def _own_encoder(field: Field, metadata: Metadata) -> ImageEncoder | None:
    """Make the project's own encoder, if it takes such images and can be loaded or compiled."""
    encoder = None
    with _falling_back():
        made = _make_encoder(field, metadata)
        if made is not None:
            made.load()
            encoder = made
    return encoder


def _make_encoder(field: Field, metadata: Metadata) -> ImageEncoder | None:
    """Make the project's own encoder, its code not yet loaded, if it takes such images."""
    try:
        from crafter_dataset.builder.zstd.encoder import ImageEncoder
    except ImportError:  # no numba, or no LLVM
        return None
    image_bytes, images = field.row_bytes(metadata.sizes()), metadata.chunk_frames
    if field.spread or not ImageEncoder.fits(image_bytes, images):
        return None
    if field.name != "frames":
        # A map does not move, and its cells are bytes: one line, in which neighbours repeat.
        return ImageEncoder((1, image_bytes), images, (1, 1), moves=False)
    height, width, colors = field.row_shape(metadata.sizes())
    (wide, high), (left, top) = _cells_of(metadata.env)
    return ImageEncoder(
        (height, width * colors), images, (high, wide * colors), (top, left * colors)
    )


@contextlib.contextmanager
def _falling_back() -> Iterator[None]:
    """Leave it to libzstd where our own encoder is not available: a build can do without."""
    try:
        yield
    except (ImportError, OSError):  # no numba, or nowhere to keep what it compiles
        pass
    except Exception as error:  # a compiler that is broken
        _warn(f"{type(error).__name__}: {error}".splitlines()[0])


@functools.cache
def _warn(reason: str) -> None:
    tell(f"codec {_FAST_LEVEL}: encoded by libzstd instead, as {reason}")


def _cells_of(env: EnvSpec) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return (width, height) of a picture's cells and of its border in pixels, as Crafter does."""
    cell = max(env.size[0] // env.view[0], 1), max(env.size[1] // env.view[1], 1)
    border = [max(env.size[i] - cell[i] * env.view[i], 0) // 2 for i in range(2)]
    return cell, (border[0], border[1])
