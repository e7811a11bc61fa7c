"""Importing OpenSimplex, which Crafter's worlds come from, wherever it is installed.

It lets numba keep compiled code on disk, in files of pickles. By itself numba
would raise an error where neither the package's folder nor the user's can be
written, and would load what anybody has put into a shared NUMBA_CACHE_DIR. And
with NUMBA_DISABLE_JIT it would leave nothing that the fast engine could call.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import warnings
from collections.abc import Iterator
from typing import Any

from crafter_dataset.engine.protocol import EngineError
from crafter_dataset.schemas.variables import unset_advice
from crafter_dataset.schemas.wording import one_line


def import_numba() -> Any:
    """Import numba; what it says of its variables and of old ones among its own is left out.

    Returns
    -------
    module
        The package.

    Raises
    ------
    ImportError
        If it is not installed, or does not go with what is.
    EngineError
        If it cannot be imported because of its settings.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module("numba")
        except ImportError:
            raise
        except Exception as error:  # it reads NUMBA_* and .numba_config.yaml
            raise EngineError(
                "engine",
                f"expected settings that numba takes, found {type(error).__name__}: "
                f"{one_line(error)}{unset_advice('NUMBA_')}",
            ) from error


def import_opensimplex() -> Any:
    """Import OpenSimplex with a cache that this user alone can write to, or without one.

    Whatever imports crafter calls this first.

    Returns
    -------
    module
        The package.
    """
    if "opensimplex" in sys.modules:
        return sys.modules["opensimplex"]
    with _numba_settings():
        return importlib.import_module("opensimplex")


@contextlib.contextmanager
def _numba_settings() -> Iterator[None]:
    """Change numba's settings for functions that are decorated meanwhile, if there is numba."""
    try:
        numba = import_numba()
        from crafter_dataset.engine.compiled.cache import own_folder
    except ImportError:  # then it is not compiled
        yield
        return
    folder = own_folder("numba")
    settings = {"DISABLE_JIT": 0, "CACHE_DIR": str(folder or ""), "CACHE_LOCATOR_CLASSES": ""}
    before = {name: getattr(numba.config, name, None) for name in settings}
    dispatcher = numba.core.dispatcher.Dispatcher
    enable = dispatcher.enable_caching
    vars(numba.config).update(settings)
    if folder is None:
        dispatcher.enable_caching = lambda self: None
    try:
        yield
    finally:
        vars(numba.config).update(before)
        dispatcher.enable_caching = enable
