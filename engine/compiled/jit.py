"""How code is compiled: kernels by numba, and entries into object files.

The object files need no numba to be called, see `engine.compiled.native`.
"""

from __future__ import annotations

import ctypes
import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, get_type_hints

import numba
import numpy as np
from llvmlite import binding
from numba import types
from numba.extending import intrinsic

from crafter_dataset.engine.compiled.machine import target_machine

_numba: Any = numba
_types: Any = types
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}

_TO_RAISE = re.compile(
    "numba_(gil_ensure|gil_release|unpickle|runtime_build_excinfo_struct|do_raise)"
    "|NRT_(Free|MemInfo_call_dtor)|_?Py[A-Z]\\w*"
)
_DECLARATION = re.compile(r"^declare (?P<head>[^@\n]*@(?P<name>[\w.$]+)\(.*)$", re.MULTILINE)
_VARIABLE = re.compile(r"^(@_?Py\w+) = external .*?global ([\w*]+).*$", re.MULTILINE)


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function that other compiled functions, or an entry, call."""
    return _numba.njit(**_OPTIONS)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a kernel into those that call it.

    For those that are called often and do little, and those that are given
    many arrays: a call counts references to each of them, which can take
    longer than the function itself.
    """
    return _numba.njit(forceinline=True, **_OPTIONS)(function)


def address_in(context: Any, builder: Any, kind: Any, array: Any, at: Any, to: Any) -> Any:
    """Point to what is of an LLVM type at an element of an array; for intrinsics."""
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [at]), to.as_pointer())


@intrinsic
def _pointer(typing_context: Any, address: Any) -> Any:
    """Make a pointer of an address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(_types.voidptr))

    return _types.voidptr(_types.int64), generate


def compile_entry(name: str, module: str, arrays: tuple[Any, ...], numbers: int) -> bytes:
    """Compile a function of a module for arguments of the types of some examples.

    Returns
    -------
    bytes
        A line with the symbol to call, then an object file. The symbol takes a
        pointer to a frame as `native.Entry` lays it out.
    """
    home = importlib.import_module(module)
    function, tuples = getattr(home, name), getattr(home, "TUPLES", {})
    parameters = list(inspect.signature(function.py_func).parameters)
    names: dict[str, Any] = {"function": function, "carray": _numba.carray, "pointer": _pointer}
    places = count()
    arguments = [
        _argument(value, tuples.get(parameter), names, places)
        for parameter, value in zip(parameters, arrays, strict=False)
    ] + [f"frame[{next(places)}]" for _ in range(numbers)]
    exec(f"def unpack(frame):\n    return function({', '.join(arguments)})", names)
    signature = _types.int64(_types.CPointer(_types.int64))
    compiled = _numba.cfunc(signature, error_model="numpy")(names["unpack"])
    code = binding.parse_assembly(_stub(compiled.inspect_llvm()))
    check_externals(name, [function.name for function in code.functions if function.is_declaration])
    machine_code: bytes = target_machine().emit_object(code)
    return compiled.native_name.encode() + b"\n" + machine_code


def _stub(code: str) -> str:
    """Give a body to what the code names only to raise exceptions, which kernels do not.

    So it can be loaded where none of that is there, and nobody else's code is
    led astray. Should it be called after all, it ends the process.
    """

    def define(declaration: re.Match[str]) -> str:
        if not _TO_RAISE.fullmatch(declaration["name"]):
            return declaration[0]
        return f"define internal {declaration['head']} {{\n  call void @abort()\n  unreachable\n}}"

    code = _DECLARATION.sub(define, code)
    code = _VARIABLE.sub(r"\1 = internal global \2 zeroinitializer", code)
    return code if "@abort()" not in code else f"{code}\ndeclare void @abort()\n"


def check_externals(name: str, externals: list[str]) -> None:
    """Refuse code that calls what is only there once numba is imported.

    Memory is given to kernels, they take none for themselves.

    Raises
    ------
    TypeError
        If it calls anything but LLVM's own functions and the system's.
    """
    system = ctypes.CDLL(None)
    found = [n for n in externals if not n.startswith("llvm.") and not hasattr(system, n)]
    if found:
        raise TypeError(
            f"{name}: expected kernels that call nothing of numba's, found {', '.join(found)}"
        )


def _argument(
    value: Any, make: type[Any] | None, names: dict[str, Any], places: Iterator[int]
) -> str:
    """Write down how an argument is taken out of a frame, and name what that needs."""
    if isinstance(value, tuple):
        assert make is not None
        names[make.__name__] = make
        inner = get_type_hints(make)
        items = (
            _argument(item, inner[name], names, places)
            for name, item in zip(inner, value, strict=True)
        )
        return f"{make.__name__}({', '.join(items)})"
    place = next(places)
    if not isinstance(value, np.ndarray):
        return f"frame[{place}]"
    names[f"type_{place}"] = value.dtype if value.dtype.names else value.dtype.type
    shape = "".join(f"frame[{next(places)}], " for _ in value.shape)
    return f"carray(pointer(frame[{place}]), ({shape}), type_{place})"
