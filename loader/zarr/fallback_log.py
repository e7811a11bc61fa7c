"""Says that something is read slowly, in the process that opened it and not in its workers."""

from __future__ import annotations

import logging
import multiprocessing

_log = logging.getLogger("loader.zarr")


def log_once(message: str, *arguments: object) -> None:
    """Log a warning, unless this is a worker process."""
    if not multiprocessing.current_process().daemon:
        _log.warning(message, *arguments)
