"""The command `split-dataset`."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import click

from crafter_dataset.commands.ending import dataset_command, run
from crafter_dataset.commands.options import Number, Place
from crafter_dataset.commands.running import Running
from crafter_dataset.commands.storing import (
    codec_option,
    overwrite_option,
    quiet_option,
    report_copy,
    resume_option,
)


def _fractions(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> tuple[float, ...] | None:
    if value is None:
        return None
    try:
        return tuple(float(part) for part in value.split(","))
    except ValueError:
        raise click.BadParameter(f"expected numbers such as 0.9,0.1, found {value!r}") from None


@dataset_command("split-dataset")
@click.argument("source", metavar="SRC", type=Place())
@click.argument("outs", metavar="DST...", nargs=-1, required=True, type=Place())
@click.option(
    "--fractions",
    callback=_fractions,
    metavar="F,...",
    help="Share of each part; the last may be left out, and takes the rest.  [default: equal]",
)
@click.option(
    "--by-world", is_flag=True, help="Keep the episodes of a world together: no map in two parts."
)
@click.option("--seed", type=Number(0), default=0, show_default=True, help="Seed of the shuffle.")
@codec_option
@overwrite_option
@resume_option
@quiet_option
def command(
    source: Path,
    outs: tuple[Path, ...],
    fractions: tuple[float, ...] | None,
    by_world: bool,
    seed: int,
    codec: str | None,
    overwrite: bool,
    resume: bool,
    quiet: bool,
) -> int:
    """Split the episodes of a dataset at random into datasets of their own.

    Compressed chunks are copied as they are, and every episode keeps the number
    that it was built with. `Dataset.split` with the same numbers gives the same
    parts without copying anything.

    Example: split-dataset data.zarr train.zarr test.zarr --fractions 0.9 --by-world
    """
    from crafter_dataset.builder.split import split

    with Running(quiet) as running:
        parts = split(
            source,
            outs,
            fractions=fractions,
            by_world=by_world,
            seed=seed,
            codec=codec,
            overwrite=overwrite,
            resume=resume,
            **running.arguments,
        )
    for out, part in zip(outs, parts, strict=False):  # if it was stopped, not all were begun
        status = report_copy(part, out, running, "split-dataset")
        if status:
            return status
    return 0


def main() -> NoReturn:
    """Run `split-dataset`."""
    run(command)
