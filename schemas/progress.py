"""How far a long task is: what callers are told about it, and a line that shows it."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TextIO, TypeAlias

from crafter_dataset.schemas.wording import format_bytes, format_time

_BAR = 24
"""Characters of the bar, at most."""

_LEAST_BAR = 8
"""Characters of the bar, at least; with less room there is none."""

_SETTLED = 1.0
"""Seconds of work before the first guess of how long the rest takes."""


@dataclass(frozen=True)
class Progress:
    """How far a long task is.

    Parameters
    ----------
    unit : {'frames', 'episodes'}
        What the task is measured in.
    total : int
        How many of these there will be at the end.
    episodes : int or None
        Episodes that are done, including earlier runs; None where they do not matter.
    frames : int
        Frames that are done, including earlier runs.
    start : int
        How many units were done when this run began.
    new_frames : int
        Frames that this run has done.
    seconds : float
        How long this run has taken.
    nbytes : int, optional
        Bytes on disk, where they are counted.

    Examples
    --------
    >>> import crafter_dataset
    >>> state = crafter_dataset.Progress("frames", 400, 2, 100, new_frames=100, seconds=2.0)
    >>> state.fraction, state.rate, state.seconds_left
    (0.25, 50.0, 6.0)
    """

    unit: Literal["frames", "episodes"]
    total: int
    episodes: int | None
    frames: int
    start: int = 0
    new_frames: int = 0
    seconds: float = 0.0
    nbytes: int | None = None

    @property
    def done(self) -> int:
        """How many units are done."""
        return self.frames if self.unit == "frames" else self.episodes or 0

    @property
    def fraction(self) -> float:
        """Which part of the whole is done, 0 to 1."""
        return min(self.done / max(self.total, 1), 1.0)

    @property
    def rate(self) -> float:
        """Frames per second in this run."""
        return self.new_frames / max(self.seconds, 1e-9)

    @property
    def seconds_left(self) -> float | None:
        """Seconds that the rest takes at this rate; None if there is no rate yet."""
        gained = self.done - self.start
        return self.seconds * max(self.total - self.done, 0) / gained if gained > 0 else None

    def __str__(self) -> str:
        return "  ".join(_parts(self, self.seconds_left).values())


def _parts(progress: Progress, seconds_left: float | None) -> dict[str, str]:
    """Return the parts of a line, by their names."""
    counts = {
        unit: f"{count:,}" + (f"/{progress.total:,}" if progress.unit == unit else "") + f" {unit}"
        for unit, count in (("frames", progress.frames), ("episodes", progress.episodes))
        if count is not None
    }
    left = "?" if seconds_left is None else format_time(seconds_left)
    rest = f", {left} left" if progress.fraction < 1 else ""
    size = {} if progress.nbytes is None else {"size": format_bytes(progress.nbytes)}
    return {
        "fraction": f"{progress.fraction:4.0%}",
        **counts,
        "rate": f"{progress.rate:,.0f} frames/s",
        "time": format_time(progress.seconds) + rest,
        **size,
    }


def _fitting(progress: Progress, seconds_left: float | None, room: int) -> str:
    """Return a line of at most so many characters: parts are left out whole, least ones first."""
    parts = _parts(progress, seconds_left)
    other = "episodes" if progress.unit == "frames" else "frames"
    for name in (other, "size", "rate", progress.unit, "time"):
        text = "  ".join(parts.values())
        if len(text) <= room:
            break
        parts.pop(name, None)
    text = "  ".join(parts.values())
    bar = min(_BAR, room - len(text) - 3)
    if bar >= _LEAST_BAR:
        filled = int(bar * progress.fraction)
        text = f"[{'#' * filled}{'.' * (bar - filled)}] {text}"
    return text[: max(room, 0)]


Report: TypeAlias = Callable[[Progress], None]
"""A callable that is called with the progress, a few times a second."""

ProgressOption: TypeAlias = bool | Report | None
"""The argument `progress` of functions that take long: True shows a line on standard error, False
none, None one if that is a terminal; a callable is called instead."""


class ProgressLine:
    """Shows how far a task is: as a bar on a terminal, as a line now and then in a log.

    A stream that can no longer be written to is ignored: the task goes on
    without being shown.

    Parameters
    ----------
    stream : file, optional
        Text stream to write to; standard error by default.
    log_seconds : float
        Seconds between lines where the stream is not a terminal.

    Attributes
    ----------
    last : Progress or None
        The latest progress that it was called with.
    """

    def __init__(self, stream: TextIO | None = None, log_seconds: float = 10.0) -> None:
        self._stream = stream or sys.stderr
        self._terminal = is_terminal(self._stream)
        self._pause = 0.2 if self._terminal else log_seconds
        self._shown = time.monotonic()
        self._width = 0
        self._first: Progress | None = None
        self._ended: Progress | None = None
        self.last: Progress | None = None

    def __call__(self, progress: Progress) -> None:
        """Show the progress, unless some was shown a moment ago.

        Parameters
        ----------
        progress : Progress
            The latest state.
        """
        self.last = progress
        if self._first is None or progress.done < self._first.done:
            self._first = progress if progress.done > progress.start else None
        if progress.fraction >= 1 and not self._terminal:
            self._ended = progress  # a log has it once, when it is known to be the last
            return
        if progress.fraction < 1 and time.monotonic() - self._shown < self._pause:
            self._ended = None  # of a task before this one, and not worth a line
            return
        self._log_end()
        self._shown = time.monotonic()
        if not self._terminal:
            self._log(progress)
            return
        room = self._columns() - 1
        text = _fitting(progress, self._seconds_left(progress), room)
        self._write("\r" + text.ljust(min(self._width, room)))
        self._width = len(text)

    def _seconds_left(self, progress: Progress) -> float | None:
        """Guess from what was done since the first episode: what comes before it takes longer."""
        first = self._first
        if first is None or progress.seconds - first.seconds < _SETTLED:
            return None
        gained = progress.done - first.done
        rest = max(progress.total - progress.done, 0)
        return rest * (progress.seconds - first.seconds) / gained if gained > 0 else None

    def _columns(self) -> int:
        """Return the width of the terminal, which need not be the one of standard output."""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            columns = os.get_terminal_size(self._stream.fileno()).columns
            if columns > 0:
                return columns
        return shutil.get_terminal_size().columns

    def _log(self, progress: Progress) -> None:
        self._write("  ".join(_parts(progress, self._seconds_left(progress)).values()) + "\n")

    def _log_end(self) -> None:
        if self._ended is not None:
            self._log(self._ended)
            self._ended = None

    def clear(self) -> None:
        """Erase the bar, so that something else can be written in its place.

        In a log, the line for the end is not written: what follows says it.
        """
        self._ended = None
        if self._terminal and self._width:
            self._write("\r\x1b[K")
            self._width = 0

    def close(self) -> None:
        """End the bar's line; in a log, write the last one."""
        self._log_end()
        if self._terminal and self._width:
            self._write("\n")
            self._width = 0

    def _write(self, text: str) -> None:
        # A broken pipe, a terminal that has gone, a closed stream or none.
        with contextlib.suppress(OSError, ValueError, AttributeError):
            self._stream.write(text)
            self._stream.flush()


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether a stream is a terminal.

    Parameters
    ----------
    stream : file or None
        A text stream, open or closed, or None for no stream.
    """
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # it is closed
        return False


def tell(text: str) -> None:
    """Print a line on standard error, if it can still be written to: showing decides nothing.

    Parameters
    ----------
    text : str
        The line.
    """
    # A broken pipe, a terminal that has gone, a closed stream or none; or, in a signal's
    # handler, one that was just being written to.
    with contextlib.suppress(OSError, ValueError, AttributeError, RuntimeError):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def ignore(*said: object) -> None:
    """Do nothing: the callable where the caller gave none.

    Parameters
    ----------
    *said : object
        What is not listened to.
    """


@contextlib.contextmanager
def reporting(progress: ProgressOption) -> Iterator[Report]:
    """Turn the argument `progress` into a callable, and end its line when the task ends.

    Parameters
    ----------
    progress : bool, callable or None
        See `ProgressOption`.

    Yields
    ------
    callable
        Takes a `Progress`; returns nothing.
    """
    if callable(progress):
        yield progress
        return
    if progress is False or (progress is None and not is_terminal(sys.stderr)):
        yield ignore
        return
    line = ProgressLine()
    try:
        yield line
    finally:
        line.close()
