"""The public API: every name is documented, its examples run, and commands mirror it."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import re
import shutil

import pytest

import crafter_dataset
from crafter_dataset.builder.run_options import RunOptions
from crafter_dataset.builder.settings import BuildSettings, Target, settings_of
from crafter_dataset.commands.ending import names_of
from tests.building import build

MIRRORED = {
    "build": crafter_dataset.build,
    "convert": crafter_dataset.convert,
    "merge": crafter_dataset.merge,
    "split": crafter_dataset.split,
    "validate": crafter_dataset.validate,
    "view": crafter_dataset.view,
    "plot": crafter_dataset.plot,
}
"""Commands, and the functions behind them."""

ONLY_COMMANDS = {"quiet", "config", "as_json", "version", "help", "no_header"}
"""Options of commands that Python has as `progress`, keyword arguments, what is returned, ..."""

IN_PYTHON = {
    "progress", "should_stop", "on_file", "on_window", "on_note", "on_violation", "given", "header",
}  # fmt: skip
"""Arguments that commands have as `--quiet`, signals, what they print, ..."""

PUBLIC = {name: getattr(crafter_dataset, name) for name in crafter_dataset.__all__}
CALLABLE = {name: thing for name, thing in PUBLIC.items() if callable(thing)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with what examples call `data.zarr`, and parts of it."""
    folder = tmp_path_factory.mktemp("examples")
    build(folder / "data.zarr", BuildSettings(seed=7), Target(frames=1500), workers=0)
    return folder


def documented(name):
    """Public functions and methods of a name, with their qualified names."""
    thing = PUBLIC[name]
    yield name, thing
    if inspect.isclass(thing):
        for member, value in vars(thing).items():
            if not member.startswith("_"):
                value = getattr(value, "__func__", value)
                yield f"{name}.{member}", getattr(value, "fget", value)


def is_error(thing):
    return inspect.isclass(thing) and issubclass(thing, BaseException)


def sections(text):
    """Return what stands under each heading of a docstring."""
    parts = re.split(r"^(\w[\w ]*)\n-+$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


ENTRY = re.compile(r"^(\*{0,2}\w+(?:, \*{0,2}\w+)*) : \S|^(\*{1,2}\w+)$", re.MULTILINE)
"""`name : type`, `name, other : type`, or `**name` alone, at the left margin."""


def entries(text):
    """Return the parameters that a section has entries for."""
    found = (typed or starred for typed, starred in ENTRY.findall(text))
    return {name.lstrip("*") for names in found for name in names.split(", ")}


@pytest.mark.parametrize("name", CALLABLE)
def test_everything_is_documented_with_its_parameters(name):
    for qualified, thing in documented(name):
        if not callable(thing):
            continue
        text = inspect.getdoc(thing) or ""
        assert len(text.split()) >= 2, f"{qualified}: no docstring"
        if is_error(thing) or getattr(thing, "_is_protocol", False):
            continue  # an error's arguments are those of the family's first one
        parameters = set(inspect.signature(thing).parameters) - {"self", "cls"}
        missing = parameters - entries(sections(text).get("Parameters", ""))
        assert not missing, f"{qualified}: {', '.join(sorted(missing))} not documented"


@pytest.mark.parametrize(
    "text", ["x : int", "a, x : int", "x, b : int", "*x : int", "**x", "**x : int"]
)
def test_an_entry_documents_its_parameters(text):
    assert "x" in entries(f"a : int\n    One.\n{text}\n    Two.\n")


@pytest.mark.parametrize("text", ["    x : int", "x", "x: int", "As x : int", "xs : int", "a : x"])
def test_a_mention_documents_no_parameter(text):
    assert "x" not in entries(f"a : int\n    One.\n{text}\n    Two.\n")


def written(name):
    """Yield a name's function, or its class's public ones and `__init__`, and their docstrings."""
    (node,) = ast.parse(inspect.getsource(PUBLIC[name])).body
    text = ast.get_docstring(node)
    if isinstance(node, ast.FunctionDef):
        yield node, text
        return
    for member in node.body:
        if isinstance(member, ast.FunctionDef) and not member.name.startswith("_"):
            yield member, ast.get_docstring(member)
        elif isinstance(member, ast.FunctionDef) and member.name == "__init__":
            yield member, text


def raised(node):
    """Yield the names of the classes that a function raises, but not those of nested ones."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            continue
        if isinstance(child, ast.Raise) and child.exc is not None:
            thing = ast.unparse(child.exc.func if isinstance(child.exc, ast.Call) else child.exc)
            if thing.rpartition(".")[2][:1].isupper():
                yield thing
        yield from raised(child)


@pytest.mark.parametrize("name", CALLABLE)
def test_what_is_raised_is_documented(name):
    home = vars(importlib.import_module(PUBLIC[name].__module__))
    for node, text in written(name):
        known = re.findall(r"^\w.*$", sections(text or "").get("Raises", ""), re.MULTILINE)
        known = {each.rpartition(".")[2] for line in known for each in line.split(", ")}
        for error in raised(node):
            bases = {base.__name__ for base in eval(error, home).__mro__} - {"Exception"}
            assert bases & known, f"{name}, {node.name}: {error} is not documented"


@pytest.mark.parametrize("name", MIRRORED)
def test_functions_behind_commands_say_what_they_return_and_raise_by_an_example(name):
    text = inspect.getdoc(MIRRORED[name])
    for heading in ("Parameters", "Returns", "Raises", "Examples"):
        assert re.search(rf"^{heading}\n-+$", text, re.MULTILINE), heading


def examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    for name, thing in CALLABLE.items():
        module = importlib.import_module(thing.__module__)
        for test in finder.find(thing, name, module=module, globs={}):
            if test.examples:
                yield pytest.param(test, id=test.name)


@pytest.mark.parametrize("test", list(examples()))
def test_examples_run(test, folder, tmp_path, monkeypatch):
    for path in folder.iterdir():
        if path.name != "data.zarr" or test.name != "build":
            shutil.copytree(path, tmp_path / path.name)
    monkeypatch.chdir(tmp_path)
    test.globs.update(crafter_dataset=crafter_dataset)
    said = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    failed = runner.run(test, out=said.append, clear_globs=False).failed
    assert not failed, "".join(said)


@pytest.mark.parametrize("name", [name for name in CALLABLE if not is_error(CALLABLE[name])])
def test_there_are_examples(name):
    examples = sections(inspect.getdoc(CALLABLE[name]) or "").get("Examples", "")
    assert ">>> " in examples, f"{name}: no example"


@pytest.mark.parametrize("name", MIRRORED)
def test_commands_and_functions_take_the_same(name):
    command = importlib.import_module(f"crafter_dataset.commands.{name}").command
    options = set(names_of(command)) - ONLY_COMMANDS
    options = {option for option in options if not option.startswith("no_")}
    function = set(inspect.signature(MIRRORED[name]).parameters) - IN_PYTHON
    assert options == function


@pytest.mark.parametrize("name", ["convert", "merge", "split", "validate", "view", "plot"])
def test_commands_and_functions_have_the_same_defaults(name):
    command = importlib.import_module(f"crafter_dataset.commands.{name}").command
    signature = inspect.signature(MIRRORED[name])
    for parameter in command.params:
        known = signature.parameters.get(parameter.name)
        if known is None or known.default is inspect.Parameter.empty:
            continue
        default = parameter.default
        if type(default).__name__ == "Sentinel":  # how newer versions of click say none
            default = None
        assert (default or None) == (known.default or None), parameter.name


def test_build_has_the_defaults_of_the_settings():
    signature = inspect.signature(crafter_dataset.build)
    declared = settings_of(BuildSettings) | settings_of(RunOptions)
    for name, (default, _) in declared.items():
        assert signature.parameters[name].default == default, name
    assert signature.parameters["policy_args"].default is None
