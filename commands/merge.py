"""The command `merge-dataset`."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import click

from crafter_dataset.commands.ending import dataset_command, run
from crafter_dataset.commands.options import Place
from crafter_dataset.commands.running import Running
from crafter_dataset.commands.storing import (
    codec_option,
    overwrite_option,
    quiet_option,
    report_copy,
    resume_option,
)


@dataset_command("merge-dataset")
@click.argument("sources", metavar="SRC...", nargs=-1, required=True, type=Place())
@click.argument("out", metavar="DST", type=Place())
@codec_option
@overwrite_option
@resume_option
@quiet_option
def command(
    sources: tuple[Path, ...],
    out: Path,
    codec: str | None,
    overwrite: bool,
    resume: bool,
    quiet: bool,
) -> int:
    """Put the episodes of several datasets into a new one, one dataset after the other.

    Compressed chunks are copied as they are. Parts of one build, in its order,
    give the very dataset that was built, digest and all; other episodes keep
    the seed, the policy and the number that they were built with.

    Example: merge-dataset first.zarr second.zarr all.zarr
    """
    from crafter_dataset.builder.merge import merge

    with Running(quiet) as running:
        merged = merge(
            sources, out, codec=codec, overwrite=overwrite, resume=resume, **running.arguments
        )
    return report_copy(merged, out, running, "merge-dataset")


def main() -> NoReturn:
    """Run `merge-dataset`."""
    run(command)
