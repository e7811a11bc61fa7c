"""The command `split-dataset`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NoReturn

import click

from crafter_dataset.commands.ending import run
from crafter_dataset.commands.storing import (
    check_distinct_paths,
    choose_codec,
    codec_option,
    failures,
    open_sources,
    overwrite_option,
    part_of,
    plan_series,
    quiet_option,
    resume_option,
    store_series,
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


@click.command("split-dataset", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("source", metavar="SRC", type=click.Path(path_type=Path))
@click.argument("outs", metavar="DST...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--fractions",
    callback=_fractions,
    metavar="F,...",
    help="Share of each part; the last may be left out, and takes the rest.  [default: equal]",
)
@click.option(
    "--by-world", is_flag=True, help="Keep the episodes of a world together: no map in two parts."
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the shuffle."
)
@codec_option
@overwrite_option
@resume_option
@quiet_option
def command(source: Path, outs: tuple[Path, ...], **options: Any) -> int:
    """Split the episodes of a dataset at random into datasets of their own.

    Compressed chunks are copied as they are, and every episode keeps the number
    that it was built with. `Dataset.split` with the same numbers gives the same
    parts without copying anything.

    Example: split-dataset data.zarr train.zarr test.zarr --fractions 0.9 --by-world
    """
    from crafter_dataset.builder.copying.combine import combine

    if len({os.path.realpath(out) for out in outs}) != len(outs):
        raise click.UsageError("DST: expected distinct paths, found one twice")
    fractions = options["fractions"] or (1 / len(outs),) * len(outs)
    for out in outs:
        check_distinct_paths([source], out)
    (dataset,) = open_sources([source])
    try:
        parts = dataset.split(*fractions, seed=options["seed"], by_world=options["by_world"])
    except ValueError as error:
        raise click.UsageError(f"--fractions: {error}") from error
    if len(parts) != len(outs):
        raise click.UsageError(
            f"--fractions: expected shares for {len(outs)} datasets, found {len(parts)} parts"
        )
    for out, part in zip(outs, parts, strict=True):
        if not len(part):
            raise click.UsageError(f"--fractions: expected an episode for {out}, found none")
    for out, part in zip(outs, parts, strict=True):
        codec = choose_codec(options["codec"], source, part.metadata.codec, out)
        series = plan_series(combine([part_of(part)], codec))
        status = store_series(out, series, options, "split-dataset")
        if status:
            return status
    return 0


def main() -> NoReturn:
    """Run `split-dataset`."""
    run(command, failures)
