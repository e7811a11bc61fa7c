"""The command `build-dataset`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NoReturn

import click
from click.core import ParameterSource

from crafter_dataset.commands.ending import run
from crafter_dataset.commands.options import Argument, Names, Pair, read_config
from crafter_dataset.commands.stopping import StopRequest
from crafter_dataset.schemas.codecs import CODEC_CHOICES, DEFAULT_CODEC
from crafter_dataset.schemas.hdf5_format import DEFAULT_CODEC as HDF5_CODEC
from crafter_dataset.schemas.layout import OPTIONAL_FIELDS

# The settings' own defaults are those of `builder.settings`, which a test holds to these: importing
# it would make `--help` wait for the simulator.
_SETTINGS = (
    "seed",
    "policy",
    "trajectories_per_world",
    "length",
    "size",
    "area",
    "view",
    "codec",
    "chunk_frames",
)


@click.command("build-dataset", context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="PATH",
    help="What to write: a Zarr group, for example data.zarr, or an HDF5 file, data.h5.",
)
@click.option(
    "--frames",
    type=click.IntRange(1, 2**31 - 1),
    help="Frames in all; the last episode is cut to fit.  [default: 100000]",
)
@click.option(
    "--episodes",
    type=click.IntRange(1, 2**31 - 1),
    help="Whole episodes in all, instead of --frames.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=0,
    show_default=True,
    help="Seed of the dataset; everything follows from it.",
)
@click.option(
    "--policy",
    default="heuristic",
    show_default=True,
    metavar="NAME",
    help="heuristic (sticky random), random, noop, or package.module:factory.",
)
@click.option(
    "--policy-arg",
    type=Argument(),
    multiple=True,
    help="An argument of the policy's factory; may be repeated.",
)
@click.option(
    "--trajectories-per-world",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Consecutive episodes that explore the same world.",
)
@click.option(
    "--length",
    type=click.IntRange(1, 65_535),
    default=10_000,
    show_default=True,
    help="Time limit of an episode, in actions.",
)
@click.option(
    "--size",
    type=Pair(),
    default="64x64",
    show_default=True,
    help="Size of a frame (width x height), in pixels.",
)
@click.option(
    "--area", type=Pair(), default="64x64", show_default=True, help="Size of the world, in cells."
)
@click.option(
    "--view",
    type=Pair(),
    default="9x9",
    show_default=True,
    help="Cells that a frame shows, the inventory's rows included.",
)
@click.option(
    "--fields",
    type=Names(),
    default=",".join(OPTIONAL_FIELDS),
    show_default=True,
    help="Optional fields to store; frames, actions, rewards and flags always are.",
)
@click.option(
    "--codec",
    metavar="CODEC",
    help=f"Compression: {CODEC_CHOICES}.  [default: {DEFAULT_CODEC}, {HDF5_CODEC} in HDF5]",
)
@click.option(
    "--chunk-frames",
    type=click.IntRange(1, 16_384),
    default=32,
    show_default=True,
    help="Frames compressed together.",
)
@click.option(
    "--workers",
    type=click.IntRange(0, 1024),
    default=lambda: _cores(),
    show_default="one a core",
    help="Worker processes; 0 plays in this process.",
)
@click.option(
    "--num-envs",
    type=click.IntRange(1, 65_536),
    default=4,
    show_default=True,
    help="Environments of each worker, the batch that a policy sees.",
)
@click.option(
    "--engine",
    type=click.Choice(["fast", "crafter"]),
    default="fast",
    show_default=True,
    help="What plays: compiled code, or the crafter package itself; the dataset is the same.",
)
@click.option(
    "--commit-seconds",
    type=click.FloatRange(0),
    default=10.0,
    show_default=True,
    help="Time between commits, so at most what a kill costs.",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Go on with the dataset at PATH, if there is one, by its own settings; "
    "with a larger --frames or --episodes, extend it.",
)
@click.option("--overwrite", is_flag=True, help="Replace the dataset at PATH.")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    is_eager=True,
    expose_value=False,
    callback=read_config,
    metavar="FILE.toml",
    help="Read options from a TOML file; those on the command line win.",
)
@click.option("--quiet", is_flag=True, help="Show no progress and no summary.")
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> int:
    """Build a dataset of Crafter episodes.

    Example: build-dataset --out data.zarr --frames 1000000 --seed 7
    """
    from crafter_dataset.builder.build import build
    from crafter_dataset.builder.settings import BuildSettings, Target
    from crafter_dataset.commands.progress import ProgressLine

    typed = [
        name
        for name in ("frames", "episodes")
        if ctx.get_parameter_source(name) == ParameterSource.COMMANDLINE
    ]
    if len(typed) == 1:  # the command line wins over the configuration file
        options["episodes" if typed == ["frames"] else "frames"] = None
    if options["frames"] and options["episodes"]:
        raise click.UsageError("--frames, --episodes: expected at most one of them, found both")
    if options["resume"] and options["overwrite"]:
        raise click.UsageError("--resume, --overwrite: expected at most one of them, found both")
    dropped = {name for name in OPTIONAL_FIELDS if options[f"no_{name}"]}
    policy_args = dict(options["policy_arg"])
    given = {name for name in _SETTINGS if _is_given(ctx, name)}
    if dropped or _is_given(ctx, "fields"):
        given.add("fields")
    if policy_args:
        given.add("policy_args")
    settings = BuildSettings(
        **{name: options[name] for name in _SETTINGS},
        policy_args=policy_args,
        fields=tuple(name for name in options["fields"] if name not in dropped),
    )
    target = None
    if options["frames"] or options["episodes"]:
        target = Target(options["frames"], options["episodes"])
    stop = StopRequest()
    progress = None if options["quiet"] else ProgressLine()
    try:
        result = build(
            options["out"],
            settings,
            target,
            workers=options["workers"],
            num_envs=options["num_envs"],
            engine=options["engine"],
            resume=options["resume"],
            overwrite=options["overwrite"],
            given=given,
            on_progress=progress or (lambda state: None),
            should_stop=stop.requested,
            commit_seconds=options["commit_seconds"],
        )
    finally:
        if progress:
            progress.close()
    if not result.complete:
        counts = result.metadata.counts
        click.echo(
            f"stopped: {counts.episodes:,} episodes ({counts.frames:,} frames) are safe; go on "
            f"with: build-dataset --out {options['out']} --resume",
            err=True,
        )
        return 128 + stop.signal
    if not options["quiet"]:
        _print_summary(options["out"], result.new_frames, result.seconds)
    return 0


for _name in OPTIONAL_FIELDS:
    command = click.option(f"--no-{_name}", is_flag=True, help=f"Do not store {_name}.")(command)


def _cores() -> int:
    """Count the cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _is_given(ctx: click.Context, name: str) -> bool:
    """Whether an option was given, on the command line or in the configuration file."""
    source = ctx.get_parameter_source(name)
    return source in (ParameterSource.COMMANDLINE, ParameterSource.DEFAULT_MAP)


def _print_summary(path: Path, new_frames: int, seconds: float) -> None:
    from crafter_dataset.commands.report import print_summary
    from crafter_dataset.loader.dataset import open_dataset

    dataset = open_dataset(path)
    print_summary(dataset)
    if new_frames:
        click.echo(
            f"built        {new_frames:,} frames in {seconds:,.1f} s, "
            f"{new_frames / seconds:,.0f} frames/s"
        )


def _failures() -> tuple[type[Exception], ...]:
    from crafter_dataset.builder.errors import BuildError
    from crafter_dataset.builder.policies import PolicyError
    from crafter_dataset.builder.settings import SettingsError
    from crafter_dataset.engine.engines import EngineError

    return BuildError, EngineError, PolicyError, SettingsError


def main() -> NoReturn:
    """Run `build-dataset`."""
    run(command, _failures)
