"""What the blocks of the documentation call, as commands or from Python, and what that writes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import click

from crafter_dataset.commands.build import command as build_command
from crafter_dataset.commands.convert import command as convert_command
from crafter_dataset.commands.inspect import command as inspect_command
from crafter_dataset.commands.merge import command as merge_command
from crafter_dataset.commands.plot import command as plot_command
from crafter_dataset.commands.split import command as split_command
from crafter_dataset.commands.validate import command as validate_command
from crafter_dataset.commands.view import command as view_command
from tests.docs.pages import Block, command_lines

COMMANDS = {
    c.name: c
    for c in (
        build_command,
        validate_command,
        inspect_command,
        view_command,
        plot_command,
        convert_command,
        merge_command,
        split_command,
    )
}

WRITTEN = {
    "build": ("path",),
    "convert": ("out",),
    "merge": ("out",),
    "split": ("outs",),
    "plot": ("out",),
    "view": ("screenshot", "export"),
}
"""Arguments that name what is written, by function."""

POSITIONAL = {
    "build": ("path",),
    "convert": ("source", "out"),
    "merge": ("sources", "out"),
    "split": ("source", "outs"),
    "plot": ("dataset", "out"),
    "view": ("paths",),
}

FIRST_NUMBERS = {"frames": (500, 500), "episodes": (100, 2)}
"""Numbers of a build that are made smaller here: by what, and to what at least."""


@dataclass(frozen=True)
class Call:
    """A call of a function of the project, or of the command of its name.

    Parameters
    ----------
    function : str
        `build`, `convert` or another.
    arguments : dict
        Those that are given, by name. A command's are texts, as they are typed.
    line : int
        Where it is in its page.
    """

    function: str
    arguments: dict[str, Any]
    line: int

    @property
    def writes(self) -> list[str]:
        """Paths that it makes."""
        found: list[str] = []
        for name in WRITTEN.get(self.function, ()):
            value = self.arguments.get(name) or []
            found += [value] if isinstance(value, str) else value
        return found

    @property
    def may_find_it_there(self) -> bool:
        """Whether it reads or replaces what it finds at its paths."""
        return any(self.arguments.get(name) for name in ("resume", "overwrite", "append"))

    @property
    def settings(self) -> dict[str, Any]:
        """What is asked for, in one form for commands and Python."""
        return {
            name: as_typed(name, value)
            for name, value in self.arguments.items()
            if name not in WRITTEN[self.function]
        }


def as_typed(name: str, value: Any) -> Any:
    """Give a Python value the form that it has on a command line."""
    if name == "policy":
        return value.rpartition(":")[2]  # the function or class itself has no module here
    if isinstance(value, bool):
        return value
    if isinstance(value, dict):
        return [f"{key}={one}" for key, one in value.items()]
    if isinstance(value, list) and name == "fields":
        return ",".join(value)
    return value if isinstance(value, list) else str(value)


def calls(block: Block) -> Iterator[Call]:
    """Yield the calls of a block, in order."""
    if block.language == "bash":
        for words in command_lines(block):
            if words[0] in COMMANDS:
                yield Call(words[0].removesuffix("-dataset"), typed(words), block.line)
    elif block.language == "python":
        found = [node for node in ast.walk(ast.parse(block.text)) if isinstance(node, ast.Call)]
        for node in sorted(found, key=lambda node: node.lineno):
            function = function_of(node)
            if function in POSITIONAL:
                given = dict(zip(POSITIONAL[function], node.args, strict=False))
                given |= {word.arg: word.value for word in node.keywords if word.arg}
                arguments = {name: literal(value) for name, value in given.items()}
                yield Call(function, arguments, block.line + node.lineno - 1)


def typed(words: list[str]) -> dict[str, Any]:
    """Return what is given on a command line, by the names of Python."""
    command = COMMANDS[words[0]]
    values, *_ = command.make_parser(click.Context(command)).parse_args(words[1:])
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if isinstance(value, str | bool | list | tuple)
    }


def function_of(node: ast.Call) -> str:
    """Return the name of the project's function that is called; methods are not among them."""
    match node.func:
        case ast.Name(name) | ast.Attribute(ast.Name("crafter_dataset"), name):
            return name
    return ""


def literal(node: ast.expr) -> Any:
    """Return a constant's value, or the text of what is none."""
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ast.unparse(node)


def smaller(name: str, number: int) -> int:
    """Let a build take a second: return what stands here for a number of frames or episodes."""
    scale, least = FIRST_NUMBERS[name]
    return max(number // scale, least)


class SmallerBuilds(ast.NodeTransformer):
    """Makes the numbers of frames and episodes smaller in calls of `build`."""

    def visit_Call(self, node: ast.Call) -> ast.Call:
        """Change one call."""
        self.generic_visit(node)
        if function_of(node) == "build":
            for word in node.keywords:
                if word.arg in FIRST_NUMBERS and isinstance(word.value, ast.Constant):
                    number = ast.Constant(smaller(word.arg, word.value.value))
                    word.value = ast.copy_location(number, word.value)
        return node
