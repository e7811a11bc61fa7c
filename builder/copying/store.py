"""Write encoded episodes, wherever they come from, into a dataset of their own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.builder.copying.series import Series
from crafter_dataset.builder.errors import BuildError
from crafter_dataset.builder.provenance import describe_conversion
from crafter_dataset.builder.run_options import COMMIT_SECONDS
from crafter_dataset.builder.storage import containers
from crafter_dataset.builder.storage.place import PLACE_ADVICE, Place
from crafter_dataset.builder.storage.writer import DatasetWriter
from crafter_dataset.schemas.errors import Advice
from crafter_dataset.schemas.metadata import Metadata
from crafter_dataset.schemas.progress import Progress, Report, ignore


@dataclass(frozen=True)
class StoreOptions:
    """How episodes are stored.

    Parameters
    ----------
    resume : bool
        Go on with what an earlier run has left.
    overwrite : bool
        Replace the dataset that is there.
    append : bool
        Add to the dataset that is there, which has the first of the episodes.
    advice : tuple of Advice
        What to tell a user who may do none of these.
    on_progress : callable
        Called with a `Progress` after each episode.
    should_stop : callable
        Called after each episode; once true, the copy stops with what is whole.
    commit_seconds : float
        Time between commits.
    """

    resume: bool = False
    overwrite: bool = False
    append: bool = False
    advice: tuple[Advice, ...] = PLACE_ADVICE
    on_progress: Report = ignore
    should_stop: Callable[[], bool] = lambda: False
    commit_seconds: float = COMMIT_SECONDS


class Stored(NamedTuple):
    """What became of a copy.

    Parameters
    ----------
    metadata : Metadata
        As committed.
    complete : bool
        Whether all episodes are there; else it was stopped.
    path : Path
        Where they are.
    """

    metadata: Metadata
    complete: bool
    path: Path


def store(path: Path, series: Series, options: StoreOptions | None = None) -> Stored:
    """Write a dataset, or add to one.

    Parameters
    ----------
    path : Path
        The dataset to write.
    series : Series
        The episodes; to append, first those that are there, then the new ones.
    options : StoreOptions, optional
        How to store them.

    Returns
    -------
    Stored
        What is committed, and where.

    Raises
    ------
    BuildError
        If the path is taken or foreign, or what is there is something else.
    CodecError
        If the container does not take the codec.
    DatasetError
        If a source is damaged; what is committed stays.
    """
    options = options or StoreOptions()
    containers.check_codec(path, series.metadata)
    place = Place(
        path,
        resume=options.resume,
        overwrite=options.overwrite,
        append=options.append,
        advice=options.advice,
    )
    place.look()
    with place.writing(series.metadata, series.pictures) as (writer, goes_on):
        if goes_on:
            _adopt(writer, series)
        complete = _run(writer, series, options)
    return Stored(writer.committed, complete, place.shown(writer))


def _run(writer: DatasetWriter, series: Series, options: StoreOptions) -> bool:
    start = writer.metadata.counts
    begun = committed_at = time.monotonic()
    writer.provenance = describe_conversion(writer.provenance, series.sources)
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
        if time.monotonic() - committed_at > options.commit_seconds:
            writer.commit()
            committed_at = time.monotonic()
        counts = writer.metadata.counts
        options.on_progress(
            Progress(
                "episodes",
                series.count,
                counts.episodes,
                counts.frames,
                start.episodes,
                counts.frames - start.frames,
                time.monotonic() - begun,
                writer.nbytes,
            )
        )
        if options.should_stop():
            break
    complete = writer.metadata.counts.episodes == series.count
    writer.commit(complete)
    return complete


def _adopt(writer: DatasetWriter, series: Series) -> None:
    """Check that a writer's dataset is the beginning of a series, and take over its metadata."""
    stored, wanted = writer.metadata, series.metadata
    if stored.episode_fields != wanted.episode_fields:
        raise BuildError(
            f"{writer.path}: expected the arrays {', '.join(wanted.episode_fields)} for these "
            f"episodes together, found {', '.join(stored.episode_fields)}; merge both into a new "
            "dataset"
        )
    for name in ("fields", "env", "chunk_frames", "codec", "unknown", "pictures", "tiles"):
        if getattr(stored, name) != getattr(wanted, name):
            raise BuildError(
                f"{writer.path}: expected {name} {getattr(wanted, name)} to go on with it, found "
                f"{getattr(stored, name)}"
            )
    if not writer.draws_with(series.pictures()):
        raise BuildError(
            f"{writer.path}: expected the images and the daylight of what is copied, found others"
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
