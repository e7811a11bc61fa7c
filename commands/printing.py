"""A dataset's summary on standard output."""

from __future__ import annotations

from crafter_dataset.commands.saying import say
from crafter_dataset.loader.dataset import Dataset
from crafter_dataset.loader.report import summary_lines
from crafter_dataset.loader.summary import summary_of


def print_summary(dataset: Dataset) -> None:
    """Print the statistics of a dataset.

    Parameters
    ----------
    dataset : Dataset
        The dataset, or a part of one.
    """
    summary = summary_of(dataset)
    for name, text in summary_lines(dataset, summary):
        say(f"{name:<12} {text}")
    if summary.success_rates:
        say("achievements")
        for name, rate in summary.success_rates.items():
            say(f"  {name:<22} {rate:7.2%}")
