"""Plots on maps: where agents went, and what they saw."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from crafter_dataset.viewer.maps.picture import WorldPainter
from crafter_dataset.viewer.plots.canvas import colours, darkened, grid, show_map
from crafter_dataset.viewer.plots.gathering import Gathered, Trajectory, World

OUTLINE = withStroke(linewidth=2.8, foreground="white")
"""Outline of lines, which would otherwise be lost on grass or water."""

NAMED = 10
"""Trajectories on one map that a legend names, at most."""


def _cell(area: tuple[int, int]) -> int:
    """Return the pixels of a cell: half of Crafter's textures, or less for larger worlds."""
    return max(1, min(8, 1024 // max(area)))


class Maps:
    """Draws the plots on maps.

    Parameters
    ----------
    gathered : Gathered
        What to show.
    heatmap : bool
        Whether to colour cells by how often they were seen.
    """

    def __init__(self, gathered: Gathered, heatmap: bool) -> None:
        self._data, self._heatmap = gathered, heatmap
        meta = gathered.metadata
        self._area = meta.env.area
        self._cell = _cell(self._area)
        self._painter = WorldPainter(meta.materials, meta.objects, self._cell)

    def trajectories(self) -> Figure:
        """Return a figure of the paths of all episodes of the first worlds, over their terrain."""
        figure, all_axes = grid(len(self._data.worlds))
        for axes, world in zip(all_axes, self._data.worlds, strict=True):
            show_map(axes, self._painter.paint(world.terrain), self._area)
            axes.set_title(_title(world), fontsize=9)
            for way, colour in zip(
                world.trajectories, colours(len(world.trajectories)), strict=True
            ):
                x, y = way.positions.T + 0.5
                name = f"episode {way.episode}"
                axes.plot(x, y, color=colour, linewidth=1.4, label=name, path_effects=[OUTLINE])
                axes.plot(x[-1:], y[-1:], "X", color=colour, markeredgecolor="black")
            if world.trajectories:
                x, y = world.trajectories[0].positions[0] + 0.5
                axes.plot([x], [y], "o", color="white", markeredgecolor="black")
            if 1 < len(world.trajectories) <= NAMED:
                axes.legend(fontsize=6, loc="lower right")
        figure.suptitle("Trajectories (circle: start, cross: end)")
        return figure

    def seen(self) -> Figure:
        """Return a figure of what each of the first episodes saw, on its own map."""
        ways = [
            (way.episode, world.terrain, way.times_seen)
            for world in self._data.worlds
            for way in world.trajectories
            if way.times_seen is not None
        ]
        ways.sort(key=lambda way: way[0])
        figure, all_axes = grid(len(ways))
        for axes, (episode, terrain, times) in zip(all_axes, ways, strict=True):
            self._draw_seen(figure, axes, terrain, times)
            cells = int(np.count_nonzero(times))
            axes.set_title(f"episode {episode}: {cells:,} cells", fontsize=9)
        figure.suptitle(f"Cells seen by one trajectory{self._counting()}")
        return figure

    def seen_overlaid(self) -> Figure:
        """Return a figure of what all episodes saw on one map, and in each shared world."""
        data = self._data
        shared = [world for world in data.worlds if len(world.trajectories) > 1]
        figure, all_axes = grid(1 + len(shared), side=5.0 if not shared else 4.0)
        counts = data.times_seen if self._heatmap else data.seen_in
        scale = counts / max(len(data.lengths), 1) * (1 if self._heatmap else 100)
        image = show_map(all_axes[0], np.where(scale > 0, scale, np.nan).T, self._area)
        what = "frames a trajectory" if self._heatmap else "% of the trajectories"
        figure.colorbar(image, ax=all_axes[0], label=what, shrink=0.8)
        all_axes[0].set_title(f"all {len(data.lengths):,} trajectories, any world", fontsize=9)
        for axes, world in zip(all_axes[1:], shared, strict=True):
            self._draw_seen(figure, axes, world.terrain, world.times_seen)
            axes.set_title(_title(world), fontsize=9)
        figure.suptitle(f"Cells seen, overlaid{self._counting()}")
        return figure

    def _draw_seen(
        self,
        figure: Figure,
        axes: Axes,
        terrain: NDArray[np.uint8],
        times: NDArray[np.int64],
    ) -> None:
        picture = darkened(self._painter.paint(terrain), times > 0, self._cell)
        show_map(axes, picture, self._area)
        if self._heatmap and times.any():
            shown = np.where(times > 0, times, np.nan).T
            norm = LogNorm(1, max(int(times.max()), 2))
            heat = show_map(axes, shown, self._area, cmap="inferno", norm=norm, alpha=0.7)
            figure.colorbar(heat, ax=axes, label="frames", shrink=0.8)

    def _counting(self) -> str:
        return ", counting frames after moves only" if self._data.moves_only else ""


def _title(world: World) -> str:
    ways: list[Trajectory] = world.trajectories
    return f"world {world.seed}: {len(ways)} trajector{'y' if len(ways) == 1 else 'ies'}"
