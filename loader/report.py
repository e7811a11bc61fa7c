"""Descriptions of a dataset, as text, HTML and JSON."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from crafter_dataset.loader.players import shown_name
from crafter_dataset.loader.summary import Summary, summary_of
from crafter_dataset.schemas.layout import BOTH, DRAWN
from crafter_dataset.schemas.wording import counted, format_bytes

if TYPE_CHECKING:
    from crafter_dataset.loader.dataset import Dataset
    from crafter_dataset.loader.table import EpisodeTable
    from crafter_dataset.schemas.metadata import Metadata, SourceSpec

Lines = list[tuple[str, str]]
"""One name and one text per line."""

_MOST_ROWS = 10
"""Episodes of a table that are shown in a notebook."""

_DIGITS = 12
"""Digits of a digest that are shown where space is short."""


def summary_lines(dataset: Dataset, summary: Summary) -> Lines:
    """Return the statistics of a dataset as lines to show.

    Parameters
    ----------
    dataset : Dataset
        The dataset, or a part of one.
    summary : Summary
        Its statistics.

    Returns
    -------
    list of tuple of str
        A name and a text for each line.
    """
    meta = dataset.metadata
    return [
        ("dataset", f"{dataset.path} ({meta.status}, format {meta.version})"),
        *_statistics_lines(summary),
        ("digest", meta.digest or "none yet"),
    ]


def _statistics_lines(summary: Summary) -> Lines:
    lines = [
        ("episodes", f"{summary.episodes:,}"),
        ("frames", f"{summary.frames:,}"),
        ("lengths", _spread(summary.lengths)),
        ("returns", _spread(summary.returns)),
        ("ends", _counted(summary.end_reasons)),
        ("rewards", _counted(summary.rewards)),
    ]
    if summary.stored_bytes is not None:
        size = format_bytes(summary.stored_bytes)
        per_frame = summary.stored_bytes / max(summary.frames, 1)
        lines.insert(2, ("size", f"{size}, {per_frame:,.0f} bytes a frame"))
    if summary.score is not None:
        lines.append(("score", f"{summary.score:.2f} % (Crafter score)"))
    return lines


def policy_lines(summary: Summary) -> list[str]:
    """Return a table of the policies of a dataset, a line each and one of headings.

    Parameters
    ----------
    summary : Summary
        Statistics of the dataset.

    Returns
    -------
    list of str
        The lines, whose columns are below one another; none if the dataset has no other policy.
    """
    if not summary.mixed:
        return []
    rows = [("played by", "episodes", "frames", "length", "return", "score")]
    for label, about in summary.policies.items():
        score = "-" if about["score"] is None else f"{about['score']:.2f} %"
        length, returned = (about[name]["mean"] for name in ("lengths", "returns"))
        counts = f"{about['episodes']:,}", f"{about['frames']:,}"
        rows.append((shown_name(label), *counts, f"{length:.1f}", f"{returned:.2f}", score))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])],
        )
        for row in rows
    ]


def settings_lines(dataset: Dataset) -> Lines:
    """Return how a dataset was made as lines to show.

    Parameters
    ----------
    dataset : Dataset
        The dataset, or a part of one.

    Returns
    -------
    list of tuple of str
        A name and a text for each line.
    """
    meta = dataset.metadata
    sizes = (meta.env.area, meta.env.view, meta.env.size)

    differing = meta.differing()

    def said(entry: str, text: str) -> str:
        if entry in meta.unknown:
            return "?"
        several = "mixed, see below" if entry == "policy" else "of several sources, see below"
        return several if entry in differing else text

    more: Lines = []
    if meta.extras:
        shapes = ((e.name, e.dtype, "x".join(map(str, e.shape))) for e in meta.extras)
        more.append(("extras", ", ".join(" ".join(filter(None, words)) for words in shapes)))
    if drawn := _drawn(meta):
        more.append(("pictures", drawn.strip()))
    more += [("unknown", ", ".join(meta.unknown))] if meta.unknown else []
    more += [
        (f"source {index}", f"seed {source.seed}, {source.policy.name}{_arguments(source)}")
        for index, source in enumerate(meta.sources)
    ]
    return [
        (
            "environment",
            f"{meta.env.name} {meta.env.version}, objects in order of {meta.env.object_order}",
        ),
        (
            "sizes",
            ", ".join(
                f"{name} {said(f'env.{name}', f'{x}x{y}')}"
                for name, (x, y) in zip(("area", "view", "size"), sizes, strict=True)
            )
            + f", time limit {said('env.length', f'{meta.env.length:,} actions')}",
        ),
        ("policy", said("policy", f"{meta.policy.name} {dict(meta.policy.parameters)}")),
        (
            "seed",
            f"{said('seed', str(meta.seed))}, episodes a world "
            f"{said('trajectories_per_world', str(meta.trajectories_per_world))}",
        ),
        *more,
    ]


def _arguments(source: SourceSpec) -> str:
    return f" {dict(source.policy.parameters)}" if source.policy.parameters else ""


def summary_json(dataset: Dataset) -> dict[str, Any]:
    """Return path, metadata, provenance and summary as a dict that fits into JSON.

    What is the first source's alone is None in the metadata; `sources` has all of them.

    Parameters
    ----------
    dataset : Dataset
        The dataset, or a part of one.
    """
    metadata = dataset.metadata.to_json() | dict.fromkeys(dataset.metadata.differing())
    return {
        "path": str(dataset.path),
        "metadata": metadata,
        "provenance": dataset.provenance,
        "summary": vars(summary_of(dataset)),
    }


def short_lines(dataset: Dataset) -> list[str]:
    """Describe a dataset in up to three lines, from what was read when it was opened.

    Parameters
    ----------
    dataset : Dataset
        The dataset, or a part of one.

    Returns
    -------
    list of str
        The lines; two without episodes.
    """
    meta, table = dataset.metadata, dataset.episodes
    whole = len(dataset) == meta.counts.episodes
    episodes = counted(meta.counts.episodes, "episode")
    episodes = episodes if whole else f"{len(dataset):,} of {episodes}"
    digest = f", digest {(meta.digest or 'none')[:_DIGITS]}" if whole else ""
    width, height = meta.env.size
    lines = [
        f"{episodes}, {counted(dataset.frames, 'frame')}, {meta.status}",
        f"{meta.built_by()}, {width}x{height} pixels{_drawn(meta)}, {meta.codec}{digest}",
    ]
    if len(dataset):
        lines.append(
            f"length {_range(table['length'])}, return {_range(table['return'])}, "
            f"{_counted(_ends(dataset))}"
        )
    return lines


def _drawn(metadata: Metadata) -> str:
    """Say how pictures are stored, if they are not as most are."""
    return {DRAWN: " drawn", BOTH: " stored and drawn"}.get(metadata.pictures, "")


def html(dataset: Dataset) -> str:
    """Return a table that describes a dataset, for notebooks.

    Parameters
    ----------
    dataset : Dataset
        The dataset, or a part of one.

    Returns
    -------
    str
        HTML in which all text is escaped.
    """
    first, *_ = short_lines(dataset)
    table = dataset.episodes
    rows: Lines = [("episodes", first), *settings_lines(dataset)]
    if len(dataset):
        rows += [("length", _range(table["length"])), ("return", _range(table["return"]))]
        rows.append(("ends", _counted(_ends(dataset))))
    rows += [("fields", ", ".join(dataset.fields)), ("digest", dataset.metadata.digest or "none")]
    return _described(str(dataset.path), rows)


def summary_html(summary: Summary) -> str:
    """Return a table of statistics, for notebooks.

    Parameters
    ----------
    summary : Summary
        The statistics.

    Returns
    -------
    str
        HTML in which all text is escaped.
    """
    rows: Lines = _statistics_lines(summary)
    rows += policy_rows(summary)
    rows += [
        (name, f"{rate:.1%} of the episodes")
        for name, rate in (summary.success_rates or {}).items()
    ]
    return _described("Summary", rows)


def policy_rows(summary: Summary) -> Lines:
    """Return a line for each policy of a dataset.

    Parameters
    ----------
    summary : Summary
        Statistics of the dataset.

    Returns
    -------
    list of tuple of str
        A name and a text for each line; none for a single policy.
    """
    rows = []
    for label, about in summary.policies.items() if summary.mixed else ():
        score = "" if about["score"] is None else f", score {about['score']:.2f} %"
        length, returned = (about[name]["mean"] for name in ("lengths", "returns"))
        count = counted(about["episodes"], "episode")
        text = f"{count}, length {length:.1f}, return {returned:.2f} in the mean{score}"
        rows.append((f"policy {shown_name(label)}", text))
    return rows


def table_html(table: EpisodeTable) -> str:
    """Return the first and last episodes of a table, for notebooks.

    Nothing is read for it but which of several policies played them.

    Parameters
    ----------
    table : EpisodeTable
        The episodes.

    Returns
    -------
    str
        HTML in which all text is escaped.
    """
    count, names = len(table), ["id", "length", "return", "end", "world_seed"]
    if len(table.policies) > 1:
        names.insert(names.index("world_seed"), "policy")
    shown = np.arange(count)
    if count > _MOST_ROWS:
        shown = np.concatenate([shown[: _MOST_ROWS // 2], shown[-(_MOST_ROWS // 2) :]])
    columns = [[_cell(value) for value in table[name][shown].tolist()] for name in names]
    rows = [f"<tr>{''.join(cells)}</tr>" for cells in zip(*columns, strict=True)]
    if count > _MOST_ROWS:
        rows.insert(_MOST_ROWS // 2, f"<tr>{'<td>...</td>' * len(names)}</tr>")
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    caption = f"<caption>{counted(count, 'episode')}</caption>"
    return f"<table>{caption}<tr>{head}</tr>{''.join(rows)}</table>"


def _cell(value: Any) -> str:
    return f"<td>{escape(f'{value:g}' if isinstance(value, float) else str(value))}</td>"


def _described(caption: str, rows: Lines) -> str:
    cells = "".join(
        f"<tr><th style='text-align:left'>{escape(name)}</th>"
        f"<td style='text-align:left'>{escape(text)}</td></tr>"
        for name, text in rows
    )
    return f"<table><caption>{escape(caption)}</caption>{cells}</table>"


def _ends(dataset: Dataset) -> dict[str, int]:
    names, counts = np.unique(dataset.episodes["end"], return_counts=True)
    return dict(zip(names.tolist(), counts.tolist(), strict=True))


def _range(values: Any) -> str:
    return f"{values.min():g} to {values.max():g} (mean {values.mean():.1f})"


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items()) or "none"


def _spread(values: dict[str, float]) -> str:
    if not values:
        return "none"
    return "mean {mean:.2f}, std {std:.2f}, min {min:.2f}, max {max:.2f}".format(**values)
