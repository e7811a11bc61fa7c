"""How code is compiled: kernels by numba, and entries into object files.

The object files need no numba to be called, see `engine.compiled.native`.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
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


@contextlib.contextmanager
def compiling() -> Iterator[None]:
    """Let numba compile what is decorated or called here, though NUMBA_DISABLE_JIT says otherwise.

    That is for debugging one's own functions; these cannot run without.
    """
    disabled = _numba.config.DISABLE_JIT
    _numba.config.DISABLE_JIT = 0
    try:
        yield
    finally:
        _numba.config.DISABLE_JIT = disabled


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function that other compiled functions, or an entry, call.

    Parameters
    ----------
    function : callable
        The function.

    Returns
    -------
    callable
        numba's dispatcher; the function itself is its `py_func`.
    """
    with compiling():
        return _numba.njit(**_OPTIONS)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a kernel into those that call it.

    This is for kernels that are called often and do little, and for those that
    take many arrays: a call counts references to each array, which can take
    longer than the function itself.

    Parameters
    ----------
    function : callable
        The function.

    Returns
    -------
    callable
        numba's dispatcher; the function itself is its `py_func`.
    """
    with compiling():
        return _numba.njit(forceinline=True, **_OPTIONS)(function)


def address_in(context: Any, builder: Any, kind: Any, array: Any, at: Any, to: Any) -> Any:
    """Write, in an intrinsic, a pointer of an LLVM type to an element of an array.

    Parameters
    ----------
    context : numba.core.base.BaseContext
        numba's target context.
    builder : llvmlite.ir.IRBuilder
        Writes the instructions.
    kind : numba.types.Array
        Type of the array.
    array : llvmlite.ir.Value
        The array.
    at : llvmlite.ir.Value
        Index of the element, an integer; not checked.
    to : llvmlite.ir.Type
        Type that is pointed to.

    Returns
    -------
    llvmlite.ir.Value
        The pointer.
    """
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [at]), to.as_pointer())


@intrinsic
def _pointer(typing_context: Any, address: Any) -> Any:
    """Turn an address into a pointer."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(_types.voidptr))

    return _types.voidptr(_types.int64), generate


def kernel_of(name: str, module: str) -> tuple[Any, Mapping[str, type[Any]]]:
    """Find a kernel of a module.

    Parameters
    ----------
    name : str
        Name of the kernel.
    module : str
        Dotted name of its module.

    Returns
    -------
    kernel : callable
        The kernel.
    tuples : mapping of str to type
        Classes of its arguments that are tuples, by name: the module's `TUPLES`.
    """
    home = importlib.import_module(module)
    return getattr(home, name), getattr(home, "TUPLES", {})


def compile_entry(
    function: Any, tuples: Mapping[str, type[Any]], arrays: tuple[Any, ...], numbers: int
) -> bytes:
    """Compile a kernel for arguments of the types of some examples.

    Parameters
    ----------
    function : callable
        The kernel.
    tuples : mapping of str to type
        Classes of its arguments that are tuples, by name.
    arrays : tuple
        Examples of its first arguments: arrays, and tuples of arrays and integers.
    numbers : int
        How many integers follow them.

    Returns
    -------
    bytes
        A line with the symbol to call, then an object file. The symbol takes a
        pointer to a frame as `native.Entry` lays it out.

    Raises
    ------
    TypeError
        If the function calls what is only there once numba is imported.
    """
    parameters = list(inspect.signature(function.py_func).parameters)
    names: dict[str, Any] = {"function": function, "carray": _numba.carray, "pointer": _pointer}
    places = count()
    arguments = [
        _argument(value, tuples.get(parameter), names, places)
        for parameter, value in zip(parameters, arrays, strict=False)
    ] + [f"frame[{next(places)}]" for _ in range(numbers)]
    exec(f"def unpack(frame):\n    return function({', '.join(arguments)})", names)
    signature = _types.int64(_types.CPointer(_types.int64))
    with compiling():
        compiled = _numba.cfunc(signature, error_model="numpy")(names["unpack"])
    code = binding.parse_assembly(_stub(compiled.inspect_llvm()))
    check_externals(
        function.__name__, [function.name for function in code.functions if function.is_declaration]
    )
    machine_code: bytes = target_machine().emit_object(code)
    return compiled.native_name.encode() + b"\n" + machine_code


def _stub(code: str) -> str:
    """Define what the code refers to only in order to raise exceptions, which kernels do not do.

    So the code can be loaded where Python's and numba's functions are missing,
    without defining them for other code. If one is called after all, it ends
    the process.
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

    Kernels allocate no memory; they are passed what they need.

    Parameters
    ----------
    name : str
        Name of the compiled function, for the message.
    externals : list of str
        Symbols that the code uses and does not define.

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
    """Return the expression that takes an argument from a frame, and add the names it uses."""
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
