"""How every command begins and ends.

Exit code 0 is for ok, 1 for failed or invalid, 2 for wrong usage, and the code
that shells use for signals (130 for Ctrl-C). An error is one line on standard
error that names the thing, what was expected and what was found; where the
user's own code raised, its lines of the traceback follow.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

import click

from crafter_dataset.builder.errors import StoppedError
from crafter_dataset.commands.helping import GroupedCommand
from crafter_dataset.commands.saying import drop, open_streams, say
from crafter_dataset.schemas.errors import CrafterDatasetError, Note

INTERRUPTED = 130
"""Exit code after Ctrl-C, as in shells: 128 + SIGINT."""

DISTRIBUTION = "crafter-dataset"


def dataset_command(name: str, **options: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a command of a function, with the options that all commands have.

    Parameters
    ----------
    name : str
        Name of the command.
    **options
        As for `GroupedCommand`.

    Returns
    -------
    callable
        A decorator, which takes the function and returns the command.
    """

    def decorate(function: Callable[..., Any]) -> click.Command:
        settings = {"help_option_names": ["-h", "--help"]}
        made: click.Command = click.command(
            name, cls=GroupedCommand, context_settings=settings, **options
        )(function)
        with_version: click.Command = click.version_option(
            package_name=DISTRIBUTION, prog_name=name
        )(made)
        return with_version

    return decorate


def run(command: click.Command) -> NoReturn:
    """Run a command and exit.

    Parameters
    ----------
    command : click.Command
        What to run, with the process's arguments.
    """
    name = command.name or "command"
    details = frames = ""
    open_streams()
    try:
        status = command.main(standalone_mode=False, prog_name=name)
        _flush()
        sys.exit(status if isinstance(status, int) else 0)
    except click.UsageError as error:
        code, text = 2, f"{error.format_message()} (see {name} --help)"
    except click.ClickException as error:
        code, text = 1, error.format_message()
    except (click.Abort, KeyboardInterrupt):
        code, text = INTERRUPTED, "interrupted"
    except StoppedError as error:
        say(str(error), err=True)
        sys.exit(error.exit_code)
    except CrafterDatasetError as error:
        code, text = error.exit_code, error.for_command(names_of(command))
        details, frames = error.details or traceback.format_exc(), error.frames
        if code == 2:
            text += f" (see {name} --help)"
    except OSError as error:
        code, text = 1, describe_os_error(error, names_of(command))
    if details and os.environ.get("CRAFTER_DATASET_DEBUG"):
        say(details, err=True)
    say(f"{name}: error: {' '.join(text.split())}", err=True)
    if frames:
        say(frames, err=True)
    if code == INTERRUPTED:
        # Threads that were interrupted while reading would complain when they end.
        _flush()
        os._exit(code)
    sys.exit(code)


def _flush() -> None:
    """Write what standard output still holds; what cannot be written is dropped."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        drop(sys.stdout)


def names_of(command: click.Command) -> dict[str, str]:
    """Return what a command calls the arguments of the function behind it.

    Parameters
    ----------
    command : click.Command
        The command, whose parameters have the names of these arguments.

    Returns
    -------
    dict of str to str
        By the argument's name, the option (`--chunk-frames`) or the metavar.
    """
    return {
        str(parameter.name): max(parameter.opts, key=len)
        if isinstance(parameter, click.Option)
        else (parameter.metavar or str(parameter.name)).removesuffix("...")
        for parameter in command.params
    }


def describe_os_error(error: OSError, names: dict[str, str]) -> str:
    """Describe in one line what the system refused, with any notes that were added on the way.

    Parameters
    ----------
    error : OSError
        What was raised.
    names : dict of str to str
        What the command calls arguments, see `names_of`.

    Returns
    -------
    str
        File, reason and notes.
    """
    reason = error.strerror or str(error) or type(error).__name__
    named = f"{error.filename}: {reason}" if error.filename else reason
    notes = (
        note.for_command(names) if isinstance(note, Note) else note
        for note in getattr(error, "__notes__", [])
    )
    return "; ".join([named, *notes])


def echo_json(value: Any) -> None:
    """Print a value as JSON on standard output.

    Parameters
    ----------
    value : object
        Something that fits into JSON.
    """
    say(json.dumps(value, indent=2))
