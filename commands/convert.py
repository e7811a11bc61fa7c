"""The command `convert-dataset`."""

from __future__ import annotations

import importlib
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from crafter_dataset.commands.ending import run
from crafter_dataset.commands.stopping import StopRequest
from crafter_dataset.commands.storing import (
    check_distinct_paths,
    choose_codec,
    chunk_frames_option,
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
from crafter_dataset.schemas.hdf5_format import SUFFIXES

if TYPE_CHECKING:
    from crafter_dataset.loader.dataset import Dataset

Export = Callable[["Dataset", Path], Iterator[int]]

OURS = ("zarr", "hdf5")

EXPORTS: dict[str, str] = {
    "diamond": "crafter_dataset.loader.export.diamond",
    "iris": "crafter_dataset.loader.export.iris",
    "dreamer": "crafter_dataset.loader.export.dreamer",
    "minari": "crafter_dataset.loader.export.minari",
    "lerobot": "crafter_dataset.loader.export.lerobot",
    "replay-buffer": "crafter_dataset.loader.export.replay_buffer",
    "npz": "crafter_dataset.loader.export.npz",
    "mp4": "crafter_dataset.viewer.film_export",
    "gif": "crafter_dataset.viewer.film_export",
}
"""Formats of others that can be written, and the modules that write them."""

IMPORTS = ("seed", "diamond", "iris", "recorder", "minari")
"""Formats of others that can be read; a test holds them to `builder.importing.detect.KINDS`."""

_BY_SUFFIX = {".zarr": "zarr", ".mp4": "mp4", ".gif": "gif"} | dict.fromkeys(SUFFIXES, "hdf5")


EXAMPLES = """\b
Examples:
  convert-dataset data.zarr data.h5
  convert-dataset data.zarr good.zarr --filter "return > 3"
  convert-dataset more.zarr data.zarr --append
  convert-dataset data.zarr replay --to dreamer
  convert-dataset dataset/recent seed.zarr
  convert-dataset data.zarr films --to mp4 --episodes 3,17
"""


@click.command(
    "convert-dataset",
    epilog=EXAMPLES,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.argument("source", metavar="SRC", type=click.Path(path_type=Path))
@click.argument("out", metavar="DST", type=click.Path(path_type=Path))
@click.option(
    "--to",
    "target",
    type=click.Choice([*OURS, *EXPORTS]),
    help="Format to write.  [default: by the ending of DST: .zarr, .h5, .hdf5, .mp4, .gif]",
)
@click.option(
    "--from",
    "kind",
    type=click.Choice(IMPORTS),
    help="Format of SRC, if it is none of ours.  [default: found by looking into it]",
)
@click.option("--episodes", metavar="LIST", help="Ids and ranges, such as 0:100,250; SRC is ours.")
@click.option(
    "--filter",
    "condition",
    metavar="COND",
    help="Episodes for which it holds, such as \"return > 3 and end == 'terminated'\" or "
    '"collect_iron or length >= 500"; SRC is ours.',
)
@click.option("--append", is_flag=True, help="Add the episodes to the dataset that DST is.")
@codec_option
@chunk_frames_option
@click.option(
    "--allow-pickle",
    is_flag=True,
    help="Let files of SRC hold Python objects of any class, which can run code: trust them.",
)
@overwrite_option
@resume_option
@quiet_option
def command(source: Path, out: Path, **options: Any) -> int:
    """Convert a dataset: between Zarr and HDF5, in part or whole, or to and from other formats.

    Compressed chunks are copied as they are where the codec allows.
    """
    if options["overwrite"] and (options["append"] or options["resume"]):
        raise click.UsageError("--overwrite: expected neither --append nor --resume, found both")
    check_distinct_paths([source], out)
    target = options["target"] or _BY_SUFFIX.get(out.suffix.lower())
    if target is None:
        raise click.UsageError(
            f"DST: expected an ending out of {', '.join(_BY_SUFFIX)}, or --to, found {out}"
        )
    if target in OURS and (out.suffix.lower() in SUFFIXES) != (target == "hdf5"):
        endings = "an ending out of .h5, .hdf5" if target == "hdf5" else "no such ending"
        raise click.UsageError(f"DST: expected {endings} for --to {target}, found {out}")
    if options["kind"] is not None or not _is_ours(source):
        return _import(source, out, target, options)
    dataset = _choose(source, options)
    if target not in OURS:
        return _export(dataset, out, target, options)
    return _copy(dataset, out, options)


def _is_ours(path: Path) -> bool:
    """Whether it looks like a container of ours; else it may be of another format."""
    from crafter_dataset.loader.container import is_address

    return (
        is_address(path)
        or (path / "zarr.json").is_file()
        or (path.is_file() and path.suffix != ".npz")
        or not path.exists()
    )


def _choose(source: Path, options: dict[str, Any]) -> Dataset:
    """Open a dataset of ours, and take the episodes that are wanted."""
    from crafter_dataset.loader.selection import filter_episodes, select_episodes

    (dataset,) = open_sources([source])
    for option, choose in (("episodes", select_episodes), ("condition", filter_episodes)):
        if options[option] is not None:
            try:
                dataset = choose(dataset, options[option])
            except ValueError as error:
                name = "filter" if option == "condition" else option
                raise click.UsageError(f"--{name}: {error}") from error
    if dataset.metadata.status == "building" and not options["quiet"]:
        click.echo(
            f"note: {source} is not complete; its {dataset.metadata.counts.episodes:,} episodes of "
            "now are looked at",
            err=True,
        )
    return dataset


def _copy(dataset: Dataset, out: Path, options: dict[str, Any]) -> int:
    from crafter_dataset.builder.copying.combine import combine, missing_from

    parts = [part_of(dataset)]
    if options["append"]:
        parts.insert(0, part_of(open_sources([out])[0]))
        if options["resume"]:
            parts[1] = missing_from(parts[1], parts[0])
        for name in ("codec", "chunk_frames"):
            if options[name] is not None:
                raise click.UsageError(f"--{name.replace('_', '-')}: expected none with --append")
        codec = parts[0].metadata.codec
    else:
        codec = choose_codec(options["codec"], dataset.path, dataset.metadata.codec, out)
    series = plan_series(combine(parts, codec, options["chunk_frames"]))
    return store_series(out, series, options, "convert-dataset", append=options["append"])


def _import(source: Path, out: Path, target: str, options: dict[str, Any]) -> int:
    from crafter_dataset.builder.copying.store import Series
    from crafter_dataset.builder.importing.detect import open_source
    from crafter_dataset.builder.importing.encode import encode_imported, imported_metadata

    for name in ("episodes", "condition", "append"):
        if options[name]:
            shown = "filter" if name == "condition" else name
            raise click.UsageError(
                f"--{shown}: expected a dataset of ours to copy from, found {source}; import it "
                "whole first"
            )
    if target not in OURS:
        raise click.UsageError(f"--to {target}: expected a dataset of ours, found {source}; import "
                               "it first")  # fmt: skip
    opened = open_source(source, options["kind"], options["allow_pickle"])
    if not options["quiet"]:
        for note in opened.notes:
            click.echo(f"note: {note}", err=True)
    codec = choose_codec(options["codec"], "", opened.metadata.codec, out)
    metadata = imported_metadata(opened, codec, options["chunk_frames"])
    series = Series(
        metadata,
        opened.count,
        lambda start: encode_imported(opened, metadata, start),
        ({"path": str(source), "episodes": opened.count},),
    )
    return store_series(out, series, options, "convert-dataset")


def _export(dataset: Dataset, out: Path, target: str, options: dict[str, Any]) -> int:
    """Write a format of others: whole, or not at all."""
    for name in ("codec", "chunk_frames", "append", "resume"):
        if options[name]:
            shown = name.replace("_", "-")
            raise click.UsageError(
                f"--{shown}: expected a dataset of ours to write, found --to {target}"
            )
    is_film = target in ("mp4", "gif") and len(dataset) == 1
    if out.exists() and not (options["overwrite"] and out.is_file() and is_film):
        raise click.UsageError(f"{out}: expected a path where nothing is, found something")
    from crafter_dataset.loader.export.errors import ExportError

    export = _exporter(target)
    out.parent.mkdir(parents=True, exist_ok=True)
    # Absolute, for what others' packages make of it.
    partial = out.absolute().with_name(f".{out.stem}.partial{out.suffix}")
    _remove(partial)
    stop = StopRequest("stopping ...")
    try:
        whole = _write(dataset, partial, export, stop, options["quiet"])
        if whole:
            partial.replace(out)
    except (OSError, RuntimeError) as error:  # h5py and PyTorch raise the latter for a full disk
        if isinstance(error, RuntimeError) or not error.filename:
            text = " ".join(str(error).split())
            raise ExportError(f"{out}: expected to write it, found: {text}") from error
        raise
    finally:
        _remove(partial)
    if not whole:
        click.echo("stopped: nothing was written", err=True)
        return 128 + stop.signal
    if not options["quiet"]:
        click.echo(f"{out}: {len(dataset):,} episodes, {dataset.frames:,} frames, {target}")
    return 0


def _exporter(target: str) -> Export:
    module = importlib.import_module(EXPORTS[target])
    export: Export = module.exporter(f".{target}") if target in ("mp4", "gif") else module.export
    return export


def _write(dataset: Dataset, path: Path, export: Export, stop: StopRequest, quiet: bool) -> bool:
    """Export with progress; false if it was stopped."""
    from crafter_dataset.builder.build import Progress
    from crafter_dataset.builder.settings import Target
    from crafter_dataset.commands.progress import ProgressLine
    from crafter_dataset.schemas.metadata import Counts

    progress = None if quiet else ProgressLine()
    target, begun, frames = Target(episodes=max(len(dataset), 1)), time.monotonic(), 0
    try:
        with closing(export(dataset, path)) as written:  # type: ignore[type-var]
            for episodes, count in enumerate(written, 1):
                frames += count
                if progress:
                    counts = Counts(episodes, frames, 0)
                    seconds = time.monotonic() - begun
                    progress(Progress(target, Counts(), counts, seconds, None))
                if stop.requested() and episodes < len(dataset):
                    return False
    finally:
        if progress:
            progress.close()
    return True


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def main() -> NoReturn:
    """Run `convert-dataset`."""
    run(command, failures)
