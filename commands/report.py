"""A dataset's summary, as text and as JSON."""

from __future__ import annotations

from typing import Any

import click

from crafter_dataset.commands.ending import format_bytes
from crafter_dataset.loader.dataset import Dataset
from crafter_dataset.loader.summary import Summary, summarize


def print_summary(dataset: Dataset) -> None:
    """Print what is in a dataset, on standard output."""
    summary = summarize(dataset)
    for name, text in summary_lines(dataset, summary):
        click.echo(f"{name:<12} {text}")
    if summary.success_rates:
        click.echo("achievements")
        for name, rate in summary.success_rates.items():
            click.echo(f"  {name:<22} {rate:7.2%}")


def summary_lines(dataset: Dataset, summary: Summary) -> list[tuple[str, str]]:
    """Sum a dataset up, a name and a text a line."""
    meta = dataset.metadata
    size = format_bytes(summary.stored_bytes)
    per_frame = summary.stored_bytes / max(summary.frames, 1)
    lines = [
        ("dataset", f"{dataset.path} ({meta.status}, format {meta.version})"),
        ("episodes", f"{summary.episodes:,}"),
        ("frames", f"{summary.frames:,}"),
        ("size", f"{size}, {per_frame:,.0f} bytes a frame"),
        ("lengths", _spread(summary.lengths)),
        ("returns", _spread(summary.returns)),
        ("ends", ", ".join(f"{k} {v:,}" for k, v in summary.end_reasons.items()) or "none"),
        ("rewards", ", ".join(f"{k} {v:,}" for k, v in summary.rewards.items())),
    ]
    if summary.score is not None:
        lines.append(("score", f"{summary.score:.2f} % (Crafter score)"))
    lines.append(("digest", meta.digest or "none yet"))
    return lines


def settings_lines(dataset: Dataset) -> list[tuple[str, str]]:
    """Say how a dataset was made, a name and a text a line."""
    meta = dataset.metadata
    sizes = (meta.env.area, meta.env.view, meta.env.size)

    def said(entry: str, text: str) -> str:
        return "?" if entry in meta.unknown else text

    more = [("unknown", ", ".join(meta.unknown))] if meta.unknown else []
    more += [
        (f"source {index}", f"seed {source.seed}, {source.policy.name}")
        for index, source in enumerate(meta.sources)
    ]
    return [
        (
            "environment",
            f"{meta.env.name} {meta.env.version}, objects in order of {meta.env.object_order}",
        ),
        (
            "area, view, size",
            ", ".join(
                said(f"env.{name}", f"{x}x{y}")
                for name, (x, y) in zip(("area", "view", "size"), sizes, strict=True)
            ),
        ),
        ("time limit", said("env.length", f"{meta.env.length:,} actions")),
        ("policy", said("policy", f"{meta.policy.name} {dict(meta.policy.parameters)}")),
        ("seed", said("seed", str(meta.seed))),
        ("episodes a world", said("trajectories_per_world", str(meta.trajectories_per_world))),
        *more,
    ]


def summary_json(dataset: Dataset) -> dict[str, Any]:
    """Return the summary and metadata as values that fit into JSON."""
    summary = summarize(dataset)
    return {
        "path": str(dataset.path),
        "metadata": dataset.metadata.to_json(),
        "provenance": dataset.provenance,
        "summary": vars(summary),
    }


def _spread(values: dict[str, float]) -> str:
    if not values:
        return "none"
    return "mean {mean:.2f}, std {std:.2f}, min {min:.2f}, max {max:.2f}".format(**values)
