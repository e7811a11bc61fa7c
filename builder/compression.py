"""Which encoder compresses the chunks of an array of images."""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from crafter_dataset.schemas.codecs import ChunkCodec, crc32c
from crafter_dataset.schemas.layout import FRAME_FIELDS, Field
from crafter_dataset.schemas.metadata import EnvSpec, Metadata

if TYPE_CHECKING:
    from crafter_dataset.builder.zstd.encoder import ImageEncoder

Encode = Callable[[NDArray[Any]], bytes]
"""Takes a whole chunk, and gives what `ChunkCodec.decode` undoes."""

_FAST_LEVEL = "zstd:1"


def image_encoder(field: Field, metadata: Metadata) -> Encode:
    """Choose what compresses the chunks of a sharded field.

    At level 1, which is for speed, that is the project's own encoder of
    Zstandard, where it can be loaded; for everything else the codec's library.
    """
    codec = ChunkCodec.parse(metadata.codec)
    own = _own_encoder(field, metadata) if str(codec) == _FAST_LEVEL else None
    if own is None:
        return codec.encode

    def encode(chunk: NDArray[Any]) -> bytes:
        return own(chunk, crc32c) or codec.encode(chunk)

    return encode


def warm_up(metadata: Metadata) -> None:
    """Compile what chunks will be encoded with, unless it is in the cache."""
    if metadata.codec != _FAST_LEVEL:
        return
    for name in metadata.known_fields():
        if FRAME_FIELDS[name].sharded:
            _own_encoder(FRAME_FIELDS[name], metadata)


def _own_encoder(field: Field, metadata: Metadata) -> ImageEncoder | None:
    """Make the project's own encoder, if it takes such images and can be loaded or compiled."""
    try:
        from crafter_dataset.builder.zstd.encoder import ImageEncoder

        row_shape, images = field.row_shape(metadata.sizes()), metadata.chunk_frames
        image_bytes = math.prod(row_shape)
        if not ImageEncoder.fits(image_bytes, images):
            return None
        if field.name == "frames":
            height, width, colors = row_shape
            (wide, high), (left, top) = _cells_of(metadata.env)
            encoder = ImageEncoder(
                (height, width * colors), images, (high, wide * colors), (top, left * colors)
            )
        else:
            # A map does not move, and its cells are bytes: one line, in which neighbours repeat.
            encoder = ImageEncoder((1, image_bytes), images, (1, 1), moves=False)
        encoder.load()
    except (ImportError, OSError):  # no numba, or nowhere to keep what it compiles
        return None
    except Exception as error:  # a compiler that is broken is no reason not to build
        _warn(f"{type(error).__name__}: {error}".splitlines()[0])
        return None
    return encoder


@functools.cache
def _warn(reason: str) -> None:
    print(f"codec {_FAST_LEVEL}: encoded by libzstd instead, as {reason}", file=sys.stderr)


def _cells_of(env: EnvSpec) -> tuple[tuple[int, int], tuple[int, int]]:
    """Give width and height in pixels of a picture's cells, and of its border, as Crafter does."""
    cell = max(env.size[0] // env.view[0], 1), max(env.size[1] // env.view[1], 1)
    border = [max(env.size[i] - cell[i] * env.view[i], 0) // 2 for i in range(2)]
    return cell, (border[0], border[1])
