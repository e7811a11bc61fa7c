"""What a copy of datasets is made of: which episodes, in which codec, at which path."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from crafter_dataset.builder.copying.combine import Part, Plan
from crafter_dataset.builder.copying.series import Series
from crafter_dataset.builder.copying.store import StoreOptions, store
from crafter_dataset.builder.errors import StoppedError
from crafter_dataset.builder.stopping import StopOption, ctrl_c_unless
from crafter_dataset.builder.storage import containers
from crafter_dataset.builder.storage.place import PLACE_ADVICE, describe_kept
from crafter_dataset.loader.dataset import Dataset, open_dataset
from crafter_dataset.schemas.codecs import ChunkCodec
from crafter_dataset.schemas.errors import Advice, ArgumentError, Note
from crafter_dataset.schemas.hdf5_format import is_hdf5
from crafter_dataset.schemas.progress import ProgressOption, reporting


def part_of(dataset: Dataset) -> Part:
    """Return the episodes of a dataset, or of a part of one, for copying.

    Parameters
    ----------
    dataset : Dataset
        The dataset.
    """
    return Part(dataset.container, dataset.metadata, dataset.episodes["episode_ids"])


def choose_codec(wanted: str | None, source: Path | str, codec: str, path: Path) -> str:
    """Return the codec of a copy: the user's, or the source's where the container takes it.

    Parameters
    ----------
    wanted : str or None
        What the user asks for.
    source : Path or str
        Where the episodes come from.
    codec : str
        The codec that they have there.
    path : Path
        Where they go.

    Raises
    ------
    CodecError
        If what the user asks for is no codec.
    """
    if wanted is not None:
        return str(ChunkCodec.parse(wanted))
    if is_hdf5(path):  # whose own codec stays; another may need a plugin
        return codec if is_hdf5(Path(source)) else containers.default_codec(path)
    return containers.default_codec(path) if codec.startswith("gzip") else codec


def check_distinct_paths(sources: Sequence[Path | str], path: Path) -> None:
    """Refuse to write over what is read.

    Parameters
    ----------
    sources : sequence of Path or str
        What is read.
    path : Path
        What is to be written.

    Raises
    ------
    ArgumentError
        If that is a source, or lies inside one.
    """
    for source in map(Path, sources):
        if source.exists() and path.exists() and source.samefile(path):
            raise ArgumentError("out", f"expected another path than the source's, found {path}")
        if Path(os.path.realpath(source)) in Path(os.path.realpath(path)).parents:
            raise ArgumentError("out", f"expected a path outside {source}, found {path}")


def store_plan(
    path: Path,
    plan: Plan | Series,
    *,
    resume: bool,
    overwrite: bool,
    append: bool = False,
    advice: tuple[Advice, ...] = PLACE_ADVICE,
    progress: ProgressOption,
    should_stop: StopOption,
) -> Dataset:
    """Write episodes with progress, and open what was written.

    Parameters
    ----------
    path : Path
        The dataset to write.
    plan : Plan or Series
        The episodes.
    resume, overwrite, append : bool
        As in `StoreOptions`.
    advice : tuple of Advice
        As in `StoreOptions`.
    progress : bool or callable, optional
        As for `build`.
    should_stop : callable, optional
        As for `build`.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C, once all whole episodes are committed, unless `should_stop` is given.
    StoppedError
        If it is stopped before any episode is whole; nothing is written then.
    BuildError, CodecError, DatasetError
        As `store` raises them.
    """
    series = Series.of_plan(plan) if isinstance(plan, Plan) else plan
    with reporting(progress) as report, ctrl_c_unless(should_stop) as asked:
        options = StoreOptions(resume, overwrite, append, advice, report, asked)
        stored = store(path, series, options)
    if not stored.complete and should_stop is None:
        raise KeyboardInterrupt(Note(*describe_kept(stored.path, stored.metadata.counts)))
    if not stored.path.exists():
        raise StoppedError("stopped: nothing was written")
    return open_dataset(stored.path)
