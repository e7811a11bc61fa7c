"""Write encoded episodes, wherever they come from, into a dataset of their own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.builder.build import COMMIT_SECONDS, Progress
from crafter_dataset.builder.episodes import EncodedEpisode
from crafter_dataset.builder.errors import BuildError
from crafter_dataset.builder.provenance import describe_conversion
from crafter_dataset.builder.settings import Target
from crafter_dataset.builder.storage import containers
from crafter_dataset.builder.storage.writer import DatasetWriter
from crafter_dataset.schemas.metadata import Metadata

_HINT = "add to it with --append, go on with --resume, or replace it with --overwrite"


@dataclass(frozen=True)
class Series:
    """Episodes to be written.

    Parameters
    ----------
    metadata : Metadata
        Of the dataset, without any episode.
    count : int
        Number of episodes.
    read : callable
        `read(start)` gives the episodes from the `start`-th on, in order.
    sources : tuple of dict
        What is remembered of where they come from, under `provenance`.
    digests : ndarray of uint8, shape (count, 16), optional
        Their digests, where they are known, to tell an interrupted copy from another dataset.
    """

    metadata: Metadata
    count: int
    read: Callable[[int], Iterator[EncodedEpisode]]
    sources: tuple[dict[str, Any], ...] = ()
    digests: NDArray[np.uint8] | None = None


def store(
    path: Path,
    series: Series,
    *,
    resume: bool = False,
    overwrite: bool = False,
    append: bool = False,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    should_stop: Callable[[], bool] = lambda: False,
    commit_seconds: float = COMMIT_SECONDS,
) -> tuple[Metadata, bool]:
    """Write a dataset, or add to one.

    Parameters
    ----------
    path : Path
        The dataset to write.
    series : Series
        The episodes; to append, those that are there first, then the new ones.
    resume : bool
        Go on with what an earlier run has left.
    overwrite : bool
        Replace the dataset that is there.
    append : bool
        The first episodes are there already.
    on_progress, should_stop, commit_seconds
        As `builder.build.build` has them.

    Returns
    -------
    metadata : Metadata
        As committed.
    complete : bool
        Whether all episodes are there; else it was stopped.

    Raises
    ------
    BuildError
        If the path is taken or foreign, or what is there is something else.
    CodecError
        If the container does not take the codec.
    DatasetError
        If a source is damaged; what is committed stays.
    """
    containers.check_codec(path, series.metadata)
    containers.check_place(path, resume or append, overwrite, _HINT)
    with containers.exclusive(path) as held:
        if not held:
            raise BuildError(f"{path}: another build is writing to it")
        there = containers.check_place(path, resume or append, overwrite, _HINT)
        if there is None:
            writer = containers.create(path, series.metadata)
        else:
            writer = containers.resume(path)
        try:
            if there is not None:
                _adopt(writer, series)
            return _run(writer, series, on_progress, should_stop, commit_seconds)
        finally:
            writer.close()


def _run(
    writer: DatasetWriter,
    series: Series,
    on_progress: Callable[[Progress], None],
    should_stop: Callable[[], bool],
    commit_seconds: float,
) -> tuple[Metadata, bool]:
    start = writer.metadata.counts
    begun = committed_at = time.monotonic()
    writer.provenance = describe_conversion(writer.provenance, series.sources)
    target = Target(episodes=max(series.count, 1))

    def progress() -> Progress:
        counts, seconds = writer.metadata.counts, time.monotonic() - begun
        return Progress(target, start, counts, seconds, writer.nbytes)

    episodes = series.read(start.episodes)
    while True:
        try:
            episode = next(episodes, None)
        except BaseException:
            writer.commit()  # what is whole is kept
            raise
        if episode is None:
            break
        writer.append(episode)
        if time.monotonic() - committed_at > commit_seconds:
            writer.commit()
            committed_at = time.monotonic()
        on_progress(progress())
        if should_stop():
            break
    complete = writer.metadata.counts.episodes == series.count
    writer.commit(complete)
    return writer.committed, complete


def _adopt(writer: DatasetWriter, series: Series) -> None:
    """Go on with the dataset of a writer as the series has it."""
    stored, wanted = writer.metadata, series.metadata
    if stored.episode_fields != wanted.episode_fields:
        raise BuildError(
            f"{writer.path}: expected the arrays {', '.join(wanted.episode_fields)} for these "
            f"episodes together, found {', '.join(stored.episode_fields)}; make a new dataset of "
            "both with merge-dataset"
        )
    for name in ("fields", "env", "chunk_frames", "codec", "unknown"):
        if getattr(stored, name) != getattr(wanted, name):
            raise BuildError(
                f"{writer.path}: expected {name} {getattr(wanted, name)} to go on with it, found "
                f"{getattr(stored, name)}"
            )
    count = stored.counts.episodes
    if count > series.count:
        raise BuildError(
            f"{writer.path}: expected at most {series.count} episodes to go on with it, found "
            f"{count}"
        )
    have = writer.read_table("digests", 0, count)
    for episode in _differing(have, series):
        raise BuildError(
            f"{writer.path}: expected the first episodes of what is copied, found another "
            f"episode {episode}"
        )
    writer.metadata = replace(wanted, counts=stored.counts)


def _differing(have: NDArray[np.uint8], series: Series) -> Iterator[int]:
    """Yield episodes that are stored but are not those of the series."""
    if series.digests is not None:
        yield from np.flatnonzero((have != series.digests[: len(have)]).any(1)).tolist()
        return
    for episode in sorted({0, len(have) - 1}) if len(have) else ():
        if next(series.read(episode)).digest.tobytes() != have[episode].tobytes():
            yield episode
