"""The command `validate-dataset`."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import NoReturn

import click

from crafter_dataset.commands.ending import dataset_command, echo_json, run
from crafter_dataset.commands.options import Number, Place
from crafter_dataset.commands.saying import say
from crafter_dataset.schemas.progress import ProgressLine


@dataset_command("validate-dataset")
@click.argument("path", metavar="PATH", type=Place())
@click.option(
    "--deep", is_flag=True, help="Read every chunk: checksums, digests, ranges, flags, padding."
)
@click.option(
    "--replay",
    type=Number(0),
    default=0,
    show_default=True,
    metavar="N",
    help="Play N episodes again, spread over the dataset, with stock "
    "Crafter and compare every value.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(path: Path, deep: bool, replay: int, as_json: bool) -> int:
    """Check that PATH is a dataset of this format, and say all that is wrong with it."""
    from crafter_dataset.loader.validate import validate
    from crafter_dataset.schemas.violations import Violation

    line = ProgressLine()

    def show(violation: Violation) -> None:
        if not as_json:
            line.clear()
            say(f"{violation}")

    with contextlib.closing(line):
        report = validate(
            path,
            deep=deep,
            replay=replay,
            progress=line,
            on_violation=show,
        )
        line.clear()
    if as_json:
        echo_json(report.to_json())
    else:
        say(f"{report}{' (--deep reads them)' if report and not deep else ''}")
    return 0 if report else 1


def main() -> NoReturn:
    """Run `validate-dataset`."""
    run(command)
