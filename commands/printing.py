"""A dataset's summary on standard output."""

from __future__ import annotations

from itertools import zip_longest

from crafter_dataset.commands.saying import say
from crafter_dataset.loader.dataset import Dataset
from crafter_dataset.loader.report import policy_lines, settings_lines, summary_lines
from crafter_dataset.loader.summary import summary_of
from crafter_dataset.schemas.arithmetic import ceil_div

COLUMNS = 3
"""Achievements side by side, so that all is seen at once in a terminal of 24 lines."""


def print_summary(dataset: Dataset, *, settings: bool = False) -> None:
    """Print the statistics of a dataset.

    Parameters
    ----------
    dataset : Dataset
        The dataset, or a part of one.
    settings : bool
        Whether to print how it was made, too.
    """
    summary = summary_of(dataset)
    for name, text in summary_lines(dataset, summary):
        print_line(name, text)
    for name, text in settings_lines(dataset) if settings else ():
        print_line(name, text)
    for line in policy_lines(summary):
        say(line)
    if summary.success_rates:
        say("achievements, and the share of the episodes that reached them")
        rates = list(summary.success_rates.items())
        rows = ceil_div(len(rates), COLUMNS)
        columns = [_aligned(rates[first : first + rows]) for first in range(0, len(rates), rows)]
        for cells in zip_longest(*columns, fillvalue=""):
            say("  ".join(["", *cells]).rstrip())


def _aligned(rates: list[tuple[str, float]]) -> list[str]:
    """Return a column: names, and shares below one another."""
    width = max(len(name) for name, _ in rates)
    return [f"{name:<{width}} {rate:7.2%}" for name, rate in rates]


def print_line(name: str, text: str) -> None:
    """Print what belongs to a name.

    Parameters
    ----------
    name, text : str
        The name, and what is to be said of it.
    """
    say(f"{name:<12} {text}")
