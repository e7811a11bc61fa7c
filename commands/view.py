"""The command `view-dataset`."""

from __future__ import annotations

from typing import Any, NoReturn

import click

from crafter_dataset.commands.ending import dataset_command, run
from crafter_dataset.commands.options import Number, Place
from crafter_dataset.commands.saying import say
from crafter_dataset.viewer.view import MOST_SCALE, SPEED, view

_FILE = Place(dir_okay=False)


@dataset_command("view-dataset")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=Place())
@click.option("--episode", type=Number(0), help="Number of the episode to show first.")
@click.option("--frame", type=Number(0), default=0, show_default=True, help="Frame to show first.")
@click.option(
    "--fps",
    type=click.FloatRange(*SPEED),
    default=20,
    show_default=True,
    help="Frames a second when playing, and of a film.",
)
@click.option("--no-header", is_flag=True, help="The frame alone: no header, map or timeline.")
@click.option(
    "--scale",
    type=Number(1, MOST_SCALE),
    help="Pixels for one of a frame; by default as many as fit.",
)
@click.option(
    "--screenshot",
    type=_FILE,
    metavar="FILE",
    help="Write the window to FILE (.png, .jpg) and end.",
)
@click.option(
    "--export",
    type=_FILE,
    metavar="FILE",
    help="Write the episode, from --frame on, to FILE and end: a film of the window (.gif, .mp4), "
    "or 16 of its frames in one picture (.png).",
)
def command(paths: tuple[str, ...], no_header: bool, **options: Any) -> int:
    """Look at the episodes of the datasets at PATH...

    --screenshot and --export need no screen. The keys are printed at the
    start, and shown by h or ?.
    """
    problems = view(
        paths,
        header=not no_header,
        **options,
        progress=True,
        on_file=lambda path: say(f"wrote {path}"),
        on_window=_print_keys,
    )
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        say(f"view-dataset: damaged: {problems[0]}{more}", err=True)
    return 1 if problems else 0


def _print_keys() -> None:
    from crafter_dataset.viewer.keys import help_lines

    for key, about in help_lines():
        say(f"  {key:<12} {about}")


def main() -> NoReturn:
    """Run `view-dataset`."""
    run(command)
