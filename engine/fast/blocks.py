"""Copying bytes in compiled code, as few instructions rather than a loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import extending
from numba.core import types

from crafter_dataset.engine.compiled.jit import address_in, inlined

intrinsic: Callable[..., Any] = extending.intrinsic

BLOCK = 32
"""Bytes that `copy_block` copies."""
PIXELS = 16
"""Pixels that `interleave_block` copies."""


@inlined
def whole_blocks(count: int, size: int) -> int:
    """Round up to a multiple of the size of a block."""
    return -(-count // size) * size


def _address(context: Any, builder: Any, kind: Any, array: Any, start: Any, lanes: int) -> Any:
    """Point to `lanes` bytes of an array as to one vector."""
    vector = ir.VectorType(ir.IntType(8), lanes)
    return address_in(context, builder, kind, array, start, vector)


@intrinsic
def copy_block(typing_context: Any, target: Any, at: Any, source: Any, start: Any) -> Any:
    """Copy `source[start : start + 32]` to `target[at : at + 32]`; neither is checked."""

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
    """Copy 16 pixels from `start` of three planes to 48 bytes from `at`; nothing is checked."""

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
def end_line(picture: Any, frame: Any, line: int) -> None:
    """Clear what is between a line of the local view and the next one, and perhaps more of that."""
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
