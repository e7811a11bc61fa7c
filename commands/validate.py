"""The command `validate-dataset`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click
import numpy as np

from crafter_dataset.commands.ending import echo_json, run
from crafter_dataset.schemas.metadata import Violation

if TYPE_CHECKING:
    from crafter_dataset.loader.dataset import Dataset


@click.command("validate-dataset", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--deep", is_flag=True, help="Read every chunk: checksums, digests, ranges, flags, padding."
)
@click.option(
    "--replay",
    "replays",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    metavar="N",
    help="Play N episodes again, spread over the dataset, with stock "
    "Crafter and compare every value.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(path: Path, deep: bool, replays: int, as_json: bool) -> int:
    """Check that PATH is a dataset of this format, and say all that is wrong with it."""
    from crafter_dataset.loader.container import open_container
    from crafter_dataset.loader.dataset import open_dataset
    from crafter_dataset.schemas.validation import validate

    container = open_container(path)
    count = 0
    progress = _Progress()
    violations: list[Violation] = []

    def report(found: Iterator[Violation]) -> None:
        for violation in found:
            violations.append(violation)
            if not as_json:
                progress.clear()
                click.echo(f"{violation}")

    report(validate(container, deep=deep, on_episode=lambda e: progress.show("checked", e)))
    replayed: list[int] = []
    if not violations or deep:
        try:
            dataset = open_dataset(path)
        except Exception:
            if not violations:
                raise
        else:
            count = len(dataset)
            missing = {"world_seeds", "terrain"} - set(dataset.metadata.episode_fields)
            if replays and missing:
                progress.clear()
                raise click.UsageError(
                    f"--replay: expected {' and '.join(sorted(missing))}, to play episodes again, "
                    f"found none in {path}, which is valid for all that was looked at"
                    if not violations
                    else f"--replay: expected {' and '.join(sorted(missing))}, found none in {path}"
                )
            for index in np.unique(np.linspace(0, count - 1, min(replays, count)).astype(int)):
                progress.show("replayed", int(index))
                report(_replay(dataset, int(index)))
                replayed.append(int(index))
    progress.clear()
    if as_json:
        echo_json(
            {
                "path": str(path),
                "valid": not violations,
                "deep": deep,
                "replayed": replayed,
                "violations": [asdict(violation) for violation in violations],
            }
        )
    elif violations:
        click.echo(f"{path}: invalid, {len(violations)} violations")
    else:
        how = ", every chunk read" if deep else ""
        how += f", {len(replayed)} replayed bit by bit" if replayed else ""
        click.echo(f"{path}: valid, {count:,} episodes{how}")
    return 1 if violations else 0


def _replay(dataset: Dataset, index: int) -> Iterator[Violation]:
    from crafter_dataset.engine.replay import compare_replay
    from crafter_dataset.schemas.errors import CorruptDataError

    row = dataset.episodes[index]
    try:
        episode = dataset[index]
        stored, terrain = episode.load(), episode.terrain
    except CorruptDataError as error:
        yield Violation(f"episode {index}", "readable chunks", str(error))
        return
    source, number = dataset.origin(index)
    metadata = replace(
        dataset.metadata, seed=source.seed, trajectories_per_world=source.trajectories_per_world
    )
    seed, reason = int(row["world_seeds"]), int(row["end_reasons"])
    yield from compare_replay(metadata, index, stored, seed, reason, terrain, number)


class _Progress:
    """A line on a terminal that says which episode is being looked at."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()

    def show(self, what: str, episode: int) -> None:
        """Show it."""
        if self._terminal:
            click.echo(f"\r{what} episode {episode:,}", err=True, nl=False)

    def clear(self) -> None:
        """Take the line away."""
        if self._terminal:
            click.echo("\r\x1b[K", err=True, nl=False)


def main() -> NoReturn:
    """Run `validate-dataset`."""
    run(command)
