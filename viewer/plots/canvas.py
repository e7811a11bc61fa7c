"""Matplotlib figures that are drawn and written alike everywhere: no screen, no global state."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from matplotlib import rc_context, rcdefaults
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from crafter_dataset.schemas.arithmetic import ceil_div

LONGEST_NAME = 60
"""Characters of a name from a file that are shown, at most."""

_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "svg": {"Date": None, "Creator": None},
}
"""Without it, files would hold the time and the version that made them."""


@contextmanager
def defaults() -> Iterator[None]:
    """Use Matplotlib's own settings for a while, whatever a matplotlibrc says."""
    with rc_context():
        rcdefaults()
        yield


def new_figure(width: float, height: float) -> Figure:
    """Return a new figure.

    Parameters
    ----------
    width, height : float
        Its size, in inches.
    """
    figure = Figure(figsize=(width, height), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def grid(count: int, side: float = 4.0, most: int = 3) -> tuple[Figure, list[Axes]]:
    """Make a figure of squares, row by row.

    Parameters
    ----------
    count : int
        Number of squares.
    side : float
        Side of a square, in inches.
    most : int
        Squares in a row, at most.

    Returns
    -------
    figure : Figure
        The figure.
    axes : list of Axes
        One for each square.
    """
    columns = min(most, max(count, 1))
    rows = ceil_div(max(count, 1), columns)
    figure = new_figure(columns * side, rows * side + 0.3)
    axes = [figure.add_subplot(rows, columns, number + 1) for number in range(count)]
    return figure, axes


def show_map(axes: Axes, picture: NDArray[Any], area: tuple[int, int], **options: Any) -> Any:
    """Show a picture of a world on axes that count its cells.

    Parameters
    ----------
    axes : Axes
        Where to.
    picture : ndarray, shape (height, width) or (height, width, 3)
        Numbers, or RGB; indexed [y, x].
    area : tuple of int
        Size of the world (x, y), in cells.
    **options
        As for `Axes.imshow`.

    Returns
    -------
    matplotlib.image.AxesImage
        What was drawn.
    """
    axes.set_xticks([])
    axes.set_yticks([])
    image = axes.imshow(
        picture, extent=(0, area[0], area[1], 0), interpolation="nearest", **options
    )
    axes.set_xlim(0, area[0])
    axes.set_ylim(area[1], 0)
    return image


def shown(name: str) -> str:
    """Return a name from a file as a figure can show it: short, and of letters and signs alone.

    Parameters
    ----------
    name : str
        Any text.
    """
    short = name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 3]}..."
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in short)


def render(figure: Figure, kind: str) -> bytes:
    """Return the bytes of a figure's file; equal figures, equal bytes.

    Parameters
    ----------
    figure : Figure
        The figure.
    kind : {'png', 'pdf', 'svg'}
        Format of the file.
    """
    buffer = io.BytesIO()
    with defaults(), rc_context({"svg.hashsalt": "crafter-dataset", "svg.fonttype": "none"}):
        figure.savefig(buffer, format=kind, metadata=_METADATA[kind])
    return buffer.getvalue()


def colours(count: int) -> Iterator[Any]:
    """Yield colours that can be told apart on a map.

    Parameters
    ----------
    count : int
        Number of colours.

    Yields
    ------
    tuple of float
        RGBA, 0 to 1.
    """
    from matplotlib import colormaps

    palette = colormaps["tab10"] if count <= 10 else colormaps["gist_rainbow"]
    for number in range(count):
        yield palette(number if count <= 10 else number / count)


def darkened(picture: NDArray[np.uint8], lit: NDArray[np.bool_], cell: int) -> NDArray[np.uint8]:
    """Darken all cells of a map's picture but those that are lit.

    Parameters
    ----------
    picture : ndarray, shape (height * cell, width * cell, 3), uint8
        RGB, indexed [y, x].
    lit : ndarray, shape (width, height), bool
        Cells to leave as they are, indexed [x, y].
    cell : int
        Width and height of a cell, in pixels.

    Returns
    -------
    ndarray, shape (height * cell, width * cell, 3), uint8
        RGB, indexed [y, x].
    """
    light = np.where(lit.T, 1.0, 0.3).repeat(cell, 0).repeat(cell, 1)[..., None]
    dark: NDArray[np.uint8] = (picture * light).astype(np.uint8)
    return dark
