"""Short ways to copy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from crafter_dataset.builder.copying.combine import Part, combine
from crafter_dataset.builder.copying.series import Series
from crafter_dataset.builder.copying.store import StoreOptions, store
from crafter_dataset.loader import open_dataset


def part(path: Path, episodes: Iterable[int] | None = None) -> Part:
    dataset = open_dataset(path)
    chosen = range(len(dataset)) if episodes is None else episodes
    return Part(dataset.container, dataset.metadata, np.array(list(chosen), np.int64))


def copy(
    parts: Sequence[Part],
    path: Path,
    codec: str,
    chunk_frames: int | None = None,
    stop_after: int | None = None,
    **options,
) -> bool:
    """Copy, and tell whether it is complete."""
    calls = iter(range(1, 10**6))
    should_stop = (lambda: False) if stop_after is None else (lambda: next(calls) >= stop_after)
    series = Series.of_plan(combine(parts, codec, chunk_frames))
    return store(path, series, StoreOptions(should_stop=should_stop, **options))[1]
