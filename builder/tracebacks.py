"""Where in the user's own code an exception was raised."""

from __future__ import annotations

import importlib
import os
import traceback
from pathlib import Path

_PACKAGE = str(Path(__file__).parents[1])
_IMPORTING = ("<frozen importlib", os.path.dirname(importlib.__file__))


def users_frames(error: BaseException) -> str:
    """Return the part of a traceback that is in the user's code, and in what that calls.

    Parameters
    ----------
    error : BaseException
        The exception, with its traceback.

    Returns
    -------
    str
        Lines as Python shows them, without those of this package and of the
        import system; empty if no others are left.
    """
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith((_PACKAGE, *_IMPORTING))
    ]
    lines = traceback.format_list(frames)
    if isinstance(error, SyntaxError) and error.filename:
        lines += traceback.format_exception_only(error)[:-1]  # the place that has no frame yet
    return "".join(lines).rstrip("\n")
