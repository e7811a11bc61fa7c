"""The codecs a dataset may be compressed with, by short names such as `zstd:1`.

Every chunk is stored as its elements in little-endian C order, compressed,
followed by a checksum of the compressed bytes: their CRC-32C in Zarr, their
Fletcher-32 in HDF5. Only codecs that stock readers of the container read are
allowed.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from crafter_dataset.schemas import zstd_frames
from crafter_dataset.schemas.errors import CodecError, CorruptDataError

DEFAULT_CODEC = "zstd:1"
"""The default codec of Zarr groups."""

_LEVELS = {"zstd": (1, 22, 3), "blosc-zstd": (1, 9, 5), "blosc-lz4": (1, 9, 5), "gzip": (0, 9, 3)}
CODEC_CHOICES = "zstd:1..22, blosc-zstd:1..9, blosc-lz4:1..9, gzip:0..9 (in HDF5) or none (in Zarr)"
CHECKSUM_BYTES = 4


@functools.cache
def _numcodecs() -> Any:
    """Import numcodecs when it is needed: it takes a tenth of a worker process's start."""
    import numcodecs.blosc
    import numcodecs.zstd

    return numcodecs


Checksum = Callable[[Any], bytes]
"""A function like `crc32c` and `fletcher32`: takes bytes, returns their checksum as bytes."""


def crc32c(data: Any) -> bytes:
    """Return the CRC-32C of some bytes, as the four little-endian bytes that Zarr stores.

    Parameters
    ----------
    data : bytes-like or ndarray
        The bytes; an array must be contiguous.
    """
    # The extension takes arrays without a copy, but no memoryview.
    array = data if isinstance(data, np.ndarray) else np.frombuffer(data, np.uint8)
    return int(google_crc32c.value(array)).to_bytes(CHECKSUM_BYTES, "little")


def fletcher32(data: Any) -> bytes:
    """Return the Fletcher-32 of some bytes, as the four little-endian bytes that HDF5 stores.

    It is two sums modulo 65,535: of the big-endian 16-bit words, and of the
    running values of the first sum. A sum of words that are not all zero is 65,535
    where it would be 0. Source: HDF5's H5_checksum_fletcher32.

    Parameters
    ----------
    data : bytes-like or ndarray
        The bytes; an array must be contiguous.
    """
    stored = np.frombuffer(data, np.uint8)
    words = stored[: len(stored) // 2 * 2].view(">u2").astype(np.uint64)
    if len(stored) % 2:
        words = np.append(words, np.uint64(int(stored[-1]) << 8))
    # So many words at a time that no sum overflows.
    first = second = 0
    for start in range(0, len(words), _FLETCHER_WORDS):
        block = words[start : start + _FLETCHER_WORDS]
        weights = np.arange(len(block), 0, -1, dtype=np.uint64)
        second += first * len(block) + int(block @ weights)
        first += int(block.sum())
    sums = (value % 65_535 or 65_535 * (value > 0) for value in (first, second))
    low, high = sums
    return (high << 16 | low).to_bytes(CHECKSUM_BYTES, "little")


_FLETCHER_WORDS = 2**22


@dataclass(frozen=True)
class ChunkCodec:
    """How one chunk becomes bytes and back.

    Parameters
    ----------
    name : str
        `zstd`, `blosc-zstd`, `blosc-lz4`, `gzip` or `none`.
    level : int
        Compression level; 0 for `none`.
    """

    name: str
    level: int

    @classmethod
    def parse(cls, text: str) -> ChunkCodec:
        """Read a codec from its short name.

        Parameters
        ----------
        text : str
            A name, or a name, a colon and a level: `zstd:1`, `blosc-lz4` or `none`.

        Raises
        ------
        CodecError
            If the name is unknown or the level out of its range.
        """
        if not isinstance(text, str):
            raise CodecError("codec", f"expected {CODEC_CHOICES}, found {text!r}")
        name, colon, level_text = text.partition(":")
        if text == "none":
            return cls("none", 0)
        if name not in _LEVELS:
            raise CodecError("codec", f"expected {CODEC_CHOICES}, found {text!r}")
        lowest, highest, default = _LEVELS[name]
        is_number = level_text.isascii() and level_text.isdecimal()
        level = int(level_text) if is_number else default
        if (colon and not is_number) or not lowest <= level <= highest:
            raise CodecError(
                "codec",
                f"{name}: expected a level from {lowest} to {highest}, found {level_text!r}",
            )
        return cls(name, level)

    def __str__(self) -> str:
        return self.name if self.name == "none" else f"{self.name}:{self.level}"

    @cached_property
    def _compressor(self) -> Any:
        if self.name in ("none", "gzip"):
            return None
        if self.name == "zstd":
            return _numcodecs().Zstd(level=self.level)
        # Blosc's own threads would compete with the worker processes.
        _numcodecs().blosc.use_threads = False
        return _numcodecs().Blosc(
            self.name.removeprefix("blosc-"), self.level, _numcodecs().Blosc.NOSHUFFLE
        )

    @property
    def compression(self) -> str:
        """Compression of a chunk, as `decode_into` takes it."""
        return self.name.partition("-")[0]

    def encode(self, chunk: NDArray[Any], checksum: Checksum = crc32c) -> bytes:
        """Compress one whole chunk and append its checksum.

        Parameters
        ----------
        chunk : ndarray
            The chunk, of any shape and dtype.
        checksum : callable
            `crc32c` or `fletcher32`.
        """
        chunk = np.ascontiguousarray(chunk, chunk.dtype.newbyteorder("<"))
        if self.name == "gzip":
            data = zlib.compress(chunk.reshape(-1).view(np.uint8).data, self.level)
        else:
            data = chunk.tobytes() if self._compressor is None else self._compressor.encode(chunk)
        return bytes(data) + checksum(data)

    def decode(
        self,
        data: bytes | memoryview,
        dtype: np.dtype[Any],
        shape: tuple[int, ...],
        checksum: Checksum = crc32c,
    ) -> NDArray[Any]:
        """Check one chunk's checksum and decompress it.

        Parameters
        ----------
        data : bytes-like
            The stored chunk: compressed elements, then the checksum of these bytes.
        dtype : numpy.dtype
            Element type, little-endian.
        shape : tuple of int
            Shape of the chunk.
        checksum : callable
            `crc32c` or `fletcher32`.

        Returns
        -------
        ndarray, shape `shape`, `dtype`
            The chunk.

        Raises
        ------
        CorruptDataError
            If the checksum or the decompressed size does not fit.
        """
        chunk = np.empty(shape, dtype)
        decode_into(self.compression, data, chunk, checksum)
        return chunk

    def documents(self, dtype: np.dtype[Any]) -> list[dict[str, Any]]:
        """Return the codec chain as Zarr v3 metadata.

        Parameters
        ----------
        dtype : numpy.dtype
            Element type.

        Returns
        -------
        list of dict
            One JSON object for each codec, in the order in which they are applied.

        Raises
        ------
        CodecError
            If the codec is `gzip`, which the format does not allow in Zarr.
        """
        documents: list[dict[str, Any]] = [{"name": "bytes"}]
        if dtype.itemsize > 1:
            documents[0]["configuration"] = {"endian": "little"}
        if self.name == "gzip":
            raise CodecError("codec", "expected an HDF5 file, found a Zarr group")
        if self.name == "zstd":
            documents.append(
                {"name": "zstd", "configuration": {"level": self.level, "checksum": False}}
            )
        elif self.name.startswith("blosc-"):
            documents.append(
                {
                    "name": "blosc",
                    "configuration": {
                        "typesize": dtype.itemsize,
                        "cname": self.name.removeprefix("blosc-"),
                        "clevel": self.level,
                        "shuffle": "noshuffle",
                        "blocksize": 0,
                    },
                }
            )
        documents.append({"name": "crc32c"})
        return documents


def decode_into(
    compression: str, data: Any, out: NDArray[Any], checksum: Checksum = crc32c
) -> None:
    """Check one chunk's checksum and decompress it, straight into an array.

    The global interpreter lock is released while it decompresses.

    Parameters
    ----------
    compression : str
        `zstd`, `blosc`, `gzip` or `none`.
    data : bytes-like or ndarray
        The stored chunk: compressed elements, then the checksum of these bytes; an array is of
        shape (bytes,), uint8.
    out : ndarray
        The whole chunk, little-endian, C-contiguous; undefined after an error.
    checksum : callable
        `crc32c` or `fletcher32`.

    Raises
    ------
    CorruptDataError
        If the checksum or the decompressed size does not fit.
    ValueError
        If `out` cannot be written to in one piece.
    """
    if not (out.flags.writeable and out.flags.c_contiguous):
        raise ValueError("out: expected a contiguous array that can be written to, found another")
    stored = data if isinstance(data, np.ndarray) else np.frombuffer(data, np.uint8)
    # Zstandard's decoder is safe with damaged bytes, and the checksum costs less once the decoder
    # has brought them into the processor's cache.
    is_checked_later = compression == "zstd"
    if not is_checked_later:
        verify(stored, checksum)
    try:
        _DECODERS[compression](stored[:-CHECKSUM_BYTES], out)
    except (_SizeError, ValueError, RuntimeError, zlib.error) as error:
        verify(stored, checksum)  # a wrong checksum is the error to report first
        if isinstance(error, _SizeError):
            raise CorruptDataError(f"a chunk: expected {out.nbytes} bytes, found {error}") from None
        raise CorruptDataError(f"a chunk cannot be decompressed: {error}") from error
    if is_checked_later:
        verify(stored, checksum)


class _SizeError(Exception):
    """A chunk holds another number of bytes than expected; that number is the text."""


def _decode_zstd(body: NDArray[np.uint8], out: NDArray[Any]) -> None:
    stated = zstd_frames.stated_bytes(body[: zstd_frames.HEADER_BYTES].tobytes())
    if stated is not None:
        _require_size(stated, out)
        _numcodecs().zstd.decompress(body, out)
        return
    if not zstd_frames.fits(body, out.nbytes):
        raise _SizeError("far more")
    _copy(_numcodecs().zstd.decompress(body), out)


def _decode_blosc(body: NDArray[np.uint8], out: NDArray[Any]) -> None:
    # The header has the sizes of the content and of the whole in bytes 4 to 8 and 12 to 16.
    header = body[:16].tobytes()
    stated, whole = (int.from_bytes(header[i : i + 4], "little") for i in (4, 12))
    _require_size(stated if whole == len(body) else -1, out)
    # Blosc's own threads would compete with those that read.
    _numcodecs().blosc.use_threads = False
    _numcodecs().blosc.decompress(body, out)


def _decode_gzip(body: NDArray[np.uint8], out: NDArray[Any]) -> None:
    # No more than is wanted, however much a chunk claims to hold.
    inflater = zlib.decompressobj()
    raw = inflater.decompress(body.data, out.nbytes + 1)
    if not inflater.eof:
        raise _SizeError("others")
    _copy(raw, out)


def _copy(raw: Any, out: NDArray[Any]) -> None:
    _require_size(len(raw), out)
    out.reshape(-1).view(np.uint8)[:] = np.frombuffer(raw, np.uint8)


def _require_size(found: int, out: NDArray[Any]) -> None:
    if found != out.nbytes:
        raise _SizeError(str(found))


_DECODERS: dict[str, Callable[[NDArray[np.uint8], NDArray[Any]], None]] = {
    "zstd": _decode_zstd,
    "blosc": _decode_blosc,
    "gzip": _decode_gzip,
    "none": _copy,
}


def verify(stored: NDArray[np.uint8], checksum: Checksum) -> None:
    """Check a stored chunk's checksum.

    Parameters
    ----------
    stored : ndarray, shape (bytes,), uint8
        The stored chunk: compressed elements, then the checksum of these bytes.
    checksum : callable
        `crc32c` or `fletcher32`.

    Raises
    ------
    CorruptDataError
        If it does not fit.
    """
    body, found = stored[:-CHECKSUM_BYTES], stored[-CHECKSUM_BYTES:]
    if len(stored) < CHECKSUM_BYTES or checksum(body) != found.tobytes():
        name = "CRC-32C" if checksum is crc32c else "Fletcher-32"
        raise CorruptDataError(f"a chunk fails its {name} checksum")
