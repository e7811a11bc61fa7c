"""How far a long task is: what callers are told about it, and a line that shows it."""

from __future__ import annotations

import contextlib
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TextIO, TypeAlias

from crafter_dataset.schemas.wording import format_bytes, format_time

_BAR = 24


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
        counts = [
            f"{count:,}" + (f"/{self.total:,}" if self.unit == unit else "") + f" {unit}"
            for unit, count in (("frames", self.frames), ("episodes", self.episodes))
            if count is not None
        ]
        left = "?" if self.seconds_left is None else format_time(self.seconds_left)
        size = [] if self.nbytes is None else [format_bytes(self.nbytes)]
        rate = f"{self.rate:,.0f} frames/s"
        return "  ".join([f"{self.fraction:4.0%}", *counts, rate, f"{left} left", *size])


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
        self.last: Progress | None = None

    def __call__(self, progress: Progress) -> None:
        """Show the progress, unless some was shown a moment ago.

        Parameters
        ----------
        progress : Progress
            The latest state.
        """
        self.last = progress
        if progress.fraction < 1 and time.monotonic() - self._shown < self._pause:
            return
        self._shown = time.monotonic()
        text = str(progress)
        if not self._terminal:
            self._write(text + "\n")
            return
        room = shutil.get_terminal_size().columns - 1
        bar = min(_BAR, room - len(text) - 3)
        if bar >= 4:
            filled = int(bar * progress.fraction)
            text = f"[{'#' * filled}{'.' * (bar - filled)}] {text}"
        self._write("\r" + text[:room].ljust(self._width))
        self._width = len(text[:room])

    def clear(self) -> None:
        """Erase the bar, so that something else can be written in its place."""
        if self._terminal and self._width:
            self._write("\r\x1b[K")
            self._width = 0

    def close(self) -> None:
        """End the bar's line."""
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
