"""From a policy's name to the function that makes it, and back."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import json
import os
import sys
from collections.abc import Iterator, Mapping
from operator import attrgetter
from pathlib import Path
from typing import Any

from crafter_dataset.builder.errors import PolicyError
from crafter_dataset.builder.policies import builtin, skilled
from crafter_dataset.builder.policies.mixture import describe_mixture
from crafter_dataset.builder.policies.protocol import PolicyFactory
from crafter_dataset.builder.tracebacks import users_frames
from crafter_dataset.schemas.metadata import MIX, PolicySpec

BUILTIN: dict[str, PolicyFactory] = {
    "heuristic": builtin.heuristic,
    "random": builtin.random,
    "noop": builtin.noop,
    "expert": skilled.expert,
    "medium": skilled.medium,
    "novice": skilled.novice,
}

_given: dict[str, PolicyFactory] = {}
"""Factories of the running script that were passed rather than named, by their names.

To import them would run the script again. All others are found by their import, which is never
older than what the user has reloaded.
"""


def load_factory(name: str) -> PolicyFactory:
    """Find a policy's factory.

    Parameters
    ----------
    name : str
        `heuristic`, `random`, `noop`, or `package.module:factory`, looked for in
        the current folder too.

    Returns
    -------
    callable
        Makes the policy, called with the number of lanes and its parameters.

    Raises
    ------
    PolicyError
        If there is no such policy, or its module cannot be imported.
    """
    known = BUILTIN.get(name) or _given.get(name)
    if known is not None:
        return known
    module_name, colon, attribute = name.partition(":")
    if not (colon and module_name and attribute):
        known_names = ", ".join([*BUILTIN, MIX])
        raise PolicyError(
            "policy", f"expected {known_names} or package.module:factory, found {name!r}"
        )
    try:
        with current_folder_importable():
            module = importlib.import_module(module_name)
    except Exception as error:
        raise PolicyError(
            "policy",
            f"cannot import {module_name} for {name!r}: {type(error).__name__}: {error}",
            frames=users_frames(error),
        ) from error
    try:
        factory = attrgetter(attribute)(module)
    except AttributeError:
        factory = None
    if not callable(factory):
        found = "none" if factory is None else type(factory).__name__
        raise PolicyError(
            "policy",
            f"expected a function {attribute!r} in {module_name} for {name!r}, found {found}",
        )
    found_factory: PolicyFactory = factory
    return found_factory


@contextlib.contextmanager
def current_folder_importable() -> Iterator[None]:
    """Find the user's modules in the current folder, too, within this context.

    It comes last and only for so long: its other modules are not meant for us.
    """
    folder = os.getcwd()
    sys.path.append(folder)
    try:
        yield
    finally:
        sys.path.reverse()  # `remove` takes the first, ours is the last
        sys.path.remove(folder)
        sys.path.reverse()


def name_policy(policy: str | PolicyFactory) -> str:
    """Return the name by which worker processes find a policy.

    Parameters
    ----------
    policy : str or callable
        A name, which is returned as it is; or a function or class that makes a policy.

    Raises
    ------
    PolicyError
        If worker processes could not import the function or class; it says
        where it would have to be.
    """
    if isinstance(policy, str):
        return policy
    for name, factory in BUILTIN.items():
        if policy is factory:
            return name
    qualified = getattr(policy, "__qualname__", None)
    module = getattr(policy, "__module__", None)
    if not callable(policy) or not isinstance(qualified, str) or not isinstance(module, str):
        raise PolicyError(
            "policy",
            "expected a name, or a function or class that worker processes can import, found "
            f"{policy!r}; define a function that returns it, at the top of a module",
        )
    if "<" in qualified:  # <locals> or <lambda>
        raise PolicyError(
            "policy",
            "expected a function or class that worker processes can import, found "
            f"{qualified} of {module}, which only its surroundings know; define it at the top of "
            "a module",
        )
    found = _module_of_main() if module == "__main__" else module
    if found is None:
        raise PolicyError(
            "policy",
            "expected a function or class that worker processes can import, found "
            f"{qualified}, which only this session knows; put it into a file of its own, such as "
            f"my_policy.py, and import it from there (from my_policy import {qualified})",
        )
    name = f"{found}:{qualified}"
    # Equal, not the same: a class method is made anew whenever it is looked up.
    if module == "__main__":
        _given[name] = policy
    elif _lookup(module, qualified) != policy:
        raise PolicyError(
            "policy",
            f"expected what worker processes find as {name}, found something else of that name",
        )
    return name


def _lookup(module: str, qualified: str) -> object:
    """Return what an import in another process would find, None if nothing."""
    try:
        return attrgetter(qualified)(importlib.import_module(module))
    except (ImportError, AttributeError):
        return None


def _module_of_main() -> str | None:
    """Return the name by which the running script can be imported, None if it cannot."""
    main = sys.modules["__main__"]
    if getattr(main, "__spec__", None) is not None:  # python -m
        return str(main.__spec__.name)  # type: ignore[union-attr]
    file = getattr(main, "__file__", None)
    if file is None or not Path(file).stem.isidentifier():
        return None
    with contextlib.suppress(ImportError, ValueError, OSError), current_folder_importable():
        spec = importlib.util.find_spec(Path(file).stem)
        if spec is not None and spec.origin is not None and os.path.samefile(spec.origin, file):
            return Path(file).stem
    return None


def describe_policy(name: str, arguments: Mapping[str, Any]) -> PolicySpec:
    """Describe a policy with all its parameters, defaults filled in.

    Parameters
    ----------
    name : str
        As `load_factory` takes it, or `mix`.
    arguments : mapping of str
        What its factory is to be called with, beside the number of lanes; of a mixture, what
        `describe_mixture` takes.

    Returns
    -------
    PolicySpec
        The name, and the parameters as JSON has them.

    Raises
    ------
    PolicyError
        If the factory takes no such arguments, or they do not fit into JSON.
    """
    if name == MIX:
        return describe_mixture(arguments, describe_policy)
    factory = load_factory(name)
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError) as error:
        raise PolicyError("policy", f"{name!r}: {error}") from error
    try:
        bound = signature.bind(1, **arguments)
    except TypeError as error:
        known = ", ".join(list(signature.parameters)[1:]) or "none"
        raise PolicyError(
            "policy_args", f"expected arguments that {name} takes ({known}), found: {error}"
        ) from error
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
            "policy_args", f"{name!r}: expected parameters that fit into JSON, found {parameters}"
        ) from error
