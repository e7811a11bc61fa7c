"""What commands print: never more than a terminal should get, and never a reason to fail."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TextIO

import click


def say(text: str, *, err: bool = False) -> None:
    """Print a line, in which what came from a file cannot steer a terminal.

    Where it cannot be shown (a terminal that has gone, a reader that has left,
    a closed stream) it is dropped: showing decides nothing.

    Parameters
    ----------
    text : str
        The line, or several.
    err : bool
        Whether it goes to standard error.
    """
    try:
        click.echo(printable(text), err=err)
    except (OSError, ValueError):
        drop(sys.stderr if err else sys.stdout)


def printable(text: str) -> str:
    """Return a text with everything escaped that is no letter, sign or space, but line breaks.

    Control characters steer terminals, marks of direction turn words around,
    and lone surrogates cannot be encoded.

    Parameters
    ----------
    text : str
        Any text.
    """
    if text.isprintable():
        return text
    return "".join(
        c if c == "\n" or c.isprintable() else c.encode("unicode_escape").decode() for c in text
    )


def drop(stream: TextIO | None) -> None:
    """Lead a stream that can no longer be written to into nothing, what it still holds as well.

    Parameters
    ----------
    stream : file or None
        Standard output or error.
    """
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())  # type: ignore[union-attr]
        os.close(nothing)


def open_streams() -> None:
    """Lead standard streams that are closed into nothing.

    Else the next file that is opened would take their place, and whatever is
    written to standard error would go into it.
    """
    for number, mode in ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)  # takes the lowest number that is free
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115  to the end
