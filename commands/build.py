"""The command `build-dataset`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import click
from click.core import ParameterSource

from crafter_dataset.builder.settings import (
    DEFAULT_FRAMES,
    MOST_COUNT,
    BuildSettings,
    Setting,
    settings_of,
)
from crafter_dataset.commands.ending import dataset_command, run
from crafter_dataset.commands.options import Argument, Names, Number, Pair, Place, read_config
from crafter_dataset.commands.running import Running
from crafter_dataset.commands.saying import say
from crafter_dataset.engine.protocol import ENGINES
from crafter_dataset.schemas.layout import OPTIONAL_FIELDS, PICTURE_CHOICES
from crafter_dataset.schemas.wording import counted, extent

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_OWN_TYPES: dict[str, tuple[str, dict[str, Any]]] = {
    "policy": ("--policy", {"metavar": "NAME"}),
    "policy_args": ("--policy-arg", {"type": Argument(), "multiple": True}),
    "fields": ("--fields", {"type": Names()}),
    "codec": ("--codec", {"metavar": "CODEC"}),
    "pictures": ("--pictures", {"type": click.Choice(PICTURE_CHOICES)}),
    "engine": ("--engine", {"type": click.Choice(ENGINES)}),
    "commit_seconds": ("--commit-seconds", {"type": click.FloatRange(0)}),
}
"""Options whose name or type does not follow from the setting."""


def _settings_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add an option for each setting, as the settings are declared."""
    from crafter_dataset.builder.run_options import RunOptions

    declared = {**settings_of(BuildSettings), **settings_of(RunOptions)}
    for name, (default, known) in reversed(declared.items()):
        function = _option(name, default, known)(function)
    return function


def _option(name: str, default: Any, known: Setting) -> Decorator:
    option, rest = _OWN_TYPES.get(name, ("--" + name.replace("_", "-"), {}))
    if default is False:
        return click.option(option, name, is_flag=True, help=known.about)
    shown, about = name != "policy_args", known.about
    if known.shown:
        shown, about = False, f"{about}  [default: {known.shown}]"
    if "type" not in rest and isinstance(default, tuple):
        rest = {"type": Pair(), **rest}
        default = "x".join(map(str, default))
    elif name == "fields":
        default = ", ".join(default)
    elif "type" not in rest and known.low is not None:
        rest = {"type": Number(known.low, known.high), **rest}
    return click.option(option, name, default=default, show_default=shown, help=about, **rest)


def _leave_out_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add an option for each optional field, to leave it out."""
    for name in reversed(OPTIONAL_FIELDS):
        function = click.option(f"--no-{name}", is_flag=True, help=f"Do not store {name}.")(
            function
        )
    return function


GROUPS = {
    "What is built": (
        "frames", "episodes", "seed", "policy", "policy_args", "trajectories_per_world", "length",
        "size", "area", "view", "fields", *(f"no_{name}" for name in OPTIONAL_FIELDS),
    ),
    "Where it goes": ("path", "pictures", "codec", "chunk_frames", "resume", "overwrite",
        "allow_policy_change"),
    "How it is run": ("workers", "num_envs", "engine", "commit_seconds", "config", "quiet"),
}  # fmt: skip
"""Options in `--help`, by their headings."""


@dataset_command("build-dataset", groups=GROUPS)
@click.option(
    "--out",
    "path",
    type=Place(),
    required=True,
    metavar="PATH",
    help="What to write: a Zarr group, for example data.zarr, or an HDF5 file, data.h5.",
)
@click.option(
    "--frames",
    type=Number(1, MOST_COUNT),
    help=f"Frames in all; the last episode is cut to fit.  [default: {DEFAULT_FRAMES}]",
)
@click.option(
    "--episodes",
    type=Number(1, MOST_COUNT),
    help="Whole episodes in all, instead of --frames.",
)
@_settings_options
@click.option(
    "--resume",
    is_flag=True,
    help="Go on with the dataset at PATH, if there is one, by its own settings; "
    "with a larger --frames or --episodes, extend it.",
)
@click.option("--overwrite", is_flag=True, help="Replace the dataset at PATH.")
@click.option(
    "--config",
    type=Place(),
    is_eager=True,
    expose_value=False,
    callback=read_config,
    metavar="FILE.toml",
    help="Read options from a TOML file; those on the command line win.",
)
@click.option("--quiet", is_flag=True, help="Show no progress and no summary.")
@_leave_out_options
@click.pass_context
def command(ctx: click.Context, /, quiet: bool, **options: Any) -> int:
    """Build a dataset of Crafter episodes.

    Example: build-dataset --out data.zarr --frames 1000000 --seed 7
    """
    from crafter_dataset.builder.build import build

    typed = [
        name
        for name in ("frames", "episodes")
        if ctx.get_parameter_source(name) == ParameterSource.COMMANDLINE
    ]
    if len(typed) == 1:  # the command line wins over the configuration file
        options["episodes" if typed == ["frames"] else "frames"] = None
    dropped = {name for name in OPTIONAL_FIELDS if options.pop(f"no_{name}")}
    given = {name for name in settings_of(BuildSettings) if _is_given(ctx, name)}
    if dropped:
        given.add("fields")
    options["fields"] = tuple(name for name in options["fields"] if name not in dropped)
    options["policy_args"] = dict(options["policy_args"])
    with Running(quiet) as running:
        dataset = build(**options, given=given, **running.arguments)
    if dataset.metadata.status != "complete":
        counts = dataset.metadata.counts
        say(
            f"stopped: {extent(counts.episodes, counts.frames)} are safe in {dataset.path}; go on "
            f"with: build-dataset --out {options['path']} --resume",
            err=True,
        )
        return running.exit_code
    if not quiet:
        from crafter_dataset.commands.printing import print_line, print_summary

        print_summary(dataset)
        if running.last is not None and running.last.new_frames:
            print_line(
                "built",
                f"{counted(running.last.new_frames, 'frame')} in "
                f"{running.last.seconds:,.1f} s, {running.last.rate:,.0f} frames/s",
            )
    return 0


def _is_given(ctx: click.Context, name: str) -> bool:
    """Tell whether an option was given, on the command line or in the configuration file."""
    source = ctx.get_parameter_source(name)
    return source in (ParameterSource.COMMANDLINE, ParameterSource.DEFAULT_MAP)


def main() -> NoReturn:
    """Run `build-dataset`."""
    run(command)
