"""What compiled code follows from: its sources, the compiler, its flags, and other files."""

from __future__ import annotations

import functools
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

COMPILER = ("llvmlite", "numba", "numpy")
"""Distributions that all compiled code depends on."""

_PACKAGE = __name__.partition(".")[0]
_ROOT = Path(__file__).parents[2]
_JOINED = re.compile(r"\\\n|#[^\n]*")
"""What stands between the parts of a statement."""

_NAMED = re.compile(rf"\b({_PACKAGE}(?:\.\w+)*)(?:\s+import\s+(\([^)]*\)|[^\n]*))?")
"""A dotted name, and the names imported from it."""

_FLAGS = re.compile(r"NUMBA_(BOUNDSCHECK|OPT|\w*VECTORIZE|DEBUGINFO|CPU_\w+|ENABLE_AVX|LLVM_\w+)")
"""Environment variables that change the code which numba makes."""


@dataclass(frozen=True)
class Code:
    """Functions that are compiled, and all that the result follows from.

    Two of equal content are the same, wherever and whenever they are
    installed: so nothing that was compiled is ever stale, and nothing is
    compiled twice.

    Parameters
    ----------
    name : str
        Name for people to read.
    modules : tuple of str
        Dotted names of the modules that the functions are in, and of those that
        make the data kept with them. The modules of this package that these
        import count as well.
    packages : tuple of str
        Distributions whose versions count besides the compiler's.
    files : callable
        Returns further files (iterable of Path) whose content counts.
    values : tuple of bytes
        Whatever else counts.
    """

    name: str
    modules: tuple[str, ...]
    packages: tuple[str, ...] = ()
    files: Callable[[], Iterable[Path]] = tuple
    values: tuple[bytes, ...] = ()

    def __hash__(self) -> int:
        return hash((self.name, self.modules, self.packages, self.values))

    def fingerprint(self) -> str:
        """Hash the contents and versions that the compiled code follows from.

        Returns
        -------
        str
            Sixteen hexadecimal digits.
        """
        return _fingerprint(self)


@functools.cache
def _fingerprint(code: Code) -> str:
    content = hashlib.sha256()

    def add(name: str, data: bytes) -> None:
        content.update(f"{name}:{len(data)};".encode() + data)

    for package in sorted({*COMPILER, *code.packages}):
        add(package, metadata.version(package).encode())
    for flag in sorted(filter(_FLAGS.fullmatch, os.environ)):
        add(flag, os.environ[flag].encode())
    for module, source in sorted(sources_of(code.modules)):
        add(module, source)
    for path in sorted(code.files()):
        add(path.name, path.read_bytes())
    for value in code.values:
        add("value", value)
    return content.hexdigest()[:16]


def sources_of(modules: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Yield some modules of this package, and all that they import from it, with their sources.

    Parameters
    ----------
    modules : iterable of str
        Dotted names.

    Yields
    ------
    tuple of str and bytes
        Dotted name of a module, and its source; each module once, in no particular order.

    Raises
    ------
    ModuleNotFoundError
        If there is no module of such a name.
    """
    waiting, seen = list(modules), set[str]()
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        path = _file_of(module)
        if path is None:
            raise ModuleNotFoundError(f"No module named {module!r}", name=module)
        source = path.read_bytes()
        yield module, source
        waiting += [name for name in _imports(source) if name != _PACKAGE and _file_of(name)]


def _imports(source: bytes) -> Iterator[str]:
    """Yield what a module names of this package, wherever in it: modules, and names in them.

    A parser would take a tenth of a second at each start. This may find too
    much, which does no harm; relative imports, which it would not find, are
    forbidden by a test.
    """
    for start, names in _NAMED.findall(_JOINED.sub(" ", source.decode())):
        yield from (start, *(f"{start}.{name}" for name in re.findall(r"\w+", names)))


def _file_of(module: str) -> Path | None:
    """Return the source file of a module of this package; None if there is no such module."""
    inside = module.removeprefix(_PACKAGE).removeprefix(".").split(".")
    path = _ROOT.joinpath(*inside)
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None
