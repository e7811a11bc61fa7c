"""How the engine is compiled, and where the compiled code is kept.

numba's cache notices only changes of the file that defines a function, not
of what that function calls. So the cache folder's name is a hash of all that
goes into the code: the engine's sources, Crafter's data and the versions of
the compiler. Of ours only entry points are cached; what they call is inside them.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import crafter
import numba
import numba.misc.appdirs
from llvmlite import binding

from builder import rows
from schemas import layout

_config: Any = numba.config
_user_cache_dir: Callable[[str], str] = numba.misc.appdirs.user_cache_dir
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
_IN_CODE = ("crafter", "llvmlite", "numba", "numpy", "opensimplex")


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function that other compiled functions call."""
    return numba.njit(**_OPTIONS)(function)


def entry(function: Callable[..., Any]) -> Any:
    """Compile a function that Python calls, and keep the code on disk."""
    folder = str(cache_folder())
    given, _config.CACHE_DIR = _config.CACHE_DIR, folder
    try:
        return numba.njit(cache=True, **_OPTIONS)(function)
    finally:
        _config.CACHE_DIR = given


def _sources() -> list[Path]:
    """List the modules whose code or constants are compiled in."""
    others = [Path(str(module.__file__)) for module in (layout, rows)]
    return sorted(Path(__file__).parent.glob("*.py")) + others


@functools.cache
def cache_folder() -> Path:
    """Make the folder of this very engine's compiled code, in numba's or the user's cache.

    Raises
    ------
    OSError
        If it cannot be written. Numba would fall back to folders that another
        version of the code may have written to.
    """
    base = _config.CACHE_DIR or _user_cache_dir("crafter-dataset")
    folder = Path(base) / f"engine-{_fingerprint()}"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        return folder


def _fingerprint() -> str:
    """Hash all that the compiled code follows from.

    The sources' places and times are in it since numba, too, goes by them.
    """
    content = hashlib.sha256()
    for package in _IN_CODE:
        content.update(f"{package}=={metadata.version(package)};".encode())
    for path in [*_sources(), Path(crafter.__file__).parent / "data.yaml"]:
        content.update(f"{path.resolve()}:{path.stat().st_mtime_ns};".encode())
        content.update(path.read_bytes())
    return content.hexdigest()[:16]


def compiled_at(variant: str) -> int | None:
    """When a variant of the code was compiled for this very machine, None if it was not."""
    try:
        return _mark(variant).stat().st_mtime_ns
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def compiling(variant: str) -> Iterator[None]:
    """Hold off other processes while a variant of the code may be compiled into the cache.

    Processes that compile into one cache at the same time can break it.
    """
    with _locked(fcntl.LOCK_EX if compiled_at(variant) is None else fcntl.LOCK_SH):
        yield
        if compiled_at(variant) is None:
            _mark(variant).touch()


def forget(variant: str, since: int) -> None:
    """Delete code that is damaged, unless another process has compiled it anew meanwhile."""
    with _locked(fcntl.LOCK_EX):
        if compiled_at(variant) == since:
            for path in cache_folder().glob("*/*.nb?"):
                path.unlink(missing_ok=True)
            _mark(variant).unlink()


@contextlib.contextmanager
def _locked(how: int) -> Iterator[None]:
    with open(cache_folder() / "lock", "w") as lock:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(lock, how)
        yield


def _mark(variant: str) -> Path:
    return cache_folder() / f"{variant}-{_machine()}.compiled"


@functools.cache
def _machine() -> str:
    """Name what numba, too, tells compiled code apart by: Python and the processor."""
    processor = f"{binding.get_host_cpu_name()}{binding.get_host_cpu_features().flatten()}"
    return hashlib.sha256(f"{processor}{sys.version_info[:2]}".encode()).hexdigest()[:8]
