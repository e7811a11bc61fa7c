"""What a policy of the user's is made of, so that a change of it does not go unnoticed."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import itertools
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from crafter_dataset.builder.policies.load import (
    BUILTIN,
    current_folder_importable,
    load_factory,
)
from crafter_dataset.builder.policies.skilled import EXPERT_FOLDER, SKILLED
from crafter_dataset.schemas.metadata import MIX, PolicySpec

_SHARED_FOLDERS = ("site-packages", "dist-packages")
"""Names of folders whose modules have nothing to do with each other."""

_MOST_FILES = 10_000
"""Files of a folder that a parameter names, at most; one with more is no checkpoint."""


def policy_source(name: str, parameters: Mapping[str, Any]) -> str | None:
    """Return a hash of the files that make a policy, or None for one that does not change.

    These are the module that is named, the one in which the factory is written, those beside it
    that it uses, and every file that a parameter names, such as a checkpoint, or that lies in a
    folder it names. Of a mixture, they are those of all its policies.

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
    if name in BUILTIN and name not in SKILLED:
        return None  # they are what they are for ever
    if name == MIX:
        sources = {
            member.name: policy_source(member.name, member.parameters)
            for member in PolicySpec(name, parameters).members()
        }
        if not any(sources.values()):
            return None
        return hashlib.sha256(json.dumps(sources, sort_keys=True).encode()).hexdigest()[:32]
    digest = hashlib.sha256()
    modules = sorted(EXPERT_FOLDER.glob("*.py")) if name in SKILLED else _modules(name)
    for file in [*modules, *_files_named(parameters)]:
        with open(file, "rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:32]


def _modules(name: str) -> Iterator[Path]:
    factory = load_factory(name)
    named = _file_of(name.partition(":")[0])
    made_by = inspect.unwrap(factory)
    written = _file_written_in(made_by) or _file_written_in(type(made_by))
    found = [Path(file) for file in (named, written) if file is not None and Path(file).is_file()]
    module = sys.modules.get(getattr(made_by, "__module__", None) or type(made_by).__module__)
    if module is not None and written is not None:
        found += sorted(_beside(module, _home(module, Path(written))))
    yield from dict.fromkeys(found)


def _home(module: ModuleType, written: Path) -> Path:
    """Return the folder whose modules are the policy's own: that of its package, or of its file."""
    return written.absolute().parents[module.__name__.count(".")]


def _beside(module: ModuleType, home: Path) -> set[Path]:
    """Find the modules of a folder that a module of it uses, and that these use."""
    files: dict[ModuleType, Path] = {}
    waiting = [module] if home.name not in _SHARED_FOLDERS else []
    while waiting:
        names = {
            value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
            for value in vars(waiting.pop()).values()
        }
        for other in (sys.modules.get(name) for name in names if isinstance(name, str)):
            file = Path(getattr(other, "__file__", None) or "").absolute()
            if other is None or other in files:
                continue
            if file.is_relative_to(home) and file.is_file():
                files[other] = file
                waiting.append(other)
    return set(files.values())


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
            elif value and Path(value).is_dir():
                inside = (path for path in Path(value).rglob("*") if path.is_file())
                found = sorted(itertools.islice(inside, _MOST_FILES + 1))
                # Of more, those that come first would be others on another day.
                yield from found if len(found) <= _MOST_FILES else ()
        except (OSError, ValueError):  # no name of a file
            return
    elif isinstance(value, Mapping):
        for key in sorted(value):
            yield from _files_named(value[key])
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _files_named(each)
