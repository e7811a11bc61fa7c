"""Environment variables that libraries heed, and that must not decide what happens here."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

HDF5 = ("HDF5_DRIVER", "HDF5_VOL_CONNECTOR")
"""Variables that name plugins: HDF5's library dies while it is loaded if it does not find them."""


_HARMLESS = {"NUMBA_CACHE_DIR"}


@contextlib.contextmanager
def hidden(*names: str) -> Iterator[None]:
    """Take variables out of the environment for a while.

    Parameters
    ----------
    *names : str
        Their names; those that are not set are left out.

    Yields
    ------
    None
        While they are not there.
    """
    taken = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(taken)


def unset_advice(prefix: str) -> str:
    """Name the variables that a library heeds and that may be why it failed.

    Parameters
    ----------
    prefix : str
        How the names of its variables begin.

    Returns
    -------
    str
        `; unset A, B` to be added to an error, or nothing if none is set.
    """
    names = sorted(name for name in {*os.environ} - _HARMLESS if name.startswith(prefix))
    return f"; unset {', '.join(names)}" if names else ""
