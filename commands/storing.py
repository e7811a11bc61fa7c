"""What the commands share that copy episodes from one dataset into another."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crafter_dataset.commands.stopping import StopRequest
from crafter_dataset.schemas.codecs import CODEC_CHOICES

if TYPE_CHECKING:
    from crafter_dataset.builder.copying.combine import Part, Plan
    from crafter_dataset.builder.copying.store import Series
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
    type=click.IntRange(1, 16_384),
    metavar="N",
    help="Frames compressed together.  [default: as in the source]",
)
overwrite_option: Decorator = click.option(
    "--overwrite", is_flag=True, help="Replace a dataset of ours, or a film, that is there."
)
resume_option: Decorator = click.option(
    "--resume", is_flag=True, help="Go on after a kill or Ctrl-C."
)
quiet_option: Decorator = click.option(
    "--quiet", is_flag=True, help="Show no progress and no summary."
)


def open_sources(paths: Sequence[Path]) -> list[Dataset]:
    """Open datasets of ours."""
    from crafter_dataset.loader.dataset import open_dataset

    return [open_dataset(path) for path in paths]


def part_of(dataset: Dataset) -> Part:
    """Give the episodes of a dataset, or of a part of one, for copying."""
    from crafter_dataset.builder.copying.combine import Part

    return Part(dataset.container, dataset.metadata, dataset.episodes["episode_ids"])


def choose_codec(wanted: str | None, source: Path | str, codec: str, path: Path) -> str:
    """Give the codec of a copy: the user's, or the source's where the container likes it."""
    from crafter_dataset.builder.storage import containers
    from crafter_dataset.schemas.codecs import ChunkCodec

    if wanted is not None:
        return str(ChunkCodec.parse(wanted))
    if containers.is_hdf5(path):  # whose own codec stays; another may need a plugin
        return codec if containers.is_hdf5(Path(source)) else containers.default_codec(path)
    return containers.default_codec(path) if codec.startswith("gzip") else codec


def check_distinct_paths(sources: Sequence[Path], path: Path) -> None:
    """Refuse to write over what is read."""
    for source in sources:
        if source.exists() and path.exists() and source.samefile(path):
            raise click.UsageError(f"{path}: expected another path than the source's, found it")
        if Path(os.path.realpath(source)) in Path(os.path.realpath(path)).parents:
            raise click.UsageError(f"{path}: expected a path outside {source}, found one inside")


def plan_series(plan: Plan) -> Series:
    """Give the episodes of a plan as a series to be stored."""
    import numpy as np

    from crafter_dataset.builder.copying.encoded import read_encoded
    from crafter_dataset.builder.copying.store import Series
    from crafter_dataset.schemas.layout import TABLE

    digests = np.concatenate(
        [
            part.container.read(f"{TABLE}/digests", 0, part.metadata.counts.episodes)[part.episodes]
            for part in plan.parts
        ]
    )
    sources = tuple(
        {
            "path": part.container.name,
            "episodes": len(part.episodes),
            "digest": part.metadata.digest,
        }
        for part in plan.parts
    )
    return Series(
        plan.metadata, len(plan), lambda start: read_encoded(plan, start), sources, digests
    )


def store_series(
    path: Path, series: Series, options: dict[str, Any], command: str, *, append: bool = False
) -> int:
    """Write a series with progress, and say what came of it; give the exit code."""
    from crafter_dataset.builder.copying.store import store
    from crafter_dataset.commands.progress import ProgressLine

    stop = StopRequest()
    progress = None if options["quiet"] else ProgressLine()
    try:
        metadata, complete = store(
            path,
            series,
            resume=options["resume"],
            overwrite=options["overwrite"],
            append=append,
            on_progress=progress or (lambda state: None),
            should_stop=stop.requested,
        )
    finally:
        if progress:
            progress.close()
    counts = metadata.counts
    if not complete:
        click.echo(
            f"stopped: {counts.episodes:,} episodes ({counts.frames:,} frames) are safe in {path}; "
            f"go on with the same command and --resume ({command})",
            err=True,
        )
        return 128 + stop.signal
    if not options["quiet"]:
        click.echo(
            f"{path}: {counts.episodes:,} episodes, {counts.frames:,} frames, {metadata.codec}, "
            f"digest {metadata.digest}"
        )
    return 0


def failures() -> tuple[type[Exception], ...]:
    """Errors whose text is for the user."""
    from crafter_dataset.builder.copying.combine import CombineError
    from crafter_dataset.builder.errors import BuildError
    from crafter_dataset.builder.importing.foreign import SourceError
    from crafter_dataset.builder.settings import SettingsError
    from crafter_dataset.loader.export.errors import ExportError
    from crafter_dataset.viewer.files import MissingPackageError

    return BuildError, CombineError, ExportError, MissingPackageError, SettingsError, SourceError
