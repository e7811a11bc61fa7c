"""Copying bytes in compiled code, by a few instructions instead of a loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import extending
from numba.core import types
from numpy.typing import NDArray

from crafter_dataset.engine.compiled.jit import address_in, inlined
from crafter_dataset.engine.fast.picture import BLOCK, Picture

intrinsic: Callable[..., Any] = extending.intrinsic

PIXELS = 16
"""Pixels that `interleave_block` copies."""


@inlined
def whole_blocks(count: int, size: int) -> int:
    """Round up to a multiple of the size of a block.

    Parameters
    ----------
    count : int
        What to round, 0 or more.
    size : int
        Size of a block, 1 or more.
    """
    return -(-count // size) * size


def _address(context: Any, builder: Any, kind: Any, array: Any, start: Any, lanes: int) -> Any:
    """Make a pointer to `lanes` bytes of an array, as one vector."""
    vector = ir.VectorType(ir.IntType(8), lanes)
    return address_in(context, builder, kind, array, start, vector)


@intrinsic
def copy_block(typing_context: Any, target: Any, at: Any, source: Any, start: Any) -> Any:
    """Copy 32 bytes from element `start` of one array to element `at` of another.

    Bounds are not checked.

    Parameters
    ----------
    typing_context : numba.core.typing.Context
        Passed by numba, not by kernels.
    target : ndarray
        Array to write to, contiguous.
    at : int
        Index of the first element to write, over all axes.
    source : ndarray
        Array to read from, contiguous, of the same dtype.
    start : int
        Index of the first element to read, over all axes.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kinds = signature.args
        to = _address(context, builder, kinds[0], arguments[0], arguments[1], BLOCK)
        origin = _address(context, builder, kinds[2], arguments[2], arguments[3], BLOCK)
        builder.store(builder.load(origin, align=1), to, align=1)
        return context.get_dummy_value()

    return types.none(target, types.intp, source, types.intp), generate


@intrinsic
def interleave_block(
    typing_context: Any, target: Any, at: Any, red: Any, green: Any, blue: Any, start: Any
) -> Any:
    """Copy 16 pixels of three planes to 48 bytes, with the colors side by side.

    Bounds are not checked.

    Parameters
    ----------
    typing_context : numba.core.typing.Context
        Passed by numba, not by kernels.
    target : ndarray, shape (bytes,), uint8
        Array to write to.
    at : int
        Index of the first byte to write.
    red, green, blue : ndarray, shape (pixels,), uint8
        Planes to read from.
    start : int
        Number of the first pixel to read.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kinds = signature.args
        planes = [
            builder.load(
                _address(context, builder, kinds[i], arguments[i], arguments[5], PIXELS), align=1
            )
            for i in (2, 3, 4)
        ]
        index = ir.VectorType(ir.IntType(32), 2 * PIXELS)
        both = builder.shuffle_vector(
            planes[0], planes[1], ir.Constant(index, list(range(2 * PIXELS)))
        )
        third = builder.shuffle_vector(
            planes[2], planes[2], ir.Constant(index, list(range(2 * PIXELS)))
        )
        order = [color * PIXELS + pixel for pixel in range(PIXELS) for color in range(3)]
        index = ir.VectorType(ir.IntType(32), 3 * PIXELS)
        pixels = builder.shuffle_vector(both, third, ir.Constant(index, order))
        to = _address(context, builder, kinds[0], arguments[0], arguments[1], 3 * PIXELS)
        builder.store(pixels, to, align=1)
        return context.get_dummy_value()

    return types.none(target, types.intp, red, green, blue, types.intp), generate


@inlined
def end_line(picture: Picture, frame: NDArray[np.uint8], line: int) -> None:
    """Clear the bytes between a line of the local view and the next, and maybe some of the next.

    Parameters
    ----------
    picture : Picture
        Sizes of the picture and its view.
    frame : ndarray, shape (height * width * 3,), uint8
        Changed, in the order [y, x, channel].
    line : int
        Number of the line, from the top of the local view.
    """
    view_bytes = picture.grid_x * picture.unit_x * 3
    at = (picture.border_y + line) * picture.width * 3 + picture.border_x * 3 + view_bytes
    count = picture.width * 3 - view_bytes
    for block in range(0, count, BLOCK):
        if at + block + BLOCK <= len(frame):
            copy_block(frame, at + block, picture.black, block)
        else:
            for i in range(block, count):
                frame[at + i] = 0
            break
