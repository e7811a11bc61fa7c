"""Compressing chunks of images for storage, as Python calls it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.builder.zstd.code import ENCODER, FRAME
from crafter_dataset.builder.zstd.record import ABOVE, LEFT, MOST_BLOCK, work_dtype
from crafter_dataset.engine.compiled.compiling import Needed, compile_missing
from crafter_dataset.engine.compiled.memory import aligned_zeros
from crafter_dataset.engine.compiled.native import Entry
from crafter_dataset.schemas.arithmetic import ceil_div

MOST_CHUNK = 2**23
"""Bytes of the largest chunk: a decoder need not remember more (RFC 8878, section 3.1.1.1.2)."""

_LEAST_ROOM, _LEAST_CELL = 2**21, 8
_NO_CELL = 2**40


class ImageEncoder:
    """Compresses chunks of images, about twice as fast as libzstd at its level 1.

    What comes out is a frame of Zstandard like any other.

    Parameters
    ----------
    shape : tuple of int
        Lines of an image, and bytes of a line.
    images : int
        Images in a chunk.
    cell : tuple of int
        Lines of each cell that an image is made of, and bytes of its lines.
    border : tuple of int
        Lines above the first cell, and bytes before it in its lines.
    moves : bool
        Whether what is seen moves by a cell from one image to the next.

    Raises
    ------
    ValueError
        If an image or a chunk is too large, see `fits`, or a cell is empty.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        images: int,
        cell: tuple[int, int],
        border: tuple[int, int] = (0, 0),
        moves: bool = True,
    ) -> None:
        lines, line_bytes = shape
        image_bytes = lines * line_bytes
        if min(cell) < 1:
            raise ValueError(f"cell: expected at least a byte, found {cell}")
        if not self.fits(image_bytes, images):
            raise ValueError(f"images: expected smaller ones, found {images} of {shape}")
        self._chunk_bytes = images * image_bytes
        self._works = _make_works(self._chunk_bytes)
        beside, below = cell[1], cell[0] * line_bytes
        given = {
            "image_bytes": image_bytes,
            "line_bytes": line_bytes,
            "words": ceil_div(line_bytes, 64),
            "lines": lines,
            "border_lines": border[0],
            "band_lines": cell[0],
            "border_bytes": border[1],
            "cell_bytes": cell[1] if cell[1] >= _LEAST_CELL else _NO_CELL,
        }
        for name, value in given.items():
            self._works[name] = value
        self._works["distances"][0, [LEFT, ABOVE]] = beside, below
        ways = [-beside, beside, -below, below] if moves else []
        shifts = [image_bytes + way for way in ways if image_bytes + way > 0]
        self._shifts = np.array([image_bytes, *(shifts or [image_bytes])])
        self._out = self._works["out"][0]
        self._view = self._out.data
        self._chunk: NDArray[np.uint8] | None = None
        self._encode = Entry("encode_frame", FRAME, ENCODER)
        self._arrays = self._works, self._shifts

    @staticmethod
    def fits(image_bytes: int, images: int) -> bool:
        """Tell whether chunks of such images can be encoded.

        Parameters
        ----------
        image_bytes : int
            Bytes of an image.
        images : int
            Images in a chunk.
        """
        return 0 < image_bytes <= MOST_BLOCK and image_bytes * images <= MOST_CHUNK

    def needed(self) -> Needed:
        """Return the compiled function that this encoder calls, with its arguments."""
        return Needed(self._encode, self._arrays, 2)

    def load(self) -> None:
        """Load or compile the function before it is called."""
        compile_missing([self.needed()])

    def __call__(
        self, chunk: NDArray[np.uint8], checksum: Callable[[NDArray[np.uint8]], bytes]
    ) -> bytes | None:
        """Compress a chunk and append a checksum.

        Parameters
        ----------
        chunk : ndarray, uint8
            The images of a whole chunk, C-contiguous, in any shape.
        checksum : callable
            Takes the compressed bytes as an array and returns what to append.

        Returns
        -------
        bytes or None
            None if some block would not get smaller.

        Raises
        ------
        ValueError
            If the chunk is not contiguous or has another size.
        """
        if chunk is not self._chunk:
            if not (chunk.flags.c_contiguous and chunk.nbytes == self._chunk_bytes):
                raise ValueError(
                    f"chunk: expected {self._chunk_bytes} bytes in one piece, found {chunk.shape}"
                )
            # Most often the same memory is filled again.
            self._chunk, self._address = chunk, chunk.ctypes.data
        size = self._encode(self._arrays, self._address, self._chunk_bytes)
        if not size:
            return None
        mark = checksum(self._out[:size])
        self._view[size : size + len(mark)] = mark
        return bytes(self._view[: size + len(mark)])


def _make_works(chunk_bytes: int) -> NDArray[Any]:
    """Make the record, in one of a few sizes so that there are few variants of the code.

    Its unused part takes no memory.
    """
    room = _LEAST_ROOM
    while room < chunk_bytes:
        room *= 4
    return aligned_zeros((1,), work_dtype(room))
