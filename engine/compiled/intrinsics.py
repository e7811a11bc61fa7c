"""Single instructions of the processor in compiled code."""

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


@intrinsic
def trailing_zeros(typing_context: Any, word: Any) -> Any:
    """Count the zero bits of a uint64 below its lowest one bit; 64 if the word is 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(_BIT, 0))

    return types.uint64(types.uint64), generate


@intrinsic
def ones(typing_context: Any, word: Any) -> Any:
    """Count the one bits of a uint64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


@intrinsic
def highest_bit(typing_context: Any, word: Any) -> Any:
    """Return the number of a uint64's highest one bit, its logarithm; the word must not be 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        zeros = builder.ctlz(arguments[0], ir.Constant(_BIT, 1))
        return builder.sub(_WORD(63), zeros)

    return types.uint64(types.uint64), generate


@intrinsic
def set_bytes(typing_context: Any, array: Any, at: Any) -> Any:
    """Return a uint64 that tells which of the bytes `array[at : at + 64]` are not 0.

    Bit i stands for byte `at + i`; bounds are not checked.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = address_in(context, builder, signature.args[0], *arguments, _BLOCK)
        block = builder.load(place, align=1)
        return builder.bitcast(builder.icmp_unsigned("!=", block, _BLOCK(None)), _WORD)

    return types.uint64(array, types.intp), generate


@intrinsic
def multiply_add(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """Return `a * b + c` in single precision, rounded once or twice, whichever is faster."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        single = ir.FloatType()
        name, kind = "llvm.fmuladd.f32", ir.FunctionType(single, [single] * 3)
        function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
        return builder.call(function, arguments)

    return types.float32(types.float32, types.float32, types.float32), generate


@intrinsic
def use_wide_vectors(typing_context: Any) -> Any:
    """Let loops of the function in which this is called use the widest vectors there are.

    LLVM uses vectors of 256 bits even where there are 512, since the first
    processors with 512 bits ran slower when using them.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        # llvmlite's own `add` takes no attributes but those without a value.
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.none(), generate


@intrinsic
def call(typing_context: Any, address: Any, frame: Any) -> Any:
    """Call a compiled function with its arguments, as `native.Entry.laid_out` returns both."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        first = address_in(context, builder, signature.args[1], arguments[1], _WORD(0), _WORD)
        kind = ir.FunctionType(_WORD, [_WORD.as_pointer()])
        function = builder.inttoptr(arguments[0], kind.as_pointer())
        return builder.call(function, [first])

    return types.int64(types.int64, frame), generate
