"""What plays Crafter in the lanes of a vector environment: one of two engines."""

from __future__ import annotations

import contextlib
import importlib.util
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.engine.rows import Seen
from crafter_dataset.engine.spec import check_geometry

if TYPE_CHECKING:
    from crafter_dataset.engine.fast.lanes import FastLanes

ENGINES = ("fast", "crafter")
"""Compiled, and the crafter package itself; both give the same bits."""

MOST_CELLS = 2**20
"""Cells of the largest world that the fast engine makes room for."""


class EngineError(ValueError):
    """An engine cannot be used, or not for such a world."""

    exit_code = 2


class LaneError(Exception):
    """An environment of a vector raised; `lane` is its number, `__cause__` the error."""

    def __init__(self, lane: int) -> None:
        super().__init__(f"environment {lane} raised")
        self.lane = lane


class Lanes(Protocol):
    """Crafter environments side by side, as an engine plays them.

    A row of `seen` belongs to the lane of its number.
    """

    def reset(self, lane: int, seed: int, seen: Seen) -> None:
        """Start an episode in the world of `RandomState(seed)`, and show it."""

    def step(
        self,
        playing: NDArray[np.bool_],
        actions: NDArray[np.int64],
        rewards: NDArray[np.float64],
        seen: Seen,
    ) -> None:
        """Take a step in every lane that is playing, give its reward, and show it.

        Raises
        ------
        LaneError
            If an environment raises.
        """

    def ended(self, lane: int) -> int:
        """How a lane's episode has ended: `TERMINATED`, `TIME_LIMIT`, or 0 if it goes on."""

    def terrain(self, lane: int) -> NDArray[np.uint8]:
        """Material ids of a lane's world as it is now, shape `area`, indexed [x, y]."""


def make_lanes(
    engine: str,
    count: int,
    area: tuple[int, int],
    view: tuple[int, int],
    size: tuple[int, int],
    length: int,
    reward: bool,
) -> Lanes:
    """Make lanes of an engine.

    Raises
    ------
    EngineError
        If there is no such engine, or it cannot be used.
    ValueError
        If Crafter cannot draw such a world or picture.
    """
    check_geometry(area, view, size)
    check_engine(engine, area)
    if engine == "fast":
        return fast_lanes()(count, area, view, size, length, reward)
    from crafter_dataset.engine.stock import StockLanes

    return StockLanes(count, area, view, size, length, reward)


def check_engine(engine: str, area: tuple[int, int]) -> None:
    """Refuse an engine that there is not, or that is not for worlds of such an area.

    Raises
    ------
    EngineError
    """
    if engine not in ENGINES:
        raise EngineError(f"engine: expected {' or '.join(ENGINES)}, found {engine!r}")
    if engine == "fast":
        fast_lanes()
        if area[0] * area[1] > MOST_CELLS:
            raise EngineError(
                f"area: expected at most {MOST_CELLS:,} cells for the fast engine, "
                f"found {area[0] * area[1]:,}; use --engine crafter"
            )


def fast_lanes() -> type[FastLanes]:
    """Load the fast engine.

    Raises
    ------
    EngineError
        If numba is missing, or there is nowhere to keep what it compiles.
    """
    try:
        from crafter_dataset.engine.compiled.cache import cache_folder

        cache_folder()
        # Not imported: what is compiled already does not need it.
        if importlib.util.find_spec("numba") is None:
            raise ModuleNotFoundError("No module named 'numba'", name="numba")
        from crafter_dataset.engine.fast.lanes import FastLanes
    except OSError as error:
        raise EngineError(
            f"engine fast: expected to keep its compiled code in {error.filename}, found that this "
            f"cannot be written ({error.strerror}); set NUMBA_CACHE_DIR to another folder, or use "
            "--engine crafter"
        ) from error
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in ("numba", "llvmlite"):
            raise
        raise _without_numba(error) from error
    return FastLanes


def _without_numba(error: ImportError) -> EngineError:
    return EngineError(
        f"engine fast: expected numba to be installed, found that it cannot be imported "
        f"({error}); install it (pip install numba) or use --engine crafter"
    )


def warm_up(engine: str, area: tuple[int, int]) -> None:
    """Have an engine's compiled code in its cache on disk.

    Processes that compile into one cache at the same time can break it, so
    whoever is about to start some calls this first.

    Raises
    ------
    EngineError
        If numba is missing.
    """
    if engine == "fast":
        from crafter_dataset.engine.fast.lanes import warm_up

        try:
            warm_up(area)
        except ImportError as error:
            try:
                importlib.import_module("numba")
            except ImportError:
                raise _without_numba(error) from error
            raise
    else:
        import opensimplex

        with contextlib.ExitStack() as stack:
            # Without numba nothing is compiled, and without a folder nothing of ours is kept.
            with contextlib.suppress(ImportError, OSError):
                from crafter_dataset.engine.compiled.cache import locked

                stack.enter_context(locked())
            opensimplex.OpenSimplex(seed=0).noise3(0.5, 0.5, 0.5)
