"""Long work of a command: its progress is shown, and signals stop it."""

from __future__ import annotations

from typing import Any

from crafter_dataset.builder.errors import StoppedError
from crafter_dataset.builder.stopping import COMMITTING, StopRequest
from crafter_dataset.schemas.progress import Progress, ProgressLine


class Running:
    """A context in which the progress of work is shown, and signals can stop it.

    Parameters
    ----------
    quiet : bool
        Whether to show nothing.
    message : str
        What to tell the user who stops it.

    Attributes
    ----------
    quiet : bool
        Whether nothing is shown.
    arguments : dict
        Arguments for functions that take long: `progress` and `should_stop`.
    """

    def __init__(self, quiet: bool, message: str = COMMITTING) -> None:
        self.quiet = quiet
        self._stop = StopRequest(message)
        self._line = None if quiet else ProgressLine()
        self.arguments: dict[str, Any] = {
            "progress": self._line or False,
            "should_stop": self._stop.requested,
        }

    def __enter__(self) -> Running:
        self._stop.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        if self._line is not None:
            self._line.close()
        self._stop.__exit__(*error)
        if len(error) > 1 and isinstance(error[1], StoppedError):
            error[1].exit_code = self.exit_code

    @property
    def last(self) -> Progress | None:
        """How far the work was last; None if nothing is shown."""
        return None if self._line is None else self._line.last

    @property
    def exit_code(self) -> int:
        """Code to exit with after it was stopped: 128 plus the signal's number."""
        return 128 + self._stop.signal
