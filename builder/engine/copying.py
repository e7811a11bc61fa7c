"""Copying bytes in compiled code, as one instruction rather than a loop."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic


@intrinsic
def copy_block(typing_context: Any, target: Any, at: Any, source: Any, start: Any) -> Any:
    """Copy `source[start : start + 32]` to `target[at : at + 32]`; neither is checked."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target_type, _, source_type, _ = signature.args
        to = context.make_array(target_type)(context, builder, arguments[0]).data
        origin = context.make_array(source_type)(context, builder, arguments[2]).data
        vector = ir.VectorType(ir.IntType(8), 32).as_pointer()
        to = builder.bitcast(builder.gep(to, [arguments[1]]), vector)
        origin = builder.bitcast(builder.gep(origin, [arguments[3]]), vector)
        builder.store(builder.load(origin, align=1), to, align=1)
        return context.get_dummy_value()

    return types.none(target, types.intp, source, types.intp), generate
