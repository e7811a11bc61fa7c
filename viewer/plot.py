"""`plot`: what `plot-dataset` does, for Python."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from crafter_dataset.loader.container import local_path
from crafter_dataset.loader.dataset import Dataset, opened
from crafter_dataset.loader.export.pictures import whole_file
from crafter_dataset.loader.report import policy_rows, settings_lines, summary_lines
from crafter_dataset.schemas.errors import (
    ArgumentError,
    CrafterDatasetError,
    DatasetError,
    MissingPackageError,
)
from crafter_dataset.schemas.progress import ProgressOption, ignore, reporting
from crafter_dataset.schemas.wording import one_line

if TYPE_CHECKING:
    from crafter_dataset.loader.summary import Summary
    from crafter_dataset.viewer.plots.gathering import Gathered

Format = Literal["png", "pdf", "svg"]

MOST_MAPS = 100


class Plot(NamedTuple):
    """One plot.

    Parameters
    ----------
    name : str
        Name of its file, without the ending.
    title, about : str
        Heading, and what it shows.
    draw : callable
        Returns the figure.
    """

    name: str
    title: str
    about: str
    draw: Callable[[], Any]


def plot(
    dataset: Dataset | str | Path,
    out: str | Path,
    *,
    episodes: str | Iterable[int] | None = None,
    format: Format = "png",
    moves_only: bool = False,
    heatmap: bool = False,
    maps: int = 9,
    progress: ProgressOption = None,
    on_file: Callable[[Path], object] | None = None,
) -> Path:
    """Draw plots of a dataset, and a page that shows them all.

    Trajectories over the terrain, cells seen, lengths, returns, actions, and
    achievements beside published figures.

    Parameters
    ----------
    dataset : Dataset, str or Path
        A dataset or a part of one, or where it is.
    out : str or Path
        Folder for the plots and `index.html`; made if it is not there.
    episodes : str or iterable of int, optional
        Ids, or a text of ids and ranges such as `"0:100,250"`; all by default.
    format : {'png', 'pdf', 'svg'}
        Format of the plots' files; the page contains pictures of its own.
    moves_only : bool
        Whether to count what was seen only at frames where the player had moved.
    heatmap : bool
        Whether to colour cells by how often they were seen.
    maps : int
        Worlds, and single trajectories, to draw at most, 1 to 100.
    progress : bool or callable, optional
        As for `build`.
    on_file : callable, optional
        Called with the Path of each file once it is written.

    Returns
    -------
    Path
        The page, `index.html` in `out`.

    Raises
    ------
    ArgumentError
        If an argument is not as above; the error is a ValueError.
    MissingPackageError
        If Matplotlib is not installed.
    CrafterDatasetError
        If Matplotlib does not take its settings.
    DatasetError
        If there is no dataset, it is damaged, or there is no episode to draw.

    Examples
    --------
    >>> import crafter_dataset
    >>> crafter_dataset.plot("data.zarr", "plots", episodes="0:3").name
    'index.html'
    """
    whole = opened(dataset)
    chosen = whole if episodes is None else whole.select(episodes)
    if not len(chosen):
        raise DatasetError(f"{whole.path}: expected episodes to draw, found none")
    for name, value, allowed in (
        ("format", format, get_args(Format)),
        ("maps", maps, range(1, MOST_MAPS + 1)),
    ):
        if value not in allowed:
            bounds = f"1 to {MOST_MAPS}" if name == "maps" else f"one of {', '.join(allowed)}"  # type: ignore[arg-type]
            raise ArgumentError(name, f"expected {bounds}, found {value!r}")
    out = local_path("out", out)
    if out.resolve().is_relative_to(Path(whole.path).resolve()):
        raise ArgumentError("out", f"expected a folder outside of the dataset, found {out}")
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise MissingPackageError("Matplotlib", "plots") from error
    except ValueError as error:
        raise CrafterDatasetError(
            "Matplotlib: expected settings that it takes, in MPLBACKEND and matplotlibrc, found "
            f"{one_line(error)}"
        ) from error
    from crafter_dataset.viewer.plots.canvas import defaults, render
    from crafter_dataset.viewer.plots.gathering import gather
    from crafter_dataset.viewer.plots.page import Picture, page

    out.mkdir(parents=True, exist_ok=True)
    with reporting(progress) as report:
        gathered = gather(chosen, moves_only, maps, report)
    told = on_file or ignore
    pictures = []
    for each in _plots(gathered, heatmap):
        with defaults():
            figure = each.draw()
        png = render(figure, "png")
        with whole_file(out / f"{each.name}.{format}") as part:
            part.write_bytes(png if format == "png" else render(figure, format))
        pictures.append(Picture(each.title, each.about, png))
        told(out / f"{each.name}.{format}")
    facts = _facts(chosen, gathered.summary)
    with whole_file(out / "index.html") as part:
        part.write_text(page(Path(whole.path).name, facts, pictures), "utf-8")
    told(out / "index.html")
    return out / "index.html"


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


def _facts(dataset: Dataset, summary: Summary) -> list[tuple[str, str]]:
    lines = [*summary_lines(dataset, summary), *policy_rows(summary), *settings_lines(dataset)]
    count = dataset.metadata.counts.episodes
    if len(dataset) == count:
        return lines
    lines = [line for line in lines if line[0] != "digest"]  # that of the whole
    return [("chosen", f"{len(dataset):,} of {count:,} episodes"), *lines]
