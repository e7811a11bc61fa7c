"""What may differ between two runs of the same command, kept outside the digest."""

from __future__ import annotations

import datetime
import platform
import shlex
import socket
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

_PACKAGES = (
    "crafter-dataset",
    "crafter",
    "gymnasium",
    "imageio",
    "llvmlite",
    "numba",
    "numcodecs",
    "numpy",
    "opensimplex",
    "pillow",
    "zarr",
)


def describe_run(engine: str, workers: int, num_envs: int, first_episode: int) -> dict[str, Any]:
    """Describe the run that begins now: when, where, how, with what.

    Parameters
    ----------
    engine : str
        One of `engine.protocol.ENGINES`.
    workers : int
        Number of worker processes.
    num_envs : int
        Number of environments of each worker.
    first_episode : int
        Id of the first episode that the run adds.

    Returns
    -------
    dict of str
        Plain values, as JSON has them.
    """
    return {
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "seconds": 0.0,
        "first_episode": first_episode,
        "command": shlex.join(sys.argv),
        "host": socket.gethostname(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "engine": engine,
        "workers": workers,
        "num_envs": num_envs,
    }


def describe_conversion(
    provenance: Mapping[str, Any], sources: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return a dataset's provenance, with a copy from other datasets added that begins now.

    Parameters
    ----------
    provenance : mapping of str
        What is stored so far; left as it is.
    sources : sequence of mapping of str
        Plain values that say of each source where it is and how much of it is copied.
    """
    run = {
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": shlex.join(sys.argv),
        "host": socket.gethostname(),
        "packages": {"crafter-dataset": _version("crafter-dataset")},
        "sources": list(sources),
    }
    return {**provenance, "conversions": [*provenance.get("conversions", []), run]}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
