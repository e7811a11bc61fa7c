"""From a policy's name to the function that makes it."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import json
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from crafter_dataset.builder.policies import builtin
from crafter_dataset.builder.policies.protocol import PolicyFactory
from crafter_dataset.schemas.metadata import PolicySpec

BUILTIN: dict[str, PolicyFactory] = {
    "heuristic": builtin.heuristic,
    "random": builtin.random,
    "noop": builtin.noop,
}


class PolicyError(Exception):
    """A policy cannot be found, or does not take its arguments."""

    exit_code = 2


def load_factory(name: str) -> PolicyFactory:
    """Find a policy's factory.

    Parameters
    ----------
    name : str
        `heuristic`, `random`, `noop`, or `package.module:factory`, looked for in
        the current folder too.

    Raises
    ------
    PolicyError
        If there is no such policy, or its module cannot be imported.
    """
    if name in BUILTIN:
        return BUILTIN[name]
    module_name, colon, attribute = name.partition(":")
    if not (colon and module_name and attribute):
        raise PolicyError(
            f"policy: expected {', '.join(BUILTIN)} or package.module:factory, found {name!r}"
        )
    try:
        with _current_folder_importable():
            factory = getattr(importlib.import_module(module_name), attribute, None)
    except Exception as error:
        raise PolicyError(
            f"policy {name!r}: cannot import {module_name}: {type(error).__name__}: {error}"
        ) from error
    if not callable(factory):
        raise PolicyError(
            f"policy {name!r}: expected a function {attribute!r} in {module_name}, "
            f"found {'none' if factory is None else type(factory).__name__}"
        )
    found: PolicyFactory = factory
    return found


@contextlib.contextmanager
def _current_folder_importable() -> Iterator[None]:
    """Find the user's modules in the current folder, for as long as it takes.

    Not for longer, and after all else: a `loader.py` there is not ours.
    """
    folder = os.getcwd()
    sys.path.append(folder)
    try:
        yield
    finally:
        sys.path.reverse()  # `remove` takes the first, ours is the last
        sys.path.remove(folder)
        sys.path.reverse()


def describe_policy(name: str, arguments: Mapping[str, Any]) -> PolicySpec:
    """Name a policy with all its parameters, defaults filled in.

    Raises
    ------
    PolicyError
        If the factory takes no such arguments, or they do not fit into JSON.
    """
    factory = load_factory(name)
    try:
        signature = inspect.signature(factory)
        bound = signature.bind(1, **arguments)
    except (TypeError, ValueError) as error:
        raise PolicyError(f"policy {name!r}: {error}") from error
    bound.apply_defaults()
    parameters = dict(list(bound.arguments.items())[1:])
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            parameters |= parameters.pop(parameter.name)
    try:
        # Through JSON and back, so that a resumed build finds what it compares with.
        return PolicySpec(name, json.loads(json.dumps(parameters, allow_nan=False)))
    except (TypeError, ValueError) as error:
        raise PolicyError(
            f"policy {name!r}: expected parameters that fit into JSON, found {parameters}"
        ) from error
