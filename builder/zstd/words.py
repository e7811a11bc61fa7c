"""Bytes in compiled code, 8 or 64 at a time, at any place; nothing is checked.

Bytes that are only read or compared are passed by address, since each call
would count an array as in use. `masks` is an array of shape (words, 4), uint64:
each row has a word per lane, and the last row is 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import extending
from numba.core import types

from crafter_dataset.engine.compiled.jit import address_in

intrinsic: Callable[..., Any] = extending.intrinsic

_BIT = ir.IntType(1)
_WORD = ir.IntType(64)
_BLOCK = ir.VectorType(ir.IntType(8), 64)
_LANES = ir.VectorType(_WORD, 4)


def _at(builder: Any, address: Any, to: Any) -> Any:
    return builder.inttoptr(address, to.as_pointer())


@intrinsic
def load_byte(typing_context: Any, address: Any) -> Any:
    """Read a byte."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_at(builder, arguments[0], ir.IntType(8)))

    return types.uint8(types.uint64), generate


@intrinsic
def load_word(typing_context: Any, address: Any) -> Any:
    """Read 8 bytes, the first one in the lowest bits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_at(builder, arguments[0], _WORD), align=1)

    return types.uint64(types.uint64), generate


@intrinsic
def store_word(typing_context: Any, array: Any, at: Any, word: Any) -> Any:
    """Write 8 bytes to `array[at : at + 8]`, the lowest bits first."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, at, word = arguments
        to = address_in(context, builder, signature.args[0], array, at, _WORD)
        builder.store(word, to, align=1)
        return context.get_dummy_value()

    return types.none(array, types.uint64, types.uint64), generate


@intrinsic
def copy_64(typing_context: Any, array: Any, at: Any, address: Any) -> Any:
    """Copy 64 bytes from an address to `array[at : at + 64]`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, at, address = arguments
        to = address_in(context, builder, signature.args[0], array, at, _BLOCK)
        builder.store(builder.load(_at(builder, address, _BLOCK), align=1), to, align=1)
        return context.get_dummy_value()

    return types.none(array, types.uint64, types.uint64), generate


@intrinsic
def equal_64(typing_context: Any, first: Any, second: Any) -> Any:
    """Compare 64 bytes at two addresses; bit i of the result tells whether bytes i are equal."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        blocks = [builder.load(_at(builder, address, _BLOCK), align=1) for address in arguments]
        return builder.bitcast(builder.icmp_unsigned("==", *blocks), _WORD)

    return types.uint64(types.uint64, types.uint64), generate


def _windows(context: Any, builder: Any, masks_type: Any, masks: Any, at: Any) -> Any:
    """Return the 64 bits of each lane of `masks` from bit `at` on."""
    row = builder.mul(builder.lshr(at, _WORD(6)), _WORD(_LANES.count))
    low, high = (
        builder.load(address_in(context, builder, masks_type, masks, start, _LANES), align=8)
        for start in (row, builder.add(row, _WORD(_LANES.count)))
    )
    shift = builder.and_(at, _WORD(63))
    # In two steps: where `shift` is 0, one by 64 - shift would be undefined.
    up = _in_all(builder, builder.sub(_WORD(63), shift))
    high = builder.shl(builder.shl(high, _each(1)), up)
    return builder.or_(builder.lshr(low, _in_all(builder, shift)), high)


def _each(value: int) -> Any:
    return ir.Constant(_LANES, [value] * _LANES.count)


def _in_all(builder: Any, value: Any) -> Any:
    nothing = ir.Constant(_LANES, ir.Undefined)
    one = builder.insert_element(nothing, value, ir.IntType(32)(0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), _LANES.count), [0] * _LANES.count)
    return builder.shuffle_vector(one, nothing, zeros)


def _call(builder: Any, name: str, result: Any, *arguments: Any) -> Any:
    """Call one of LLVM's own functions on vectors."""
    function_type = ir.FunctionType(result, [argument.type for argument in arguments])
    function = builder.module.globals.get(name) or ir.Function(builder.module, function_type, name)
    return builder.call(function, arguments)


@intrinsic
def longest_run(typing_context: Any, masks: Any, at: Any, favourite: Any) -> Any:
    """Find the lane that has the most ones in a row from bit `at` on.

    The lower 16 bits of the result are the number of ones, up to 64, times 256,
    plus the lane. The lane `favourite` wins unless another has two ones more.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        masks, at, favourite = arguments
        zeros = builder.not_(_windows(context, builder, signature.args[0], masks, at))
        runs = _call(builder, "llvm.cttz.v4i64", _LANES, zeros, ir.Constant(_BIT, 0))
        numbers = ir.Constant(_LANES, list(range(_LANES.count)))
        is_favourite = builder.icmp_unsigned("==", numbers, _in_all(builder, favourite))
        bonus = builder.select(is_favourite, _each(2 << 16), _each(0))
        scores = builder.add(builder.shl(runs, _each(16)), builder.shl(runs, _each(8)))
        scores = builder.add(builder.add(scores, bonus), numbers)
        return _call(builder, "llvm.vector.reduce.umax.v4i64", _WORD, scores)

    return types.uint64(masks, types.uint64, types.uint64), generate


@intrinsic
def run_starts(typing_context: Any, masks: Any, at: Any) -> Any:
    """Find where, in the 64 bits from `at` on, some lane has eight ones in a row.

    Bit i of the result is set if they begin at bit `at + i`; the last seven are 0.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        masks, at = arguments
        found = _windows(context, builder, signature.args[0], masks, at)
        for further in (1, 2, 4):
            found = builder.and_(found, builder.lshr(found, _each(further)))
        return _call(builder, "llvm.vector.reduce.or.v4i64", _WORD, found)

    return types.uint64(masks, types.uint64), generate
