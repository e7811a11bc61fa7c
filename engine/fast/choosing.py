"""Functions that choose actions, as the engine calls them."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.engine.compiled.behind import plain
from crafter_dataset.engine.compiled.jit import kernel
from crafter_dataset.engine.fast.kinds import Worlds


def as_entry(choose: Callable[..., int] | str) -> tuple[Any, dict[str, type[Any]]]:
    """Return the kernel that lets a function choose a lane's action.

    Parameters
    ----------
    choose : callable or str
        The function, `choose(world, memory, random)`, or `module:function`.

    Returns
    -------
    kernel : callable
        `kernel(worlds, memories, randoms, lane)`.
    tuples : dict
        None of its arguments is a tuple.
    """
    if isinstance(choose, str):
        module, _, name = choose.partition(":")
        choose = getattr(importlib.import_module(module), name)
    function = choose if hasattr(choose, "py_func") else kernel(plain(choose))

    @kernel
    def choose_action(
        worlds: Worlds, memories: NDArray[np.void], randoms: NDArray[np.uint64], lane: int
    ) -> int:
        return np.int64(function(worlds[lane], memories[0], randoms[0]))

    return choose_action, {}
