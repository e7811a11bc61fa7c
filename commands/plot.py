"""The command `plot-dataset`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn, get_args

import click

from crafter_dataset.commands.ending import dataset_command, run
from crafter_dataset.commands.options import Number, Place
from crafter_dataset.commands.saying import say
from crafter_dataset.viewer.plot import MOST_MAPS, Format, plot


@dataset_command("plot-dataset")
@click.argument("dataset", metavar="PATH", type=Place())
@click.option(
    "--out",
    type=Place(file_okay=False),
    required=True,
    metavar="DIR",
    help="Folder for the plots and index.html; made if it is not there.",
)
@click.option("--episodes", metavar="LIST", help="Some episodes, as 0:100,250; all by default.")
@click.option(
    "--format",
    type=click.Choice(get_args(Format)),
    default="png",
    show_default=True,
    help="Of the files; the page has its pictures in itself.",
)
@click.option("--moves-only", is_flag=True, help="Count what was seen after moves only.")
@click.option("--heatmap", is_flag=True, help="Colour cells by how often they were seen.")
@click.option(
    "--maps",
    type=Number(1, MOST_MAPS),
    default=9,
    show_default=True,
    help="Worlds, and single trajectories, that are drawn.",
)
def command(dataset: str, out: Path, **options: Any) -> None:
    """Draw what is in the dataset at PATH, and a page that shows it all."""
    plot(
        dataset,
        out,
        **options,
        progress=True,
        on_file=lambda path: say(f"wrote {path}"),
    )


def main() -> NoReturn:
    """Run `plot-dataset`."""
    run(command)
