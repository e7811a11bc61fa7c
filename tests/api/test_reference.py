"""The public API: every name is documented, its examples run, and commands mirror it."""

from __future__ import annotations

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
from tests.api.names import public_names
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

PUBLIC = dict(public_names())
CALLABLE = {name: thing for name, thing in PUBLIC.items() if callable(thing)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with what examples call `data.zarr`, and parts of it."""
    folder = tmp_path_factory.mktemp("examples")
    build(folder / "data.zarr", BuildSettings(seed=5), Target(frames=1500), workers=0)
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


@pytest.mark.parametrize("name", CALLABLE)
def test_everything_is_documented_with_its_parameters(name):
    for qualified, thing in documented(name):
        if not callable(thing):
            continue
        text = inspect.getdoc(thing) or ""
        assert len(text.split()) >= 2, f"{qualified}: no docstring"
        try:
            parameters = inspect.signature(thing).parameters
        except ValueError:
            continue
        for parameter in parameters.values():
            if parameter.name in ("self", "cls", "args", "kwargs") or issubclass_of_error(thing):
                continue
            entry = re.search(rf"^ *(.*\W)?\**{parameter.name}\b", section(text), re.MULTILINE)
            assert entry, f"{qualified}: {parameter.name} is not documented"


def issubclass_of_error(thing):
    """Tell whether it is an exception, whose arguments are those of the family's first one."""
    return inspect.isclass(thing) and issubclass(thing, Exception)


def section(text):
    """Return what stands under Parameters and Attributes."""
    parts = re.split(r"^(\w+)\n-+$", text, flags=re.MULTILINE)
    return "\n".join(
        part for heading, part in zip(parts[1::2], parts[2::2], strict=True)
        if heading in ("Parameters", "Attributes")
    )  # fmt: skip


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


def test_there_are_examples():
    names = {parameters.values[0].name for parameters in examples()}
    expected = set(MIRRORED) | {"open_dataset", "summarize", "Windows", "WindowLoader"}
    assert expected & set(PUBLIC) <= names


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
