"""What commands share that write datasets or files in other projects' formats."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crafter_dataset.commands.options import Number
from crafter_dataset.commands.running import Running
from crafter_dataset.commands.saying import say
from crafter_dataset.schemas.codecs import CODEC_CHOICES
from crafter_dataset.schemas.layout import MOST_CHUNK_FRAMES
from crafter_dataset.schemas.wording import extent

if TYPE_CHECKING:
    from crafter_dataset.loader.dataset import Dataset

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

codec_option: Decorator = click.option(
    "--codec",
    metavar="CODEC",
    help=f"Compression: {CODEC_CHOICES}.  [default: the source's, whose chunks are then copied as "
    "they are; in HDF5 what needs no plugin]",
)
chunk_frames_option: Decorator = click.option(
    "--chunk-frames",
    type=Number(1, MOST_CHUNK_FRAMES),
    metavar="N",
    help="Frames compressed together.  [default: as in the source]",
)
overwrite_option: Decorator = click.option(
    "--overwrite", is_flag=True, help="Replace a Crafter dataset that is at DST."
)
resume_option: Decorator = click.option(
    "--resume", is_flag=True, help="Go on after a kill or Ctrl-C."
)
quiet_option: Decorator = click.option(
    "--quiet", is_flag=True, help="Show no progress and no summary."
)


def report_copy(dataset: Dataset, path: Path, run: Running, command: str) -> int:
    """Print the outcome of a copy.

    Parameters
    ----------
    dataset : Dataset
        What was written.
    path : Path
        Where it was written.
    run : Running
        The context in which it was written.
    command : str
        Name of the command.

    Returns
    -------
    int
        The exit code: 0, or that of a stopped command.
    """
    counts = dataset.metadata.counts
    if dataset.metadata.status != "complete":
        say(
            f"stopped: {extent(counts.episodes, counts.frames)} are safe in {dataset.path}; "
            f"go on with the same command and --resume ({command})",
            err=True,
        )
        return run.exit_code
    if not run.quiet:
        say(
            f"{path}: {extent(counts.episodes, counts.frames)}, "
            f"{dataset.metadata.codec}, digest {dataset.metadata.digest}"
        )
    return 0
