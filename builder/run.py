"""One run of a build: hand out episodes, commit what comes back, in order."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from crafter_dataset.builder import compression
from crafter_dataset.builder.collectors.job import CollectError, Job
from crafter_dataset.builder.continuity import check_means, describe_means, runs_of
from crafter_dataset.builder.episodes import EncodedEpisode, cut_episode
from crafter_dataset.builder.errors import BuildError, SettingsError
from crafter_dataset.builder.lengths import Lengths
from crafter_dataset.builder.pool import Pool, make_pool
from crafter_dataset.builder.provenance import describe_run
from crafter_dataset.builder.run_options import RunOptions
from crafter_dataset.builder.settings import (
    DEFAULT_FRAMES,
    BuildSettings,
    Target,
    check_resumable,
)
from crafter_dataset.builder.storage import containers
from crafter_dataset.builder.storage.place import Pictures, Place, describe_kept
from crafter_dataset.builder.storage.writer import DatasetWriter
from crafter_dataset.engine import draw
from crafter_dataset.engine.engines import check_engine, warm_up
from crafter_dataset.engine.pictures import picture_arrays
from crafter_dataset.loader.container import local_path
from crafter_dataset.schemas.cores import usable_cores
from crafter_dataset.schemas.errors import Advice, Note
from crafter_dataset.schemas.layout import STORED
from crafter_dataset.schemas.metadata import Metadata
from crafter_dataset.schemas.progress import Progress

WAITING_BYTES = 2**28
"""Encoded episodes that may wait for an earlier one before no more are started."""

_POLL_SECONDS = 0.2
_SHOW_SECONDS = 0.1


@dataclass(frozen=True)
class BuildResult:
    """What a build did.

    Parameters
    ----------
    path : Path
        The dataset.
    metadata : Metadata
        As committed.
    complete : bool
        Whether the target is reached; else the build was stopped.
    new_frames : int
        Frames that this run added.
    seconds : float
        How long it took.
    """

    path: Path
    metadata: Metadata
    complete: bool
    new_frames: int
    seconds: float


def run_build(
    path: str | Path,
    settings: BuildSettings | None = None,
    target: Target | None = None,
    options: RunOptions | None = None,
    *,
    resume: bool = False,
    overwrite: bool = False,
    given: Collection[str] | None = None,
) -> BuildResult:
    """Build a dataset, or go on with one.

    Parameters
    ----------
    path : str or Path
        Folder of the Zarr group, or an HDF5 file, which ends in `.h5`, `.hdf5` or `.hdf`.
    settings : BuildSettings, optional
        What to build. By default what a dataset to resume has, or the default settings.
    target : Target, optional
        How much. By default what the dataset was to become, or 100,000 frames.
    options : RunOptions, optional
        How to run it.
    resume : bool
        Go on with the dataset if there is one.
    overwrite : bool
        Replace the dataset if there is one.
    given : collection of str, optional
        Names of the settings that a dataset to resume must agree with; the
        others are its own. By default all, if there are settings.

    Returns
    -------
    BuildResult
        What was built, and whether it is complete.

    Raises
    ------
    BuildError
        If the path is taken or foreign, or the policy or an environment raises.
    SettingsError, PolicyError, CodecError
        If the settings are wrong, or are not those of the dataset to resume.
    EngineError
        If the engine is unknown, or cannot be used, or not for such a world.
    DatasetError
        If the dataset to resume is damaged.
    OSError
        If the disk is full or cannot be written.
    """
    path = local_path("path", path)
    if given is None:
        given = () if settings is None else tuple(BuildSettings.__dataclass_fields__)
    settings, options = settings or BuildSettings(), options or RunOptions()
    if options.workers is None:
        options = replace(options, workers=usable_cores())
    if settings.codec is None:
        settings = replace(settings, codec=containers.default_codec(path))
    if resume and overwrite:
        raise SettingsError(("resume", "overwrite"), "expected at most one, found both")
    place = Place(path, resume=resume, overwrite=overwrite)
    stored = place.look()
    # Before anything is made or replaced:
    if stored:
        check_resumable(stored, settings, given, str(path))
    metadata = stored or settings.metadata()
    containers.check_codec(path, metadata)
    check_engine(options.engine, metadata.env.area)
    others = compression.needed(metadata)
    if metadata.pictures != STORED:
        others += draw.needed()
    if options.engine == "fast":
        from crafter_dataset.builder.collectors import chosen  # it needs llvmlite

        others += chosen.needed(metadata)
    warm_up(options.engine, metadata.env.area, others)
    compression.warm_up(metadata)

    def pictures() -> dict[str, NDArray[Any]]:
        stores_frames_alone = metadata.pictures == STORED
        return {} if stores_frames_alone else picture_arrays(metadata.env, options.engine)

    with place.writing(None if stored else metadata, pictures) as (writer, goes_on):
        if goes_on:
            check_resumable(writer.metadata, settings, given, str(path))
        return _Run(writer, target, options, place, pictures).run()


class _Run:
    """One run, from an open writer on."""

    def __init__(
        self,
        writer: DatasetWriter,
        target: Target | None,
        options: RunOptions,
        place: Place,
        pictures: Pictures,
    ) -> None:
        self._writer, self._options, self._place = writer, options, place
        self._pictures = pictures
        self._begun = time.monotonic()
        self._target = target or self._stored_target()
        self._waiting: dict[int, EncodedEpisode] = {}
        self._waiting_bytes = self._waiting_rows = 0
        self._lengths = Lengths(writer.metadata.env.length)

    def run(self) -> BuildResult:
        """Collect until the target is reached or the user stops it."""
        writer, target = self._writer, self._target
        self._prepare()
        self._start = writer.metadata.counts
        if target.reached(self._start):
            if writer.metadata.status != "complete":
                self._commit(complete=True)
            return self._result()
        self._record_run()
        writer.save_provenance()  # a kill from now on does not forget the target
        rows = target.frames - self._start.frames if target.frames else None
        job = Job(writer.metadata, self._options.num_envs, rows, self._options.engine)
        pool = self._make_pool(job)
        try:
            self._collect(pool)
            self._commit(complete=target.reached(writer.metadata.counts))
        except CollectError as error:
            self._commit()
            raise self._failed(error) from error
        except OSError as error:
            error.add_note(Note(*self._kept()))
            raise
        finally:
            pool.close()
        return self._result()

    def _prepare(self) -> None:
        """Refuse a target that is too small; take back an episode that has to be longer."""
        writer, target = self._writer, self._target
        counts = writer.metadata.counts
        unit = "frames" if target.frames else "episodes"
        have, want = getattr(counts, unit), getattr(target, unit)
        if have > want:
            raise SettingsError(
                unit, f"expected at least the {have:,} {unit} in {writer.path}, found {want:,}"
            )
        if writer.last_was_cut and (target.frames is None or counts.frames < target.frames):
            writer.retract_last()

    def _stored_target(self) -> Target:
        try:
            return Target(**self._writer.provenance["target"])
        except (KeyError, TypeError, SettingsError):  # provenance is nobody's contract
            return Target(frames=DEFAULT_FRAMES)

    def _record_run(self) -> None:
        options, metadata = self._options, self._writer.metadata
        run = describe_run(
            options.engine, options.workers or 0, options.num_envs, self._start.episodes
        ) | describe_means(metadata, options.engine)
        run |= check_means(
            self._writer.provenance, run, options.allow_policy_change, str(self._writer.path)
        )
        earlier = runs_of(self._writer.provenance)
        self._writer.provenance |= {"target": self._target.to_json(), "runs": [*earlier, run]}

    def _make_pool(self, job: Job) -> Pool:
        try:
            return make_pool(job, self._options.workers or 0)
        except CollectError as error:
            raise self._failed(error) from error

    def _collect(self, pool: Pool) -> None:
        writer, target, options = self._writer, self._target, self._options
        following = self._start.episodes
        committed_at = shown_at = time.monotonic()
        while not target.reached(writer.metadata.counts) and not options.should_stop():
            # Numbers go out in order, so the episode that the others wait for is always under way.
            while (
                pool.free() > 0 and self._waiting_bytes < WAITING_BYTES and self._wanted(following)
            ):
                pool.submit(following)
                following += 1
            for episode in pool.receive(_POLL_SECONDS):
                self._waiting[episode.episode] = episode
                self._waiting_bytes += episode.nbytes
                self._waiting_rows += episode.length
                self._lengths.add(episode.length)
            self._append_in_order()
            if time.monotonic() - committed_at > options.commit_seconds:
                self._commit()
                committed_at = time.monotonic()
            if time.monotonic() - shown_at > _SHOW_SECONDS:
                options.on_progress(self._progress())
                shown_at = time.monotonic()
        options.on_progress(self._progress())

    def _wanted(self, following: int) -> bool:
        """Tell whether the episode of a number is needed, as far as that can be known."""
        target, counts = self._target, self._writer.metadata.counts
        if target.episodes is not None:
            return following < target.episodes
        assert target.frames is not None
        under_way = following - counts.episodes - len(self._waiting)
        return not self._lengths.suffice(
            under_way, target.frames - counts.frames - self._waiting_rows
        )

    def _append_in_order(self) -> None:
        writer, target = self._writer, self._target
        while not target.reached(writer.metadata.counts):
            episode = self._waiting.pop(writer.metadata.counts.episodes, None)
            if episode is None:
                return
            self._waiting_bytes -= episode.nbytes
            self._waiting_rows -= episode.length
            if target.frames:
                left = target.frames - writer.metadata.counts.frames
                episode = cut_episode(episode, left, writer.metadata, self._pictures)
            writer.append(episode)

    def _commit(self, complete: bool = False) -> None:
        if runs := runs_of(self._writer.provenance):
            runs[-1]["seconds"] = round(time.monotonic() - self._begun, 3)
        self._writer.commit(complete)

    def _progress(self) -> Progress:
        counts, start, target = self._writer.metadata.counts, self._start, self._target
        return Progress(
            unit="frames" if target.frames else "episodes",
            total=target.frames or target.episodes or 0,
            episodes=counts.episodes,
            frames=counts.frames,
            start=start.frames if target.frames else start.episodes,
            new_frames=counts.frames - start.frames,
            seconds=time.monotonic() - self._begun,
            nbytes=self._writer.nbytes,
        )

    def _result(self) -> BuildResult:
        metadata = self._writer.committed
        return BuildResult(
            path=self._place.shown(self._writer),
            metadata=metadata,
            complete=self._target.reached(metadata.counts),
            new_frames=max(0, metadata.counts.frames - self._start.frames),
            seconds=time.monotonic() - self._begun,
        )

    def _failed(self, error: CollectError) -> BuildError:
        """Return an error that says what went wrong and what is kept."""
        kept, advice = self._kept()
        return BuildError(
            f"{error}; {kept}", advice=advice, details=error.details, frames=error.frames
        )

    def _kept(self) -> tuple[str, tuple[Advice, ...]]:
        return describe_kept(self._place.shown(self._writer), self._writer.committed.counts)
