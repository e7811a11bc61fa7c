"""Mistakes in the functions of a compiled policy, found in their sources and told in one line.

The compiler would report most of them, at length and without their place; and it would compile a
function that writes to the world.
"""

from __future__ import annotations

import ast
import builtins
import difflib
import inspect
import re
import textwrap
from collections.abc import Callable, Collection, Iterator, Mapping
from types import FunctionType
from typing import Any

from crafter_dataset.builder.policies.kernel_records import (
    MEMORY,
    PART,
    WORLD,
    Own,
    records_of,
    root_of,
)
from crafter_dataset.engine import kernels
from crafter_dataset.engine.compiled.behind import functions_behind
from crafter_dataset.schemas.errors import CrafterDatasetError

_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
_PLACES = re.compile(r" at (?P<file>\S+\.py) \((?P<line>\d+)\)")
_SKIPPED = re.compile(r"Failed in nopython mode|During: |\s*$|File ")
_PREFIXES = {"inventory": "ITEM_", "achievements": "ACHIEVEMENT_"}
_KERNEL_NAMES = [name for name in kernels.__all__ if name.isupper()]
_PACKAGE = __name__.partition(".")[0]


class KernelError(CrafterDatasetError):
    """A function of a compiled policy cannot be what it is."""


def check_kernels(
    choose: Callable[..., Any], world: Collection[str], memory: Collection[str]
) -> None:
    """Refuse functions with mistakes that can be seen without compiling them.

    Parameters
    ----------
    choose : callable
        The function that chooses actions; all functions of the user's that it calls are looked at.
    world, memory : collection of str
        Fields of its first two arguments.

    Raises
    ------
    KernelError
        If `choose` does not take three arguments; or a function finds no such name, asks for a
        field that there is not, or writes to the world.
    """
    functions = [each for each in functions_behind(choose) if not _is_own(each)]
    if not functions:
        return
    code = functions[0].__code__
    names = code.co_varnames[: code.co_argcount]
    if not len(names) - len(functions[0].__defaults__ or ()) <= 3 <= len(names):
        found = f"({', '.join(names)})"
        _fail(functions[0], code.co_firstlineno, "the arguments (world, memory, random)", found)
    nodes = {function: list(_nodes(function)) for function in functions}
    records = records_of(nodes, dict(zip(names, (WORLD, MEMORY), strict=False)))
    fields = {WORLD: world, MEMORY: memory}
    for function in functions:
        own = records[function]
        bound = {n.id for n in nodes[function] if isinstance(n, ast.Name) and _is_bound(n)}
        bound.update(function.__code__.co_varnames, function.__code__.co_freevars)
        for node in nodes[function]:
            _check_name(function, node, bound)
            _check_field(function, node, own, fields)
            _check_index(function, node, own)
            _check_write(function, node, own)


def compiler_message(error: BaseException) -> str:
    """Return what the compiler reports, in one line, with its place in the user's code.

    Parameters
    ----------
    error : BaseException
        What numba has raised.
    """
    text = _ESCAPES.sub("", str(error))
    if "OptionalType" in text or "(none)" in text:
        return "expected a number to be returned in every case, found none"
    lines = [line.strip() for line in text.splitlines() if not _SKIPPED.match(line)]
    said = next(iter(lines), "") or type(error).__name__
    said = re.sub(r"Record\(\[.*", "a record", said)
    places = [f"{at['file']}:{at['line']}" for at in _PLACES.finditer(text)]
    where = [place for place in places if f"/{_PACKAGE}/" not in place and "/numba/" not in place]
    return f"{where[-1] if where else 'numba'}: {said}"


def _is_own(function: FunctionType) -> bool:
    return function.__module__.partition(".")[0] == _PACKAGE


def _nodes(function: FunctionType) -> Iterator[ast.AST]:
    """Yield what a function consists of; nothing if its source is not known."""
    try:
        lines, first = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError):
        return
    ast.increment_lineno(tree, first - 1)
    for definition in tree.body:
        for statement in getattr(definition, "body", []):
            yield from ast.walk(statement)


def _is_bound(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def _check_name(function: FunctionType, node: ast.AST, bound: Collection[str]) -> None:
    if isinstance(node, ast.Name) and node.id not in bound and not hasattr(builtins, node.id):
        known = function.__globals__
        if node.id not in known:
            _fail(function, node.lineno, f"a name that is known{_like(node.id, known)}", node.id)


def _check_field(
    function: FunctionType, node: ast.AST, own: Own, fields: Mapping[str, Collection[str]]
) -> None:
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        record = own.get(node.value.id, "")
        if record in fields and node.attr not in fields[record]:
            like = _like(node.attr, fields[record])
            _fail(function, node.lineno, f"a field of {node.value.id}{like}", node.attr)


def _check_index(function: FunctionType, node: ast.AST, own: Own) -> None:
    """Refuse `world.inventory[STONE]`, which is a material."""
    match node:
        case ast.Subscript(
            value=ast.Attribute(value=ast.Name(id=record), attr=field), slice=ast.Name(id=index)
        ) if own.get(record) == WORLD and field in _PREFIXES and index in _KERNEL_NAMES:
            if not index.startswith(_PREFIXES[field]):
                like = _like(_PREFIXES[field] + index, _KERNEL_NAMES)
                _fail(function, node.lineno, f"an index that {field} has{like}", index)


def _check_write(function: FunctionType, node: ast.AST, own: Own) -> None:
    if not isinstance(node, ast.Attribute | ast.Subscript) or isinstance(node.ctx, ast.Load):
        return
    if own.get(root_of(node)) in (WORLD, PART):
        found = f"{ast.unparse(node)} = ..."
        _fail(function, node.lineno, "the world to be read alone", found)


def _like(name: str, known: Collection[str]) -> str:
    """Return a name that may have been meant, to end what is expected with."""
    near = difflib.get_close_matches(name, list(known), 1)
    return f", such as {near[0]}" if near else ""


def _fail(function: FunctionType, line: int, expected: str, found: str) -> None:
    raise KernelError(
        f"{function.__code__.co_filename}:{line}, in {function.__name__}: expected {expected}, "
        f"found {found}"
    )
