"""Policies that look at the whole state, in compiled code."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.schemas.errors import ArgumentError

if TYPE_CHECKING:  # they need llvmlite, and stock Crafter runs without
    from crafter_dataset.engine.chooser import Chooser, Memory
    from crafter_dataset.engine.compiled.native import Entry

_OWN = __name__.partition(".")[0]


class CompiledPolicy:
    """Chooses each action by a function that is compiled, and so plays without a look at frames.

    The function sees the whole state of the world, as `engine.kernels`
    describes it. It is compiled once, when a dataset is built with it first;
    the compiled code is kept and follows from the sources of all functions that
    it calls, and from the constants that they use.

    Parameters
    ----------
    choose : callable or str
        `choose(world, memory, random)` returns an index into the action names. It is a `kernel`
        of `engine.kernels`, or `package.module:function` names one. It may only read `world`.
    memory : dtype-like or callable, optional
        Fields of the record `memory`, which the function may write to; or what returns them for
        the number of cells that `world.materials` has room for. At the start of each episode
        they are 0, but for those in `start`.
    start : mapping of str, optional
        Values of fields of `memory` at the start of each episode.

    Raises
    ------
    ArgumentError
        If `choose` is neither a function nor the name of one.

    Examples
    --------
    >>> import crafter_dataset
    >>> from crafter_dataset.engine.kernels import DO, MOVE_LEFT, below, kernel
    >>> @kernel
    ... def choose(world, memory, random):
    ...     memory.steps += 1
    ...     return DO if memory.steps % 2 else MOVE_LEFT + below(random, 4)
    >>> def wanderer(num_envs):
    ...     return crafter_dataset.CompiledPolicy(choose, memory=[("steps", "i4")])
    """

    def __init__(
        self,
        choose: Callable[..., int] | str,
        memory: Memory | None = None,
        start: Mapping[str, Any] | None = None,
    ) -> None:
        if not callable(choose) and not (isinstance(choose, str) and ":" in choose):
            raise ArgumentError(
                "choose", f"expected a function or package.module:function, found {choose!r}"
            )
        self._choose, self._memory, self._start = choose, memory, dict(start or {})

    def chooser(self, worlds: NDArray[np.void]) -> Chooser:
        """Return what chooses the actions of a lane.

        Parameters
        ----------
        worlds : ndarray of records, shape (lanes,)
            States of the worlds that it is going to look at.

        Raises
        ------
        ArgumentError
            If the memory cannot be what was asked for.
        KernelError
            If the function has a mistake that can be seen without compiling it.
        """
        from crafter_dataset.builder.policies.kernel_checks import check_kernels
        from crafter_dataset.engine.chooser import Chooser

        chooser = Chooser(self._entry(), self._memory, self._start, worlds)
        choose = self._function()
        if choose is not None:
            check_kernels(choose, worlds.dtype.names or (), chooser.remembered)
        return chooser

    def _function(self) -> Callable[..., Any] | None:
        """Return the function that chooses; None for one of this package's own."""
        if not isinstance(self._choose, str):
            return self._choose
        module, _, name = self._choose.partition(":")
        if module.partition(".")[0] == _OWN:  # numba need not be imported
            return None
        found: Callable[..., Any] = getattr(importlib.import_module(module), name)
        return found

    def _entry(self) -> Entry:
        from crafter_dataset.engine.compiled.behind import code_behind, code_in, plain
        from crafter_dataset.engine.compiled.native import Entry

        choose = self._choose

        def find() -> Any:
            from crafter_dataset.engine.fast.choosing import as_entry

            return as_entry(choose)

        given = self._function()
        if given is None:
            module, _, name = str(choose).partition(":")
            return Entry(name, module, code_in(name, module), find)
        function = plain(given)
        name, module = function.__name__, function.__module__
        return Entry(name, module, code_behind(name, function), find)
