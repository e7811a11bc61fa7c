"""How the engine is compiled: kernels by numba, and entries into object files.

The object files need no numba to be called, see `builder.engine.native`.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import numba
import numpy as np
from llvmlite import binding
from numba import types
from numba.extending import intrinsic

from builder.engine.native import target_machine

_numba: Any = numba
_types: Any = types
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function that other compiled functions call."""
    return _numba.njit(**_OPTIONS)(function)


@intrinsic
def _pointer(typing_context: Any, address: Any) -> Any:
    """Make a pointer of an address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(_types.voidptr))

    return _types.voidptr(_types.int64), generate


def compile_entry(name: str, arrays: tuple[Any, ...], numbers: int) -> bytes:
    """Compile a function of `builder.engine.step` for arguments of the types of some examples.

    Returns
    -------
    bytes
        A line of JSON (the symbol to call, and those that the code needs), then
        an object file. The symbol takes a pointer to a frame as `native.Entry`
        lays it out.
    """
    from builder.engine.step import ENTRIES, TUPLES

    function = ENTRIES[name]
    parameters = list(inspect.signature(function.py_func).parameters)
    names: dict[str, Any] = {"function": function, "carray": _numba.carray, "pointer": _pointer}
    places = count()
    arguments = [
        _argument(value, TUPLES.get(parameter), names, places)
        for parameter, value in zip(parameters, arrays, strict=False)
    ] + [f"frame[{next(places)}]" for _ in range(numbers)]
    exec(f"def unpack(frame):\n    return function({', '.join(arguments)})", names)
    signature = _types.int64(_types.CPointer(_types.int64))
    compiled = _numba.cfunc(signature, error_model="numpy")(names["unpack"])
    module = binding.parse_assembly(compiled.inspect_llvm())
    externals = [
        value.name
        for value in [*module.functions, *module.global_variables]
        if value.is_declaration and not value.name.startswith("llvm.")
    ]
    about = {"symbol": compiled.native_name, "externals": externals}
    code: bytes = target_machine().emit_object(module)
    return json.dumps(about).encode() + b"\n" + code


def _argument(
    value: Any, make: type[Any] | None, names: dict[str, Any], places: Iterator[int]
) -> str:
    """Write down how an argument is taken out of a frame, and name what that needs."""
    if isinstance(value, tuple):
        assert make is not None
        names[make.__name__] = make
        items = (_argument(item, None, names, places) for item in value)
        return f"{make.__name__}({', '.join(items)})"
    place = next(places)
    if not isinstance(value, np.ndarray):
        return f"frame[{place}]"
    names[f"type_{place}"] = value.dtype if value.dtype.names else value.dtype.type
    shape = "".join(f"frame[{next(places)}], " for _ in value.shape)
    return f"carray(pointer(frame[{place}]), ({shape}), type_{place})"
