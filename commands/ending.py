"""How every command ends: exit code 0 for ok, 1 for failed or invalid, 2 for wrong usage,
and what shells have for signals (130 for Ctrl-C).

An error is one line on standard error that names the thing, what was expected
and what was found.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

import click

from crafter_dataset.schemas.errors import DatasetError

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it: 128 + SIGINT."""


def run(
    command: click.Command, failures: Callable[[], tuple[type[Exception], ...]] = tuple
) -> NoReturn:
    """Run a command and exit.

    Parameters
    ----------
    command : click.Command
        The command.
    failures : callable
        Gives further exceptions whose text is for the user; called only once
        something was raised.
    """
    name = command.name or "command"
    details = ""
    try:
        status = command.main(standalone_mode=False, prog_name=name)
        sys.stdout.flush()
        sys.exit(status if isinstance(status, int) else 0)
    except click.UsageError as error:
        code, text = 2, f"{error.format_message()} (see {name} --help)"
    except click.ClickException as error:
        code, text = 1, error.format_message()
    except (click.Abort, KeyboardInterrupt):
        code, text = INTERRUPTED, "interrupted"
    except BrokenPipeError:
        # The reader of our output has left; leave Python nothing to complain of at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        code, text = 1, describe_os_error(error)
    except Exception as error:
        if not isinstance(error, (DatasetError, *failures())):
            raise
        code, text = getattr(error, "exit_code", 1), str(error)
        details = getattr(error, "details", "") or traceback.format_exc()
    if details and os.environ.get("CRAFTER_DATASET_DEBUG"):
        click.echo(details, err=True)
    click.echo(f"{name}: error: {' '.join(text.split())}", err=True)
    if code == INTERRUPTED:
        # Threads that were interrupted in the middle of reading would complain of their end.
        sys.stdout.flush()
        os._exit(code)
    sys.exit(code)


def describe_os_error(error: OSError) -> str:
    """Say in one line what the system refused, with any notes that were added on the way."""
    reason = error.strerror or str(error) or type(error).__name__
    named = f"{error.filename}: {reason}" if error.filename else reason
    return "; ".join([named, *getattr(error, "__notes__", [])])


def echo_json(value: Any) -> None:
    """Print a value as JSON on standard output."""
    import json

    click.echo(json.dumps(value, indent=2))


def format_bytes(count: float) -> str:
    """Format a number of bytes with a decimal prefix."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.1f} {unit}" if unit != "B" else f"{count:.0f} B"
        count /= 1000
    return f"{count:.1f} TB"
