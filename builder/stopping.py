"""How long work is stopped, and what is whole is kept."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Collection, Iterator
from types import FrameType
from typing import Any, TypeAlias

from crafter_dataset.schemas.progress import tell

StopOption: TypeAlias = Callable[[], bool] | None
"""The argument `should_stop` of functions that take long: called now and then, it returns true to
stop them with what is whole. Without it, Ctrl-C does."""

COMMITTING = "stopping: committing what is whole ..."


class StopRequest:
    """Ctrl-C (or a cluster's SIGTERM) asks once to stop; a second one interrupts at once.

    It is a context manager, which restores the signals' handlers at its end. It
    does nothing outside the main thread, the only one that Python tells of signals.

    Parameters
    ----------
    message : str
        What to tell the user.
    signals : collection of int
        The signals that ask.

    Attributes
    ----------
    signal : int
        Number of the signal that has asked, 0 before.
    """

    def __init__(
        self,
        message: str = COMMITTING,
        signals: Collection[int] = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP),
    ) -> None:
        self.signal = 0
        self._message, self._signals = message, signals
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            for number in self._signals:
                # What nohup, or a shell that starts jobs, has set to be ignored stays ignored.
                if signal.getsignal(number) != signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._before.clear()

    def requested(self) -> bool:
        """Tell whether to stop."""
        return self.signal != 0

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.signal:
            raise KeyboardInterrupt
        self.signal = number
        tell(f"\n{self._message} (once more ends it at once)")


@contextlib.contextmanager
def ctrl_c_unless(should_stop: StopOption) -> Iterator[Callable[[], bool]]:
    """Let Ctrl-C stop work with what is whole, unless the caller has its own way.

    Parameters
    ----------
    should_stop : callable, optional
        The caller's own way: returns true to stop.

    Yields
    ------
    callable
        Returns true once the work is to stop.
    """
    if should_stop is not None:
        yield should_stop
        return
    with StopRequest(signals=(signal.SIGINT,)) as stop:
        yield stop.requested
