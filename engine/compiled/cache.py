"""Where compiled code is kept, and what the engine's lanes start from.

The folder's name is a hash of all that goes into these: the sources,
Crafter's data and the versions of the compiler. So nothing in it is ever stale.
Each file says itself whether it is whole, and is replaced as a whole.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

from crafter_dataset.engine import rows
from crafter_dataset.engine.crafter_constants import crafter_folder
from crafter_dataset.schemas import layout

_IN_CODE = ("crafter", "imageio", "llvmlite", "numba", "numpy", "opensimplex", "pillow")
_DIGEST_BYTES = hashlib.sha256().digest_size


def kept(name: str, make: Callable[[], bytes]) -> bytes:
    """Read what was made earlier, by whatever process, or else make it and keep it."""
    path = cache_folder() / name
    content = _read(path)
    if content is None:
        with locked():  # only one process makes it
            content = _read(path)
            if content is None:
                content = make()
                partial = path.with_name(f"{path.name}.{os.getpid()}")
                partial.write_bytes(hashlib.sha256(content).digest() + content)
                partial.replace(path)
    return content


def _read(path: Path) -> bytes | None:
    """Read a file; None if it is missing or damaged."""
    try:
        stored = path.read_bytes()
    except FileNotFoundError:
        return None
    content = stored[_DIGEST_BYTES:]
    return content if hashlib.sha256(content).digest() == stored[:_DIGEST_BYTES] else None


@contextlib.contextmanager
def locked() -> Iterator[None]:
    """Hold off other processes."""
    with open(cache_folder() / "lock", "w") as lock:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@functools.cache
def cache_folder() -> Path:
    """Make the folder of this very code, in numba's or the user's cache.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    folder = _base() / f"compiled-{_fingerprint()}"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        return folder


def _base() -> Path:
    given = os.environ.get("NUMBA_CACHE_DIR")
    if given:
        return Path(given)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "crafter-dataset"
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches) / "crafter-dataset"


def _sources() -> list[Path]:
    """List the modules whose code or constants are compiled in."""
    here = Path(__file__).parent
    folders = [here, here.parent / "fast", here.parents[1] / "builder" / "zstd"]
    others = [Path(str(module.__file__)) for module in (layout, rows)]
    return [path for folder in folders for path in sorted(folder.glob("*.py"))] + others


def _fingerprint() -> str:
    """Hash all that the compiled code follows from.

    The sources' places and times are in it since numba, too, goes by them.
    """
    content = hashlib.sha256()
    for package in _IN_CODE:
        content.update(f"{package}=={metadata.version(package)};".encode())
    for path in [*_sources(), crafter_folder() / "data.yaml"]:
        content.update(f"{path.resolve()}:{path.stat().st_mtime_ns};".encode())
        content.update(path.read_bytes())
    for path in sorted(crafter_folder().glob("assets/*.png")):
        about = path.stat()
        content.update(f"{path.name}:{about.st_mtime_ns}:{about.st_size};".encode())
    return content.hexdigest()[:16]
