"""The command `convert-dataset`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import click

from crafter_dataset.commands.ending import dataset_command, run
from crafter_dataset.commands.options import Place
from crafter_dataset.commands.running import Running
from crafter_dataset.commands.saying import say
from crafter_dataset.commands.storing import (
    chunk_frames_option,
    codec_option,
    quiet_option,
    report_copy,
    resume_option,
)
from crafter_dataset.schemas.layout import PICTURE_CHOICES
from crafter_dataset.schemas.wording import extent

TARGETS = (
    "zarr", "hdf5", "diamond", "iris", "dreamer", "minari", "lerobot", "replay-buffer", "npz",
    "mp4", "gif",
)  # fmt: skip
"""Formats that can be written; a test compares them with those that `convert` knows."""

KINDS = ("collector", "diamond", "iris", "recorder", "minari")
"""Formats of other projects that can be read; a test compares them with those of the importer."""

EXAMPLES = """\b
Examples:
  convert-dataset data.zarr data.h5
  convert-dataset data.zarr good.h5 --filter "return > 3"
  convert-dataset data.zarr small.zarr --pictures drawn
  convert-dataset more.zarr data.zarr --append
  convert-dataset data.zarr replay --to dreamer
  convert-dataset dataset/recent collected.zarr
  convert-dataset data.zarr films --to mp4 --episodes 3,17
"""


GROUPS = {
    "What is taken": ("from_", "episodes", "filter", "allow_pickle"),
    "Where it goes": ("to", "append", "codec", "chunk_frames", "pictures", "overwrite", "resume"),
}
"""Options in `--help`, by their headings."""


@dataset_command("convert-dataset", epilog=EXAMPLES, groups=GROUPS)
@click.argument("source", metavar="SRC", type=Place())
@click.argument("out", metavar="DST", type=Place())
@click.option(
    "--to",
    type=click.Choice(TARGETS),
    metavar="FORMAT",
    help=f"Format to write: {', '.join(TARGETS)}.  [default: by the ending of DST: .zarr, .h5, "
    ".hdf5, .hdf, .mp4, .gif]",
)
@click.option(
    "--from",
    "from_",
    type=click.Choice(KINDS),
    metavar="FORMAT",
    help=f"Format of SRC, if another project's: {', '.join(KINDS)}; collector is a static data "
    "collector's tree of .pt files.  [default: found by looking into it]",
)
@click.option(
    "--episodes", metavar="LIST", help="Ids and ranges, such as 0:100,250, of a Crafter dataset."
)
@click.option(
    "--filter",
    metavar="COND",
    help="Episodes of a Crafter dataset for which it holds, such as "
    '"return > 3 and end == \'terminated\'" or "collect_iron or length >= 500".',
)
@click.option("--append", is_flag=True, help="Add the episodes to the dataset that DST is.")
@codec_option
@chunk_frames_option
@click.option(
    "--pictures",
    type=click.Choice(PICTURE_CHOICES),
    help="Store frames as they are; or, in a fiftieth of their bytes, what they are drawn from "
    "when they are read, for which the episodes are played again; or both.  [default: as in SRC]",
)
@click.option(
    "--allow-pickle",
    is_flag=True,
    help="Let files of SRC hold Python objects of any class, which can run code: trust them.",
)
@click.option(
    "--overwrite", is_flag=True, help="Replace a Crafter dataset, or a film, that is at DST."
)
@resume_option
@quiet_option
def command(source: Path, out: Path, quiet: bool, **options: Any) -> int:
    """Convert a dataset: between Zarr and HDF5, in part or whole, or to and from other formats.

    Compressed chunks are copied as they are where the codec allows.
    """
    from crafter_dataset.builder.convert import OURS, convert, format_of

    kind = format_of(out, options["to"])

    def note(text: str) -> None:
        if not quiet:
            say(f"note: {text}", err=True)

    message = () if kind in OURS else ("stopping ...",)
    with Running(quiet, *message) as running:
        written = convert(source, out, **options, **running.arguments, on_note=note)
    if not isinstance(written, Path):
        return report_copy(written, out, running, "convert-dataset")
    if running.last is not None:
        done = running.last
        say(f"{out}: {extent(done.episodes or 0, done.frames)}, {kind}")
    return 0


def main() -> NoReturn:
    """Run `convert-dataset`."""
    run(command)
