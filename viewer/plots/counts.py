"""Plots of numbers: lengths, returns, actions, cells seen, achievements."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from crafter_dataset.schemas.arithmetic import ceil_div
from crafter_dataset.schemas.wording import extent
from crafter_dataset.viewer.plots.canvas import new_figure, shown
from crafter_dataset.viewer.plots.gathering import Gathered
from crafter_dataset.viewer.plots.published import HUMAN, RANDOM, Published

BLUE, ORANGE, GREEN = "tab:blue", "tab:orange", "tab:green"


def lengths_and_returns(data: Gathered) -> Figure:
    """Return a figure of how long episodes are, and what they return.

    Parameters
    ----------
    data : Gathered
        What to show.
    """
    figure = new_figure(10, 4)
    _histogram(figure.add_subplot(1, 2, 1), data.lengths, "length, in frames")
    _histogram(figure.add_subplot(1, 2, 2), data.returns, "return")
    figure.suptitle(extent(len(data.lengths), int(data.lengths.sum())))
    return figure


def cells_seen(data: Gathered) -> Figure:
    """Return a figure of how many cells trajectories saw, and how often they saw a cell.

    Parameters
    ----------
    data : Gathered
        What to show, with `cells_seen`.
    """
    assert data.cells_seen is not None
    figure = new_figure(10, 4)
    _histogram(figure.add_subplot(1, 2, 1), data.cells_seen, "cells seen by a trajectory")
    axes = figure.add_subplot(1, 2, 2)
    top = int(np.flatnonzero(data.often)[-1]) if data.often.any() else 1
    edges = np.arange(1, top + 2, ceil_div(top, 50)).tolist()  # of equally many whole numbers each
    times = np.arange(len(data.often))
    axes.hist(
        times,
        [*edges, 2 * edges[-1] - edges[-2]] if len(edges) > 1 else [1, 2],
        weights=data.often,
        color=BLUE,
    )
    if data.often.any():
        axes.set_yscale("log")
    total = max(int(data.often.sum()), 1)
    mean = float((times * data.often).sum() / total)
    std = float(np.sqrt(((times - mean) ** 2 * data.often).sum() / total))
    axes.set_title(f"mean {mean:.1f}, std {std:.1f}", fontsize=9)
    axes.set_xlabel("frames of a trajectory in which a cell was seen")
    axes.set_ylabel("cells")
    figure.suptitle("Frames after moves only" if data.moves_only else "All frames")
    return figure


def actions(data: Gathered) -> Figure:
    """Return a figure of how often each action was taken.

    Parameters
    ----------
    data : Gathered
        What to show.
    """
    figure = new_figure(8, 5)
    axes = figure.add_subplot()
    share = 100 * data.actions / max(data.actions.sum(), 1)
    names = [name.replace("_", " ") for name in data.metadata.actions]
    bars = axes.barh(names[::-1], share[::-1], color=BLUE)
    axes.bar_label(bars, fmt="%.2f", fontsize=7, padding=2)
    axes.set_xlabel("% of the actions")
    axes.margins(x=0.1)
    axes.set_title(f"{int(data.actions.sum()):,} actions")
    return figure


def achievements(data: Gathered) -> Figure:
    """Return a figure of how many episodes reached each achievement, beside published figures.

    Parameters
    ----------
    data : Gathered
        What to show, with success rates in its summary.
    """
    assert data.summary.success_rates is not None
    names = data.metadata.achievements
    shares = np.array([data.summary.success_rates[name] for name in names])
    figure = new_figure(9, 8)
    axes = figure.add_subplot()
    rows = np.arange(len(names))[::-1]
    series = (
        (f"this dataset (Crafter score {data.summary.score:.1f} %)", 100 * shares, BLUE, 0.27),
        (_label(RANDOM), _rates(RANDOM.rates, names), ORANGE, 0.0),
        (_label(HUMAN), _rates(HUMAN.rates, names), GREEN, -0.27),
    )
    for label, rates, colour, offset in series:
        bars = axes.barh(rows + offset, rates, 0.26, color=colour, label=label)
        axes.bar_label(bars, fmt=_percent, fontsize=6, padding=2)
    labels = [shown(name.replace("_", " ")) for name in names]
    axes.set_yticks(rows, labels, parse_math=False)
    axes.set_xlim(0, 112)
    axes.set_xlabel("% of the episodes in which it was reached")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=3, fontsize=8)
    axes.set_title("Achievements; published figures: Hafner 2021, arXiv 2109.06780")
    axes.margins(y=0.01)
    return figure


def _label(player: Published) -> str:
    return f"{player.name} ({player.score} %)"


def _rates(published: dict[str, float], names: tuple[str, ...]) -> NDArray[np.float64]:
    return np.array([published.get(name, np.nan) for name in names], np.float64)


def _percent(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.1f}" if value < 10 else f"{value:.0f}"


def _histogram(axes: Axes, values: NDArray[np.number], label: str) -> None:
    """Draw how a quantity is spread, with its mean."""
    values = values.astype(np.float64)
    values, all_values = values[np.isfinite(values)], len(values)
    if len(values) < all_values:
        label += f" ({all_values - len(values)} not finite)"
    axes.hist(values, bins=min(50, max(5, len(values) // 4)), color=BLUE)
    if len(values):
        axes.axvline(values.mean(), color="black", linestyle="--", linewidth=1)
        axes.set_title(f"mean {values.mean():.1f}, std {values.std():.1f}", fontsize=9)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel(label)
    axes.set_ylabel("episodes")
