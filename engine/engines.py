"""The two engines that play Crafter in lanes, and how to make one of them."""

from __future__ import annotations

import contextlib
import importlib.util
import traceback
from collections.abc import Iterable
from typing import TYPE_CHECKING

from crafter_dataset.engine.numba_cache import import_numba, import_opensimplex
from crafter_dataset.engine.protocol import ENGINES, EngineError, Lanes
from crafter_dataset.engine.spec import check_geometry
from crafter_dataset.schemas.arguments import whole_number
from crafter_dataset.schemas.errors import Advice, CrafterDatasetError
from crafter_dataset.schemas.variables import unset_advice
from crafter_dataset.schemas.wording import one_line

if TYPE_CHECKING:
    from crafter_dataset.engine.compiled.compiling import Needed
    from crafter_dataset.engine.fast.fast_lanes import FastLanes

MOST_CELLS = 2**20
"""Cells of the largest world that the fast engine makes room for."""

_OTHER = Advice("use", "engine", "crafter")


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

    Parameters
    ----------
    engine : {'fast', 'crafter'}
        What plays.
    count : int
        Number of lanes.
    area, view, size : tuple of int
        Cells of the world (x, y), cells in the picture (x, y), pixels of the
        picture (width, height).
    length : int
        Time limit in steps, 0 for none.
    reward : bool
        Whether rewards are computed; else they are 0.

    Returns
    -------
    Lanes
        Lanes that are not yet reset.

    Raises
    ------
    EngineError
        If there is no such engine, or it cannot be used.
    ArgumentError
        If Crafter cannot draw such a world or picture, or the time limit is no whole number.
    """
    check_geometry(area, view, size)
    length = whole_number("length", 0 if length is None else length, 0)  # None as Crafter has it
    check_engine(engine, area)
    if engine == "fast":
        warm_up(engine, area)
        return fast_lanes()(count, area, view, size, length, reward)
    from crafter_dataset.engine.stock import StockLanes

    return StockLanes(count, area, view, size, length, reward)


def check_engine(engine: str, area: tuple[int, int]) -> None:
    """Refuse an unknown engine, and one that cannot be used for worlds of an area.

    Parameters
    ----------
    engine : str
        Name of the engine.
    area : tuple of int
        Cells of the world (x, y).

    Raises
    ------
    EngineError
        If there is no such engine, or it cannot be used.
    """
    if engine not in ENGINES:
        raise EngineError("engine", f"expected {' or '.join(ENGINES)}, found {engine!r}")
    if engine == "fast":
        fast_lanes()
        if area[0] * area[1] > MOST_CELLS:
            raise EngineError(
                "area",
                f"expected at most {MOST_CELLS:,} cells for the fast engine, "
                f"found {area[0] * area[1]:,}",
                advice=[_OTHER],
            )


def fast_lanes() -> type[FastLanes]:
    """Import the fast engine, and return its class.

    Raises
    ------
    EngineError
        If numba is missing.
    """
    try:
        # Numba is not imported: code that is compiled already does not need it.
        if importlib.util.find_spec("numba") is None:
            raise ModuleNotFoundError("No module named 'numba'", name="numba")
        from crafter_dataset.engine.fast.fast_lanes import FastLanes
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in ("numba", "llvmlite"):
            raise
        raise _without_numba(error) from error
    return FastLanes


def _without_numba(error: ImportError) -> EngineError:
    return EngineError(
        "engine",
        "expected numba to be installed for the fast one, found that it cannot be imported "
        f"({error}); install it (pip install numba)",
        advice=[_OTHER],
    )


def _not_compiled(error: Exception) -> EngineError:
    found = f"{type(error).__name__}: {one_line(error)}"
    return EngineError(
        "engine",
        f"expected numba to compile the fast one, found {found}{unset_advice('NUMBA_')}",
        advice=[_OTHER],
        details="".join(traceback.format_exception(error)),
    )


def warm_up(engine: str, area: tuple[int, int], others: Iterable[Needed] = ()) -> None:
    """Compile an engine's code into its cache on disk, unless it is there.

    Processes that compile into one cache wait for each other, so call this
    before starting several.

    Parameters
    ----------
    engine : {'fast', 'crafter'}
        Name of the engine.
    area : tuple of int
        Cells of the world (x, y).
    others : iterable of Needed
        Further code to compile with the fast engine's.

    Raises
    ------
    EngineError
        If numba is missing, or cannot compile.
    """
    if engine == "fast":
        from crafter_dataset.engine.fast.fast_lanes import warm_up

        try:
            warm_up(area, others)
        except ImportError as error:
            try:
                import_numba()
            except ImportError:
                raise _without_numba(error) from error
            raise
        except CrafterDatasetError:
            raise
        except Exception as error:  # a compiler that is broken, or was told to do otherwise
            raise _not_compiled(error) from error
    else:
        _warm_up_opensimplex()


def _warm_up_opensimplex() -> None:
    """Let OpenSimplex compile into numba's cache; processes that do so at once can damage it."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(ImportError):  # without numba nothing is compiled
            from crafter_dataset.engine.compiled.cache import locked
            from crafter_dataset.engine.fast.code import ENGINE

            stack.enter_context(locked(ENGINE))
        import_opensimplex().OpenSimplex(seed=0).noise3(0.5, 0.5, 0.5)
