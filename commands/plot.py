"""The command `plot-dataset`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import click

from crafter_dataset.commands.ending import run

if TYPE_CHECKING:
    from crafter_dataset.loader.dataset import Dataset
    from crafter_dataset.loader.summary import Summary
    from crafter_dataset.viewer.plots.gathering import Gathered


class Plot(NamedTuple):
    """One plot: name of its file, title, what it shows, and how it is drawn."""

    name: str
    title: str
    about: str
    draw: Callable[[], Any]


@click.command("plot-dataset", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("path")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    metavar="DIR",
    help="Folder for the plots and index.html; made if it is not there.",
)
@click.option("--episodes", metavar="WHICH", help="Some episodes, as 0:100,250; all by default.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["png", "pdf", "svg"]),
    default="png",
    show_default=True,
    help="Of the files; the page has its pictures in itself.",
)
@click.option("--moves-only", is_flag=True, help="Count what was seen after moves only.")
@click.option("--heatmap", is_flag=True, help="Colour cells by how often they were seen.")
@click.option(
    "--maps",
    type=click.IntRange(1, 100),
    default=9,
    show_default=True,
    help="Worlds, and single trajectories, that are drawn.",
)
def command(
    path: str,
    out: Path,
    episodes: str | None,
    kind: str,
    moves_only: bool,
    heatmap: bool,
    maps: int,
) -> None:
    """Draw what is in the dataset at PATH, and a page that shows it all."""
    from crafter_dataset.loader.dataset import open_dataset
    from crafter_dataset.loader.selection import select_episodes

    dataset = open_dataset(path)
    if episodes is not None:
        try:
            dataset = select_episodes(dataset, episodes)
        except ValueError as error:
            raise click.UsageError(f"--episodes: {error} ({path})") from error
    if not len(dataset):
        raise click.UsageError(f"{path}: expected episodes to draw, found none")
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise click.ClickException("plots need Matplotlib: pip install matplotlib") from error
    if out.resolve().is_relative_to(Path(path).resolve()):
        raise click.UsageError(f"--out: expected a folder outside of the dataset, found {out}")
    from crafter_dataset.viewer.files import whole_file
    from crafter_dataset.viewer.plots.canvas import render
    from crafter_dataset.viewer.plots.gathering import gather
    from crafter_dataset.viewer.plots.page import Picture, page

    out.mkdir(parents=True, exist_ok=True)
    with click.progressbar(
        range(len(dataset)), label="episodes", show_pos=True, file=sys.stderr
    ) as progress:
        gathered = gather(dataset, moves_only, maps, progress)
    pictures = []
    for plot in _plots(gathered, heatmap):
        figure = plot.draw()
        png = render(figure, "png")
        with whole_file(out / f"{plot.name}.{kind}") as part:
            part.write_bytes(png if kind == "png" else render(figure, kind))
        pictures.append(Picture(plot.title, plot.about, png))
        click.echo(f"wrote {out / plot.name}.{kind}")
    with whole_file(out / "index.html") as part:
        part.write_text(
            page(Path(path).name, _facts(dataset, gathered.summary, episodes), pictures), "utf-8"
        )
    click.echo(f"wrote {out / 'index.html'}")


def _plots(gathered: Gathered, heatmap: bool) -> Iterator[Plot]:
    """List the plots for which the dataset has the fields."""
    from crafter_dataset.viewer.plots import counts
    from crafter_dataset.viewer.plots.maps import Maps

    if gathered.summary.success_rates is not None:
        yield Plot(
            "achievements",
            "Achievements",
            "Share of the episodes in which each was reached, against the published figures.",
            lambda: counts.achievements(gathered),
        )
    if gathered.cells_seen is not None:
        maps = Maps(gathered, heatmap)
        yield Plot(
            "trajectories",
            "Trajectories",
            "Where agents went, over the terrain at reset; all episodes of a world on its map.",
            maps.trajectories,
        )
        yield Plot(
            "seen",
            "Cells seen",
            "What single episodes had in their field of view; dark cells were never seen.",
            maps.seen,
        )
        yield Plot(
            "seen-overlaid",
            "Cells seen, overlaid",
            "All episodes in the coordinates of the map, and worlds that several episodes share.",
            maps.seen_overlaid,
        )
        yield Plot(
            "cells-seen",
            "How much was seen, and how often",
            "Cells seen by a trajectory, and frames in which it saw each of them.",
            lambda: counts.cells_seen(gathered),
        )
    yield Plot(
        "lengths-and-returns",
        "Lengths and returns",
        "How long episodes are, and the sums of their rewards; dashed: the mean.",
        lambda: counts.lengths_and_returns(gathered),
    )
    yield Plot("actions", "Actions", "How often each was taken.", lambda: counts.actions(gathered))


def _facts(dataset: Dataset, summary: Summary, episodes: str | None) -> list[tuple[str, str]]:
    from crafter_dataset.commands.report import settings_lines, summary_lines

    lines = [*summary_lines(dataset, summary), *settings_lines(dataset)]
    if episodes is None:
        return lines
    # Of a part, neither is known.
    lines = [line for line in lines if line[0] not in ("size", "digest")]
    return [("chosen", f"episodes {episodes} of {dataset.metadata.counts.episodes:,}"), *lines]


def main() -> NoReturn:
    """Run `plot-dataset`."""
    run(command)
