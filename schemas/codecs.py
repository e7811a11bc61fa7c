"""The codecs a dataset may be compressed with, by short names such as `zstd:1`.

Every chunk is stored as its elements in little-endian C order, compressed,
followed by the CRC-32C of the compressed bytes. Only codecs that stock
zarr-python, TensorStore and zarrs read are allowed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import google_crc32c
import numcodecs
import numcodecs.blosc
import numpy as np
from numpy.typing import NDArray

from schemas.errors import CodecError, CorruptDataError

DEFAULT_CODEC = "zstd:1"

_LEVELS = {"zstd": (1, 22, 3), "blosc-zstd": (1, 9, 5), "blosc-lz4": (1, 9, 5)}
CODEC_CHOICES = "zstd:1..22, blosc-zstd:1..9, blosc-lz4:1..9 or none"
CHECKSUM_BYTES = 4


def crc32c(data: Any) -> bytes:
    """CRC-32C of a bytes-like object, as the four little-endian bytes Zarr stores."""
    # The extension takes arrays without a copy, but no memoryview.
    return int(google_crc32c.value(np.frombuffer(data, np.uint8))).to_bytes(
        CHECKSUM_BYTES, "little"
    )


@dataclass(frozen=True)
class ChunkCodec:
    """How one chunk becomes bytes and back.

    Parameters
    ----------
    name : str
        `zstd`, `blosc-zstd`, `blosc-lz4` or `none`.
    level : int
        Compression level; 0 for `none`.
    """

    name: str
    level: int

    @classmethod
    def parse(cls, text: str) -> ChunkCodec:
        """Read a codec from its short name, such as `zstd:1`, `blosc-lz4` or `none`.

        Raises
        ------
        CodecError
            If the name is unknown or the level out of its range.
        """
        name, colon, level_text = text.partition(":")
        if text == "none":
            return cls("none", 0)
        if name not in _LEVELS:
            raise CodecError(f"codec: expected {CODEC_CHOICES}, found {text!r}")
        lowest, highest, default = _LEVELS[name]
        is_number = level_text.isascii() and level_text.isdecimal()
        level = int(level_text) if is_number else default
        if (colon and not is_number) or not lowest <= level <= highest:
            raise CodecError(
                f"codec {name}: expected a level from {lowest} to {highest}, found {level_text!r}"
            )
        return cls(name, level)

    def __str__(self) -> str:
        return self.name if self.name == "none" else f"{self.name}:{self.level}"

    @cached_property
    def _compressor(self) -> Any:
        if self.name == "none":
            return None
        if self.name == "zstd":
            return numcodecs.Zstd(level=self.level)
        # Blosc's own threads would fight with the worker processes.
        numcodecs.blosc.use_threads = False
        return numcodecs.Blosc(
            self.name.removeprefix("blosc-"), self.level, numcodecs.Blosc.NOSHUFFLE
        )

    def encode(self, chunk: NDArray[Any]) -> bytes:
        """Compress one whole chunk and append its checksum."""
        chunk = np.ascontiguousarray(chunk, chunk.dtype.newbyteorder("<"))
        data = chunk.tobytes() if self._compressor is None else self._compressor.encode(chunk)
        return bytes(data) + crc32c(data)

    def decode(
        self, data: bytes | memoryview, dtype: np.dtype[Any], shape: tuple[int, ...]
    ) -> NDArray[Any]:
        """Check one chunk's checksum and decompress it.

        Raises
        ------
        CorruptDataError
            If the checksum or the decompressed size does not fit.
        """
        body = memoryview(data)[:-CHECKSUM_BYTES]
        if len(data) < CHECKSUM_BYTES or crc32c(body) != bytes(data[-CHECKSUM_BYTES:]):
            raise CorruptDataError("a chunk fails its CRC-32C checksum")
        try:
            raw = body if self._compressor is None else self._compressor.decode(bytes(body))
        except (ValueError, RuntimeError) as error:
            raise CorruptDataError(f"a chunk cannot be decompressed: {error}") from error
        expected = math.prod(shape) * dtype.itemsize
        if len(raw) != expected:
            raise CorruptDataError(f"a chunk: expected {expected} bytes, found {len(raw)}")
        return np.frombuffer(raw, dtype).reshape(shape)

    def documents(self, dtype: np.dtype[Any]) -> list[dict[str, Any]]:
        """Return the codec chain as Zarr v3 metadata."""
        documents: list[dict[str, Any]] = [{"name": "bytes"}]
        if dtype.itemsize > 1:
            documents[0]["configuration"] = {"endian": "little"}
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
