"""What is behind a function of anyone's that is compiled: sources and constants."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from crafter_dataset.engine.compiled.code import Code
from crafter_dataset.engine.crafter_constants import crafter_files

_PACKAGE = __name__.partition(".")[0]
_PACKAGES = ("crafter",)
_LIBRARIES = ("numpy", "numba", "math", "builtins")
"""What is in these changes with their versions alone, which count."""


def code_in(name: str, module: str) -> Code:
    """Return what a function of a module of this package follows from, without importing it.

    Parameters
    ----------
    name : str
        Name for people to read.
    module : str
        Dotted name of the module.
    """
    return Code(name, modules=(module,), packages=_PACKAGES, files=crafter_files)


def code_behind(name: str, function: Callable[..., Any]) -> Code:
    """Return what a function follows from: all that it calls, and the constants that it uses.

    Parameters
    ----------
    name : str
        Name for people to read.
    function : callable
        The function, or what the compiler has made of it.
    """
    functions, values = _walk(function)
    modules, files = set[str](), dict[Path, None]()
    for each in functions:
        if each.__module__.partition(".")[0] == _PACKAGE:
            modules.add(each.__module__)
        elif (path := Path(each.__code__.co_filename)).is_file():
            files[path] = None
        else:  # written in a session
            values += [repr(_content(each.__code__)).encode()]
    found = [*files]
    return Code(
        name,
        modules=tuple(sorted(modules)),
        packages=_PACKAGES,
        files=lambda: [*found, *crafter_files()],
        values=tuple(values),
    )


def functions_behind(function: Callable[..., Any]) -> list[FunctionType]:
    """Return the plain functions that a function uses, itself first.

    Parameters
    ----------
    function : callable
        The function, or what the compiler has made of it.
    """
    return _walk(function)[0]


def plain(function: Any) -> Any:
    """Return the Python function that a compiled one was made of.

    Parameters
    ----------
    function : callable
        The function, or what the compiler has made of it.
    """
    return inspect.unwrap(getattr(function, "py_func", function))


def _walk(function: Any) -> tuple[list[FunctionType], list[bytes]]:
    """List all functions that a function uses, and the constants of each."""
    functions: dict[FunctionType, None] = {}
    values: list[bytes] = []
    waiting = [plain(function)]
    while waiting:
        function = waiting.pop()
        if function in functions:
            continue
        functions[function] = None
        for name, value in _used(function):
            for place, part in _parts(name, value):
                inner = plain(part)
                if isinstance(inner, FunctionType):
                    waiting.append(inner)
                if not isinstance(part, ModuleType):
                    values.append(f"{place}={_text(inner)}".encode())
    return list(functions), values


def _used(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield what a function finds by its names: globals, what it encloses, parts of modules."""
    names = dict.fromkeys(_names(function.__code__))
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    places = {name: function.__globals__[name] for name in names if name in function.__globals__}
    places |= {name: cell.cell_contents for name, cell in cells}
    yield from _reached(places, names, set())
    yield from ((f"default {at}", v) for at, v in enumerate(function.__defaults__ or ()))


def _reached(
    places: Mapping[str, Any], names: Iterable[str], seen: set[int]
) -> Iterator[tuple[str, Any]]:
    """Yield values by their names, and those that modules and classes among them have by names."""
    for place, value in places.items():
        yield place, value
        if isinstance(value, ModuleType | type) and id(value) not in seen:
            seen.add(id(value))
            home = value.__name__ if isinstance(value, ModuleType) else value.__module__
            if home.partition(".")[0] not in _LIBRARIES:
                inside = {f"{place}.{n}": getattr(value, n) for n in names if hasattr(value, n)}
                yield from _reached(inside, names, seen)


def _parts(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield a value, and what is in it: of a tuple its items, of an enumeration its members."""
    yield place, value
    inside: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, enum.EnumMeta):
        inside = value.__members__.items()
    elif isinstance(value, enum.Enum):
        inside = [("value", value.value)]
    elif isinstance(value, tuple):
        inside = enumerate(value)
    for name, part in inside:
        yield from _parts(f"{place}.{name}", part)


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
        elif isinstance(constant, str) and "getattr" in code.co_names:
            yield constant


def _content(code: CodeType) -> tuple[Any, ...]:
    constants = [_content(c) if isinstance(c, CodeType) else c for c in code.co_consts]
    return code.co_code, code.co_names, code.co_varnames, constants


def _text(value: Any) -> str:
    """Describe a constant; two that differ have different texts, or parts of different texts."""
    if isinstance(value, enum.Enum):  # which may represent itself in any way
        return f"{_text(type(value))}.{value.name}"
    if isinstance(value, tuple):
        return f"{_text(type(value))}{getattr(value, '_fields', '')}{len(value)}"
    if isinstance(value, type) or callable(value):
        return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '')}"
    if hasattr(value, "tobytes"):  # an array, which says only a part of itself
        return f"{value.dtype.descr}{value.shape}{value.tobytes().hex()}"
    return repr(value)
