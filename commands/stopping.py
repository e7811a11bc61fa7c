"""How a command that takes long is stopped."""

from __future__ import annotations

import signal
from types import FrameType

import click


class StopRequest:
    """Ctrl-C (or a cluster's SIGTERM) asks once to stop; a second one interrupts at once."""

    def __init__(self, message: str = "stopping: committing what is whole ...") -> None:
        self.signal = 0
        self._message = message
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def requested(self) -> bool:
        """Whether to stop."""
        return self.signal != 0

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.signal:
            raise KeyboardInterrupt
        self.signal = number
        click.echo(f"\n{self._message} (once more ends it at once)", err=True)
