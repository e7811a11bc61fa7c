"""`merge`: what `merge-dataset` does, for Python."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from crafter_dataset.builder.copying.combine import combine
from crafter_dataset.builder.copying.datasets import (
    check_distinct_paths,
    choose_codec,
    part_of,
    store_plan,
)
from crafter_dataset.builder.stopping import StopOption
from crafter_dataset.loader.container import local_path
from crafter_dataset.loader.dataset import Dataset, opened
from crafter_dataset.schemas.errors import ArgumentError
from crafter_dataset.schemas.progress import ProgressOption


def merge(
    sources: Sequence[Dataset | str | Path],
    out: str | Path,
    *,
    codec: str | None = None,
    overwrite: bool = False,
    resume: bool = False,
    progress: ProgressOption = None,
    should_stop: StopOption = None,
) -> Dataset:
    """Put the episodes of several datasets into a new one, one dataset after the other.

    Compressed chunks are copied as they are. Parts of one build, in its order,
    make the very dataset that was built, digest and all; other episodes keep
    the seed, the policy and the number that they were built with.

    Parameters
    ----------
    sources : sequence of Dataset, str or Path
        Datasets or parts of datasets, or where they are; one or more.
    out : str or Path
        The dataset to write, Zarr or HDF5 by its ending.
    codec : str, optional
        Compression; by default the first source's, whose chunks are then copied
        as they are, and in HDF5 what needs no plugin.
    overwrite : bool
        Replace a dataset that is at `out`, once the new one is complete.
    resume : bool
        Go on after a kill or Ctrl-C.
    progress : bool or callable, optional
        As for `build`.
    should_stop : callable, optional
        As for `build`.

    Returns
    -------
    Dataset
        What was written.

    Raises
    ------
    ArgumentError
        If `sources` is not a list or empty, or `out` is one of them or inside one.
    CombineError
        If the datasets differ in what all episodes must share, or an episode
        would be there twice.
    BuildError
        If something is at `out` that may not be replaced.
    DatasetError
        If a source is no dataset, or damaged.
    StoppedError
        If `should_stop` ends it before any episode is whole; nothing is written then.
    KeyboardInterrupt
        After Ctrl-C, once all whole episodes are committed.

    Examples
    --------
    >>> import crafter_dataset
    >>> train, test = crafter_dataset.open_dataset("data.zarr").split(0.5)
    >>> both = crafter_dataset.merge([train, test], "both.zarr")
    >>> both.frames == train.frames + test.frames
    True
    """
    if isinstance(sources, str | Path) or not len(sources):
        raise ArgumentError("sources", f"expected a list of datasets, found {sources!r}")
    out = local_path("out", out)
    datasets = [opened(source) for source in sources]
    check_distinct_paths([dataset.path for dataset in datasets], out)
    parts = [part_of(dataset) for dataset in datasets]
    chosen = choose_codec(codec, datasets[0].path, parts[0].metadata.codec, out)
    return store_plan(
        out,
        combine(parts, chosen),
        resume=resume,
        overwrite=overwrite,
        progress=progress,
        should_stop=should_stop,
    )
