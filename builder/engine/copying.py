"""Copying bytes in compiled code, as few instructions rather than a loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

BLOCK = 32
"""Bytes that `copy_block` copies."""
PIXELS = 16
"""Pixels that `interleave_block` copies."""


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a function into those that call it.

    As `builder.compiled.jit.kernel`, for functions that are called often and do
    little, and for those that are given many arrays: a call counts references
    to each of them, which can take longer than the function itself.
    """
    return numba.njit(nogil=True, error_model="numpy", forceinline=True)(function)


def _address(context: Any, builder: Any, kind: Any, array: Any, start: Any, lanes: int) -> Any:
    """Point to `lanes` bytes of an array as to one vector."""
    data = context.make_array(kind)(context, builder, array).data
    vector = ir.VectorType(ir.IntType(8), lanes).as_pointer()
    return builder.bitcast(builder.gep(data, [start]), vector)


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
