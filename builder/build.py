"""Build a dataset: hand out episodes, commit what comes back, in order."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path

from crafter_dataset.builder import compression
from crafter_dataset.builder.collectors.job import CollectError, Job
from crafter_dataset.builder.episodes import EncodedEpisode, cut_episode
from crafter_dataset.builder.errors import BuildError
from crafter_dataset.builder.pool import Pool, make_pool
from crafter_dataset.builder.provenance import describe_run
from crafter_dataset.builder.settings import (
    DEFAULT_FRAMES,
    BuildSettings,
    SettingsError,
    Target,
    check_resumable,
)
from crafter_dataset.builder.storage import containers
from crafter_dataset.builder.storage.writer import DatasetWriter
from crafter_dataset.engine.engines import check_engine, warm_up
from crafter_dataset.schemas.metadata import Counts, Metadata

COMMIT_SECONDS = 10.0
"""Time between commits, so at most what a kill costs."""

WAITING_BYTES = 2**28
"""Encoded episodes that may wait for an earlier one before no more are started."""

_HINT = "go on with it with --resume, or replace it with --overwrite"

_POLL_SECONDS = 0.2
_SHOW_SECONDS = 0.1


@dataclass(frozen=True)
class Progress:
    """How far a build is; its bytes are None where nobody counts them."""

    target: Target
    start: Counts
    counts: Counts
    seconds: float
    nbytes: int | None


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


def build(
    path: str | Path,
    settings: BuildSettings | None = None,
    target: Target | None = None,
    *,
    workers: int = 1,
    num_envs: int = 4,
    engine: str = "fast",
    resume: bool = False,
    overwrite: bool = False,
    given: Collection[str] | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    should_stop: Callable[[], bool] = lambda: False,
    commit_seconds: float = COMMIT_SECONDS,
) -> BuildResult:
    """Build a dataset, or go on with one.

    Parameters
    ----------
    path : str or Path
        Folder of the Zarr group, or an HDF5 file, which ends in `.h5` or `.hdf5`.
    settings : BuildSettings, optional
        What to build; to resume without them goes on with the dataset's own.
    target : Target, optional
        How much. By default what the dataset was to become, or 100,000 frames.
    workers : int
        Worker processes; 0 plays the episodes in this process.
    num_envs : int
        Environments of each worker, stepped together.
    engine : {"fast", "crafter"}
        What plays: compiled code, or the crafter package itself. The dataset
        is the same.
    resume : bool
        Go on with the dataset if there is one.
    overwrite : bool
        Replace the dataset if there is one.
    given : collection of str, optional
        Names of the settings that a dataset to resume must agree with; for the
        rest its own hold. By default all, if there are settings.
    on_progress : callable
        Called a few times a second.
    should_stop : callable
        Asked a few times a second; true ends the build with what is whole.
    commit_seconds : float
        Time between commits.

    Returns
    -------
    BuildResult

    Raises
    ------
    BuildError
        If the path is taken or foreign, or the policy or an environment raises.
    SettingsError, PolicyError, CodecError
        If the settings are wrong, or are not those of the dataset to resume.
    EngineError
        If the engine is unknown, cannot be used, or not for such a world.
    DatasetError
        If the dataset to resume is damaged.
    OSError
        If the disk is full or cannot be written.
    """
    path = Path(path)
    if given is None:
        given = () if settings is None else tuple(BuildSettings.__dataclass_fields__)
    settings = settings or BuildSettings()
    if settings.codec is None:
        settings = replace(settings, codec=containers.default_codec(path))
    if resume and overwrite:
        raise SettingsError("resume, overwrite: expected at most one of them, found both")
    stored = containers.check_place(path, resume, overwrite, _HINT)
    # Before anything is made or replaced:
    metadata = stored or settings.metadata()
    containers.check_codec(path, metadata)
    check_engine(engine, metadata.env.area)
    warm_up(engine, metadata.env.area)
    compression.warm_up(metadata)
    with containers.exclusive(path) as held:
        if not held:
            raise BuildError(f"{path}: another build is writing to it")
        stored = containers.check_place(
            path, resume, overwrite, _HINT
        )  # now nobody else can change it
        if stored is not None:
            check_resumable(stored, settings, given, str(path))
            writer = containers.resume(path)
        else:
            writer = containers.create(path, settings.metadata())
        try:
            return _Build(
                writer, target, workers, num_envs, engine, on_progress, should_stop, commit_seconds
            ).run()
        finally:
            writer.close()


class _Build:
    """One run of `build`, from an open writer on."""

    def __init__(
        self,
        writer: DatasetWriter,
        target: Target | None,
        workers: int,
        num_envs: int,
        engine: str,
        on_progress: Callable[[Progress], None],
        should_stop: Callable[[], bool],
        commit_seconds: float,
    ) -> None:
        self._writer = writer
        self._workers, self._num_envs, self._engine = workers, num_envs, engine
        self._on_progress, self._should_stop = on_progress, should_stop
        self._commit_seconds = commit_seconds
        self._begun = time.monotonic()
        self._target = target or self._stored_target()
        self._waiting: dict[int, EncodedEpisode] = {}
        self._waiting_bytes = 0

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
        job = Job(writer.metadata, self._num_envs, rows, self._engine)
        pool = self._make_pool(job)
        try:
            self._collect(pool)
            self._commit(complete=target.reached(writer.metadata.counts))
        except CollectError as error:
            self._commit()
            raise BuildError(f"{error}; {self._kept()}", error.details) from error
        except OSError as error:
            error.add_note(self._kept())
            raise
        finally:
            pool.close()
        return self._result()

    def _prepare(self) -> None:
        """Refuse a target that is too small; take back an episode that has to be longer."""
        writer, target = self._writer, self._target
        counts = writer.metadata.counts
        have, want = (
            (counts.frames, target.frames)
            if target.frames
            else (counts.episodes, target.episodes or 0)
        )
        if have > want:
            raise SettingsError(
                f"target: expected at least the {have:,} "
                f"{'frames' if target.frames else 'episodes'} in {writer.path}, found {want:,}"
            )
        if writer.last_was_cut and (target.frames is None or counts.frames < target.frames):
            writer.retract_last()

    def _stored_target(self) -> Target:
        try:
            return Target(**self._writer.provenance["target"])
        except (KeyError, TypeError):  # provenance is nobody's contract
            return Target(frames=DEFAULT_FRAMES)

    def _record_run(self) -> None:
        run = describe_run(self._engine, self._workers, self._num_envs, self._start.episodes)
        earlier = self._writer.provenance.get("runs", [])
        self._writer.provenance |= {"target": self._target.to_json(), "runs": [*earlier, run]}

    def _make_pool(self, job: Job) -> Pool:
        try:
            return make_pool(job, self._workers)
        except CollectError as error:
            raise BuildError(f"{error}; {self._kept()}", error.details) from error

    def _collect(self, pool: Pool) -> None:
        writer, target = self._writer, self._target
        following = self._start.episodes
        committed_at = shown_at = time.monotonic()
        while not target.reached(writer.metadata.counts) and not self._should_stop():
            # Numbers go out in order, so the episode that the others wait for is always under way.
            while (
                pool.free() > 0
                and self._waiting_bytes < WAITING_BYTES
                and (target.episodes is None or following < target.episodes)
            ):
                pool.submit(following)
                following += 1
            for episode in pool.receive(_POLL_SECONDS):
                self._waiting[episode.episode] = episode
                self._waiting_bytes += episode.nbytes
            self._append_in_order()
            if time.monotonic() - committed_at > self._commit_seconds:
                self._commit()
                committed_at = time.monotonic()
            if time.monotonic() - shown_at > _SHOW_SECONDS:
                self._on_progress(self._progress())
                shown_at = time.monotonic()
        self._on_progress(self._progress())

    def _append_in_order(self) -> None:
        writer, target = self._writer, self._target
        while not target.reached(writer.metadata.counts):
            episode = self._waiting.pop(writer.metadata.counts.episodes, None)
            if episode is None:
                return
            self._waiting_bytes -= episode.nbytes
            if target.frames:
                left = target.frames - writer.metadata.counts.frames
                episode = cut_episode(episode, left, writer.metadata)
            writer.append(episode)

    def _commit(self, complete: bool = False) -> None:
        runs = self._writer.provenance.get("runs")
        if runs:
            runs[-1]["seconds"] = round(time.monotonic() - self._begun, 3)
        self._writer.commit(complete)

    def _progress(self) -> Progress:
        return Progress(
            self._target,
            self._start,
            self._writer.metadata.counts,
            time.monotonic() - self._begun,
            self._writer.nbytes,
        )

    def _result(self) -> BuildResult:
        metadata = self._writer.committed
        return BuildResult(
            path=self._writer.path,
            metadata=metadata,
            complete=self._target.reached(metadata.counts),
            new_frames=max(0, metadata.counts.frames - self._start.frames),
            seconds=time.monotonic() - self._begun,
        )

    def _kept(self) -> str:
        kept, path = self._writer.committed.counts, self._writer.path
        if not path.exists():
            return f"what was committed went with {path}"
        if not kept.episodes:
            return (
                f"no episode is committed yet in {path}; "
                "go on with --resume, or build it anew with --overwrite"
            )
        return (
            f"{kept.episodes:,} episodes ({kept.frames:,} frames) are safe in {path}; "
            "go on with --resume"
        )
