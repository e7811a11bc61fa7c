"""Matplotlib figures that are drawn and written alike everywhere: no screen, no global state."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from crafter_dataset.schemas.arithmetic import ceil_div

_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "svg": {"Date": None, "Creator": None},
}
"""Without it, files would hold the time and version of their making."""


def new_figure(width: float, height: float) -> Figure:
    """Make a figure of a size in inches."""
    figure = Figure(figsize=(width, height), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def grid(count: int, side: float = 4.0, most: int = 3) -> tuple[Figure, list[Axes]]:
    """Make a figure of so many squares, row by row."""
    columns = min(most, max(count, 1))
    rows = ceil_div(max(count, 1), columns)
    figure = new_figure(columns * side, rows * side + 0.3)
    axes = [figure.add_subplot(rows, columns, number + 1) for number in range(count)]
    return figure, axes


def show_map(axes: Axes, picture: NDArray[Any], area: tuple[int, int], **options: Any) -> Any:
    """Show a picture of a world, indexed [y, x], on axes that count its cells."""
    axes.set_xticks([])
    axes.set_yticks([])
    image = axes.imshow(
        picture, extent=(0, area[0], area[1], 0), interpolation="nearest", **options
    )
    axes.set_xlim(0, area[0])
    axes.set_ylim(area[1], 0)
    return image


def render(figure: Figure, kind: str) -> bytes:
    """Give the bytes of a figure as a `png`, `pdf` or `svg`; equal figures, equal bytes."""
    buffer = io.BytesIO()
    with rc_context({"svg.hashsalt": "crafter-dataset", "svg.fonttype": "none"}):
        figure.savefig(buffer, format=kind, metadata=_METADATA[kind])
    return buffer.getvalue()


def colours(count: int) -> Iterator[Any]:
    """Give so many colours that can be told apart on a map."""
    from matplotlib import colormaps

    palette = colormaps["tab10"] if count <= 10 else colormaps["gist_rainbow"]
    for number in range(count):
        yield palette(number if count <= 10 else number / count)


def darkened(picture: NDArray[np.uint8], lit: NDArray[np.bool_], cell: int) -> NDArray[np.uint8]:
    """Darken all cells of a map's picture but those that are lit, indexed [x, y]."""
    light = np.where(lit.T, 1.0, 0.3).repeat(cell, 0).repeat(cell, 1)[..., None]
    dark: NDArray[np.uint8] = (picture * light).astype(np.uint8)
    return dark
