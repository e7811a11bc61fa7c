"""What a policy of the user's is made of, so that a change of it does not go unnoticed."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from crafter_dataset.builder.policies.load import (
    BUILTIN,
    current_folder_importable,
    load_factory,
)
from crafter_dataset.schemas.metadata import MIX, PolicySpec


def policy_source(name: str, parameters: Mapping[str, Any]) -> str | None:
    """Return a hash of the files that make a policy, or None for one of this package.

    These are the module that is named, the one in which the factory is written,
    and every file that a parameter names, such as a checkpoint. Of a mixture, they are
    those of all its policies.

    Parameters
    ----------
    name : str
        As `describe_policy` takes it.
    parameters : mapping of str
        What its factory is called with, beside the number of lanes.

    Returns
    -------
    str or None
        32 hexadecimal digits.

    Raises
    ------
    PolicyError
        If there is no such policy.
    OSError
        If a file cannot be read.
    """
    if name in BUILTIN:
        return None
    if name == MIX:
        sources = {
            member.name: policy_source(member.name, member.parameters)
            for member in PolicySpec(name, parameters).members()
        }
        if not any(sources.values()):
            return None
        return hashlib.sha256(json.dumps(sources, sort_keys=True).encode()).hexdigest()[:32]
    digest = hashlib.sha256()
    for file in [*_modules(name), *_files_named(parameters)]:
        with open(file, "rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:32]


def _modules(name: str) -> Iterator[Path]:
    factory = load_factory(name)
    named = _file_of(name.partition(":")[0])
    made_by = inspect.unwrap(factory)
    written = _file_written_in(made_by) or _file_written_in(type(made_by))
    found = [Path(file) for file in (named, written) if file is not None and Path(file).is_file()]
    yield from dict.fromkeys(found)


def _file_written_in(object: object) -> str | None:
    try:
        return inspect.getsourcefile(object)  # type: ignore[arg-type]  # it says what it cannot do
    except (TypeError, OSError):
        return None


def _file_of(module: str) -> str | None:
    """Find a module's file without importing it: it may be the script that is running."""
    if module in sys.modules:
        return getattr(sys.modules[module], "__file__", None)
    with current_folder_importable():
        spec = importlib.util.find_spec(module)
    return None if spec is None else spec.origin


def _files_named(value: Any) -> Iterator[Path]:
    """List the files that texts in a parameter name, in their order."""
    if isinstance(value, str):
        try:
            if value and Path(value).is_file():
                yield Path(value)
        except (OSError, ValueError):  # no name of a file
            return
    elif isinstance(value, Mapping):
        for key in sorted(value):
            yield from _files_named(value[key])
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _files_named(each)
