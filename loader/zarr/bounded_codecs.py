"""Compressors of zarr-python, bounded: a chunk grows to what its array says, and no further.

zarr-python decompresses whatever a chunk holds, and 49 bytes can hold gigabytes. Arrays are
opened within `bounded`, which puts these in the place of its own; any codec that is neither
one of these nor of a fixed size is refused before (`require_bounded`).
"""

from __future__ import annotations

import asyncio
import zlib
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numcodecs.blosc
import numcodecs.zstd
import numpy as np
from numpy.typing import NDArray

from crafter_dataset.loader.zarr.library import (
    BloscCodec,
    BytesBytesCodec,
    GzipCodec,
    ZstdCodec,
    register_codec,
    zarr,
)
from crafter_dataset.schemas import zstd_frames

if TYPE_CHECKING:
    from zarr.core.array_spec import ArraySpec
    from zarr.core.buffer import Buffer

_SLACK = 2**12
"""Bytes that codecs add to what they cannot compress, and for checksums, at most; with a 128th."""

_FIXED = ("bytes", "crc32c", "transpose", "sharding_indexed")
"""Codecs that grow nothing."""


class BoundedGzip(GzipCodec):
    """Inflate gzip as far as the chunk goes."""

    def _decode_sync(self, chunk_bytes: Buffer, chunk_spec: ArraySpec) -> Buffer:
        most = _most(chunk_spec)
        inflater = zlib.decompressobj(wbits=31)
        raw = inflater.decompress(chunk_bytes.to_bytes(), most + 1)
        _require(len(raw) if inflater.eof else most + 1, most)
        return chunk_spec.prototype.buffer.from_bytes(raw)

    async def _decode_single(self, chunk_bytes: Buffer, chunk_spec: ArraySpec) -> Buffer:
        return await asyncio.to_thread(self._decode_sync, chunk_bytes, chunk_spec)


class BoundedZstd(ZstdCodec):
    """Zstandard, as far as the chunk goes."""

    def _decode_sync(self, chunk_bytes: Buffer, chunk_spec: ArraySpec) -> Buffer:
        most, body = _most(chunk_spec), _array(chunk_bytes)
        stated = zstd_frames.stated_bytes(body[: zstd_frames.HEADER_BYTES].tobytes())
        fits = zstd_frames.fits(body, most)
        _require(stated if stated is not None else most + (not fits), most)
        raw = numcodecs.zstd.decompress(body)
        return chunk_spec.prototype.buffer.from_bytes(raw)

    async def _decode_single(self, chunk_bytes: Buffer, chunk_spec: ArraySpec) -> Buffer:
        return await asyncio.to_thread(self._decode_sync, chunk_bytes, chunk_spec)


class BoundedBlosc(BloscCodec):
    """Blosc, as far as the chunk goes."""

    def _decode_sync(self, chunk_bytes: Buffer, chunk_spec: ArraySpec) -> Buffer:
        body = _array(chunk_bytes)
        header = body[:16].tobytes()
        stated, whole = (int.from_bytes(header[i : i + 4], "little") for i in (4, 12))
        if whole != len(body):
            raise ValueError(f"expected {whole} bytes of Blosc, found {len(body)}")
        _require(stated, _most(chunk_spec))
        raw = numcodecs.blosc.decompress(body)
        return chunk_spec.prototype.buffer.from_bytes(raw)

    async def _decode_single(self, chunk_bytes: Buffer, chunk_spec: ArraySpec) -> Buffer:
        return await asyncio.to_thread(self._decode_sync, chunk_bytes, chunk_spec)


_BOUNDED: dict[str, type[BytesBytesCodec]] = {
    "gzip": BoundedGzip,
    "zstd": BoundedZstd,
    "blosc": BoundedBlosc,
}


def _name(codec: type[BytesBytesCodec]) -> str:
    return f"{__name__}.{codec.__qualname__}"


for _key, _codec in _BOUNDED.items():
    # Under a name of their own: nobody else's arrays are read with them.
    register_codec(_key, _codec, qualname=_name(_codec))


def bounded() -> AbstractContextManager[Any]:
    """Return a context in which zarr-python gives the arrays that it opens bounded codecs."""
    context: AbstractContextManager[Any] = zarr.config.set(
        {f"codecs.{key}": _name(codec) for key, codec in _BOUNDED.items()}
    )
    return context


def require_bounded(codecs: Any) -> None:
    """Refuse a chain with a codec that may grow without bounds.

    Parameters
    ----------
    codecs : list of dict
        The chain as Zarr v3 metadata.

    Raises
    ------
    ValueError
        If there is such a codec in it.
    """
    names = [codec["name"] if isinstance(codec, dict) else codec for codec in codecs]
    known = (*_FIXED, *_BOUNDED)
    for name in names:
        if name not in known:
            raise ValueError(f"expected codecs of {', '.join(known)}, found {name}")
    for codec in codecs:
        if isinstance(codec, dict) and codec["name"] == "sharding_indexed":
            require_bounded(codec["configuration"]["codecs"])
            require_bounded(codec["configuration"].get("index_codecs", []))


def _most(spec: ArraySpec) -> int:
    size = int(np.prod(spec.shape, dtype=object)) * spec.dtype.to_native_dtype().itemsize
    return size + size // 128 + _SLACK


def _require(found: int, most: int) -> None:
    if found > most:
        raise ValueError(f"expected a chunk of at most {most} bytes, found more")


def _array(data: Buffer) -> NDArray[np.uint8]:
    array: NDArray[np.uint8] = np.asarray(data.as_numpy_array()).view(np.uint8)
    return array
