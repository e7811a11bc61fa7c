"""The command `merge-dataset`."""

from __future__ import annotations

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


@click.command("merge-dataset", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument(
    "sources", metavar="SRC...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.argument("out", metavar="DST", type=click.Path(path_type=Path))
@codec_option
@overwrite_option
@resume_option
@quiet_option
def command(sources: tuple[Path, ...], out: Path, **options: Any) -> int:
    """Put the episodes of several datasets into a new one, one dataset after the other.

    Compressed chunks are copied as they are. Parts of one build, in its order,
    give the very dataset that was built, digest and all; other episodes keep
    the seed, the policy and the number that they were built with.

    Example: merge-dataset first.zarr second.zarr all.zarr
    """
    from crafter_dataset.builder.copying.combine import combine

    check_distinct_paths(sources, out)
    parts = [part_of(dataset) for dataset in open_sources(sources)]
    codec = choose_codec(options["codec"], sources[0], parts[0].metadata.codec, out)
    return store_series(out, plan_series(combine(parts, codec)), options, "merge-dataset")


def main() -> NoReturn:
    """Run `merge-dataset`."""
    run(command, failures)
