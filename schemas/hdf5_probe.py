"""Letting another process read a file first, since libhdf5 dies of some that mean ill.

`python -m crafter_dataset.schemas.hdf5_probe FILE` walks all structures of a file that a reader
will look at. Whatever it raises, the reader will be told as well; what it dies of, the reader
does not do.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from crafter_dataset.schemas.errors import NotADatasetError

if TYPE_CHECKING:
    from crafter_dataset.schemas.hdf5_foreign import ForeignStructures

SECONDS = 20
"""Seconds that the other process may take; on a machine that does much else, few are its own."""

CPU_SECONDS = 5

MEMORY = 2**30
"""Bytes that it may take beyond what it begins with."""

_TOO_LARGE = 3
"""Exit code of a process that had too little memory."""

_survived: set[tuple[int, ...]] = set()


def require_survivable(path: Path) -> None:
    """Refuse a file that libhdf5 dies of, or does not come to an end with.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    NotADatasetError
        If it does.
    """
    state = os.stat(path)
    identity = state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns
    if identity in _survived or not sys.executable:
        return
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", __spec__.name, str(Path(path).absolute())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )
        how = _death(done.returncode)
    except subprocess.TimeoutExpired:
        how = f"does not come to an end with in {SECONDS} s"
    except OSError:
        how = ""  # where no process can be started, none can be asked
    if how:
        raise NotADatasetError(
            f"{path}: expected a Crafter dataset, found an HDF5 file of other software that "
            f"libhdf5 {how}"
        )
    _survived.add(identity)


def _death(code: int) -> str:
    if code >= 0:
        return f"takes more than {MEMORY} bytes for" if code == _TOO_LARGE else ""
    if -code == signal.SIGXCPU:
        return f"does not come to an end with in {CPU_SECONDS} s"
    with contextlib.suppress(ValueError):
        return f"dies of ({signal.Signals(-code).name})"
    return f"dies of (signal {-code})"


def _limit() -> None:
    import resource

    with open("/proc/self/statm", encoding="ascii") as file:
        pages = int(file.read().split()[0])
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY,) * 2)


def _walk(path: str) -> None:
    from crafter_dataset.schemas.hdf5_foreign import ForeignStructures
    from crafter_dataset.schemas.layout import FIELDS

    with contextlib.suppress(ImportError, OSError, ValueError):  # not on every system
        _limit()
    with (
        open(path, "rb", buffering=0) as stream,
        contextlib.closing(ForeignStructures(stream)) as file,
    ):
        for place in (*(field.path for field in FIELDS), *_extras_of(file)):
            for look in (file.array, file.places, file.stored_bytes, file.require_all_stored):
                _look(look, place)
        for _, attributes in file.all_attributes():
            for name in attributes:
                _look(attributes.__getitem__, name)


def _extras_of(file: ForeignStructures) -> list[str]:
    """Return the names of a policy's own arrays, as far as the file lists any."""
    from crafter_dataset.schemas.entries import ATTRIBUTE
    from crafter_dataset.schemas.extras import is_extras

    with contextlib.suppress(Exception):  # whatever it raises, the reader can be told
        extras = file.attributes[ATTRIBUTE]["extras"]
        return [extra["name"] for extra in extras] if is_extras(extras) else []
    return []


def _look(look: Callable[[str], object], path: str) -> None:
    """Look at something; whatever it raises, but for want of memory, the reader can be told."""
    try:
        look(path)
    except MemoryError:
        raise
    except Exception as error:
        if "allocation failed" in str(error):
            raise MemoryError from error


if __name__ == "__main__":
    try:
        _walk(sys.argv[1])
    except MemoryError:
        sys.exit(_TOO_LARGE)
    except Exception:
        sys.exit(0)
