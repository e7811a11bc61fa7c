"""Warnings that something is read slowly, given once, and not in worker processes."""

from __future__ import annotations

import logging
import multiprocessing

_log = logging.getLogger("crafter_dataset.loader")

_said: set[tuple[object, ...]] = set()


def log_once(message: str, *arguments: object) -> None:
    """Log a warning, unless this is a worker process or it was logged before.

    Parameters
    ----------
    message : str
        The text, with placeholders as `logging` has them.
    *arguments : object
        What fills the placeholders; hashable.
    """
    if not multiprocessing.current_process().daemon and (message, arguments) not in _said:
        _said.add((message, arguments))
        _log.warning(message, *arguments)
