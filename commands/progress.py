"""The progress of a build, on standard error: a bar on a terminal, now and then a line in a log."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TextIO

from crafter_dataset.builder.build import Progress
from crafter_dataset.commands.ending import format_bytes

_BAR = 24


class ProgressLine:
    """Shows how far a build is.

    Parameters
    ----------
    stream : file, optional
        Where to write; standard error by default.
    log_seconds : float
        Time between lines where the stream is no terminal.
    """

    def __init__(self, stream: TextIO | None = None, log_seconds: float = 10.0) -> None:
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._pause = 0.2 if self._terminal else log_seconds
        self._shown = time.monotonic()
        self._width = 0

    def __call__(self, progress: Progress) -> None:
        """Show the latest state, unless the last is fresh."""
        done = progress.target.reached(progress.counts)
        if not done and time.monotonic() - self._shown < self._pause:
            return
        self._shown = time.monotonic()
        text = describe(progress)
        if self._terminal:
            room = shutil.get_terminal_size().columns - 1
            bar = min(_BAR, room - len(text) - 3)
            if bar >= 4:
                filled = int(bar * min(1.0, progress.target.fraction(progress.counts)))
                text = f"[{'#' * filled}{'.' * (bar - filled)}] {text}"
            self._stream.write("\r" + text[:room].ljust(self._width))
            self._width = len(text[:room])
        else:
            self._stream.write(text + "\n")
        self._stream.flush()

    def close(self) -> None:
        """End the bar's line."""
        if self._terminal and self._width:
            self._stream.write("\n")
            self._stream.flush()


def describe(progress: Progress) -> str:
    """Say in one line how far a build is: percent, frames, rate, time left, size."""
    counts = progress.counts
    done = progress.target.fraction(counts)
    rate = (counts.frames - progress.start.frames) / max(progress.seconds, 1e-9)
    gained = done - progress.target.fraction(progress.start)
    left = format_time(progress.seconds * (1 - done) / gained) if gained > 0 else "?"
    goal = f"/{progress.target.frames:,}" if progress.target.frames else ""
    episodes = f"/{progress.target.episodes:,}" if progress.target.episodes else ""
    return (
        f"{min(done, 1):4.0%}  {counts.frames:,}{goal} frames  "
        f"{counts.episodes:,}{episodes} episodes  "
        f"{rate:,.0f} frames/s  {left} left"
        + ("" if progress.nbytes is None else f"  {format_bytes(progress.nbytes)}")
    )


def format_time(seconds: float) -> str:
    """Format a duration as m:ss or h:mm:ss."""
    minutes, seconds = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
