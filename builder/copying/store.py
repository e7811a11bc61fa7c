"""Write encoded episodes, wherever they come from, into a dataset of their own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from builder.build import COMMIT_SECONDS, BuildError, Progress
from builder.episodes import EncodedEpisode
from builder.provenance import describe_conversion
from builder.settings import Target
from builder.storage import containers
from builder.storage.writer import DatasetWriter
from schemas.errors import NotADatasetError
from schemas.metadata import ATTRIBUTE, Metadata


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
    _check_path(path, resume or append, overwrite)
    with containers.exclusive(path) as held:
        if not held:
            raise BuildError(f"{path}: another build is writing to it")
        there = _check_path(path, resume or append, overwrite)
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

    try:
        for episode in series.read(start.episodes):
            writer.append(episode)
            if time.monotonic() - committed_at > commit_seconds:
                writer.commit()
                committed_at = time.monotonic()
            on_progress(progress())
            if should_stop():
                break
    except OSError:
        raise  # the disk is full, or gone
    except BaseException:
        writer.commit()  # what is whole is kept
        raise
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
    if series.digests is not None:
        differ = (writer.read_table("digests", 0, count) != series.digests[:count]).any(1)
        if differ.any():
            raise BuildError(
                f"{writer.path}: expected the first episodes of what is copied, found another "
                f"episode {int(differ.argmax())}"
            )
    writer.metadata = replace(wanted, counts=stored.counts)


def _check_path(path: Path, go_on: bool, overwrite: bool) -> Metadata | None:
    """Refuse a path that may not be written; give the metadata of a dataset to go on with."""
    if containers.is_free(path):
        return None
    try:
        attributes = containers.read_attributes(path)
    except NotADatasetError:
        attributes = {}
    if ATTRIBUTE not in attributes:
        raise BuildError(f"{path}: expected a Crafter dataset or nothing, found something else")
    if overwrite:
        return None
    if not go_on:
        raise BuildError(
            f"{path}: exists already; add to it with --append, go on with --resume, or replace it "
            "with --overwrite"
        )
    return Metadata.from_attributes(attributes, str(path))
