"""Compiling what is not in the cache yet, and reporting how far that is."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from crafter_dataset.engine.compiled.cache import where
from crafter_dataset.engine.compiled.native import Entry
from crafter_dataset.engine.numba_cache import import_numba
from crafter_dataset.schemas.progress import is_terminal

_TICK_SECONDS = 1.0


class Needed(NamedTuple):
    """A function that is going to be called, with examples of its arguments.

    Parameters
    ----------
    entry : Entry
        The function.
    arrays : tuple
        Its first arguments: arrays, and tuples of arrays and integers.
    numbers : int
        How many integers follow them.
    """

    entry: Entry
    arrays: tuple[Any, ...]
    numbers: int


def compile_missing(needed: Iterable[Needed]) -> None:
    """Load functions, and compile those that are not in the cache.

    Parameters
    ----------
    needed : iterable of Needed
        The functions, with examples of their arguments.

    Raises
    ------
    ImportError
        If numba is needed, and cannot be imported.
    """
    needed = list(needed)
    missing: dict[str, Needed] = {}
    for each in needed:
        file = each.entry.missing(each.arrays, each.numbers)
        if file is not None:
            missing[file] = each
    if missing:
        import_numba()  # if it fails, nothing is reported
        with _telling(where(needed[0].entry.code)) as tell:
            for number, each in enumerate(missing.values(), 1):
                tell(f"{number} of {len(missing)} ({each.entry.name})")
                each.entry.prepare(each.arrays, each.numbers)
    for each in needed:
        each.entry.prepare(each.arrays, each.numbers)


def _describe(folder: Path | None, why: str) -> str:
    """Say how often it is done, and where the result is kept if that is not the usual place."""
    if folder is None:
        return f"in every run ({why}; NUMBA_CACHE_DIR can name a folder to keep it in)"
    return f"once (kept in {folder.parent}; {why})" if why else "once"


class _Telling:
    """Reports what is being compiled, and for how long; on a terminal every second."""

    def __init__(self, kept: str) -> None:
        self._kept = kept
        self._begun = time.monotonic()
        self._now = ""
        self._terminal = is_terminal(sys.stderr)
        self._over = threading.Event()
        self._lock = threading.Lock()

    def __call__(self, now: str) -> None:
        self._now = now
        self.write()

    def write(self) -> None:
        seconds = time.monotonic() - self._begun
        text = (
            f"compiling for this processor, which takes about a minute and is done {self._kept}: "
            f"{self._now}, {seconds:.0f} s so far"
        )
        with self._lock, contextlib.suppress(OSError, ValueError, AttributeError):
            print(
                f"\r\x1b[K{text}" if self._terminal else f"{text} ...",
                end="" if self._terminal else "\n",
                file=sys.stderr,
                flush=True,
            )

    def tick(self) -> None:
        while not self._over.wait(_TICK_SECONDS):
            self.write()

    def close(self) -> None:
        self._over.set()
        if self._terminal:
            with self._lock, contextlib.suppress(OSError, ValueError, AttributeError):
                print(file=sys.stderr, flush=True)


@contextlib.contextmanager
def _telling(kept: tuple[Path | None, str]) -> Iterator[_Telling]:
    telling = _Telling(_describe(*kept))
    if telling._terminal:
        threading.Thread(target=telling.tick, daemon=True).start()
    try:
        yield telling
    finally:
        telling.close()
