"""By which names the functions of a compiled policy know the world, its parts, and the memory."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from types import FunctionType
from typing import Any

from crafter_dataset.engine.compiled.behind import plain

WORLD, PART, MEMORY = "world", "a part of the world", "memory"

Own = Mapping[str, str]
"""What a function knows by its names: `WORLD`, `PART` or `MEMORY`."""


def records_of(
    nodes: Mapping[FunctionType, Sequence[ast.AST]], given: Own
) -> dict[FunctionType, dict[str, str]]:
    """Find the names that functions have for the records they are given.

    They are passed on to other functions, and get other names by assignments.

    Parameters
    ----------
    nodes : mapping of function to sequence of ast.AST
        What each function consists of; the one that is called first comes first.
    given : mapping of str to str
        What that one is given, by the names of its arguments.

    Returns
    -------
    dict of function to dict of str to str
        What each function knows, by its names for it.
    """
    found: dict[FunctionType, dict[str, str]] = {function: {} for function in nodes}
    found[next(iter(nodes))].update(given)
    known = -1
    while known != (known := sum(map(len, found.values()))):
        for function, own in found.items():
            for node in nodes[function]:
                for name, value in _assigned(node):
                    _learn(own, name, value, own)
                if isinstance(node, ast.Call):
                    other = plain(_value_of(function, node.func))
                    for name, value in _passed(other, node) if other in found else ():
                        _learn(found[other], name, value, own)
    return found


def root_of(node: ast.AST) -> str:
    """Return the name of which attributes and elements are taken; "" if it is no name.

    Parameters
    ----------
    node : ast.AST
        An expression, such as `world.inventory[0]`.
    """
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _learn(into: dict[str, str], name: str, value: ast.AST, own: Own) -> None:
    kind = own.get(root_of(value))
    if not isinstance(value, ast.Name) and kind is not None:
        kind = None if kind == MEMORY else PART
    if kind is not None:
        into.setdefault(name, kind)


def _assigned(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield the names that an assignment sets, and what to."""
    if not isinstance(node, ast.Assign):
        return
    for target in node.targets:
        if isinstance(target, ast.Name):
            yield target.id, node.value
        elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            for each, value in zip(target.elts, node.value.elts, strict=False):
                if isinstance(each, ast.Name):
                    yield each.id, value


def _passed(function: FunctionType, call: ast.Call) -> Iterator[tuple[str, ast.AST]]:
    """Yield the names of arguments that a call gives, and their values."""
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    yield from zip(names, call.args, strict=False)
    yield from ((word.arg, word.value) for word in call.keywords if word.arg in names)


def _value_of(function: FunctionType, node: ast.AST) -> Any:
    """Return what a function finds by a name or by attributes of one; None if nothing."""
    if isinstance(node, ast.Attribute):
        return getattr(_value_of(function, node.value), node.attr, None)
    return function.__globals__.get(node.id) if isinstance(node, ast.Name) else None
