"""`split`: what `split-dataset` does, for Python."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from crafter_dataset.builder.copying.combine import combine
from crafter_dataset.builder.copying.datasets import (
    check_distinct_paths,
    choose_codec,
    part_of,
    store_plan,
)
from crafter_dataset.builder.errors import StoppedError
from crafter_dataset.builder.stopping import StopOption
from crafter_dataset.loader.container import local_path
from crafter_dataset.loader.dataset import Dataset, opened
from crafter_dataset.schemas.errors import ArgumentError
from crafter_dataset.schemas.progress import ProgressOption


def split(
    source: Dataset | str | Path,
    outs: Sequence[str | Path],
    *,
    fractions: Sequence[float] | None = None,
    by_world: bool = False,
    seed: int = 0,
    codec: str | None = None,
    overwrite: bool = False,
    resume: bool = False,
    progress: ProgressOption = None,
    should_stop: StopOption = None,
) -> list[Dataset]:
    """Split the episodes of a dataset at random into datasets of their own.

    Compressed chunks are copied as they are, and every episode keeps the number
    that it was built with. `Dataset.split` with the same numbers makes the same
    parts without copying anything.

    Parameters
    ----------
    source : Dataset, str or Path
        A dataset or a part of one, or where it is.
    outs : sequence of str or Path
        The datasets to write, Zarr or HDF5 by their endings.
    fractions : sequence of float, optional
        Share of each part; the last may be left out, and takes the rest. Equal
        by default.
    by_world : bool
        Keep the episodes of a world together, so that no map is in two parts.
    seed : int
        Seed of the shuffle, 0 or more.
    codec : str, optional
        Compression; by default the source's, whose chunks are then copied as
        they are, and in HDF5 what needs no plugin.
    overwrite : bool
        Replace datasets that are at `outs`, each once the new one is complete.
    resume : bool
        Go on after a kill or Ctrl-C.
    progress : bool or callable, optional
        As for `build`.
    should_stop : callable, optional
        As for `build`; parts that were not begun are not returned.

    Returns
    -------
    list of Dataset
        What was written.

    Raises
    ------
    ArgumentError
        If `outs` or the fractions do not fit, or a part would hold no episode;
        nothing is written then.
    BuildError
        If something is at one of `outs` that may not be replaced.
    DatasetError
        If the source is no dataset, or damaged.
    StoppedError
        If `should_stop` ends it before any episode is whole; nothing is written then.
    KeyboardInterrupt
        After Ctrl-C, once all whole episodes are committed.

    Examples
    --------
    >>> import crafter_dataset
    >>> train, test = crafter_dataset.split(
    ...     "data.zarr", ["train.zarr", "test.zarr"], fractions=[0.5], seed=1
    ... )
    >>> len(train) + len(test) == len(crafter_dataset.open_dataset("data.zarr"))
    True
    """
    if isinstance(outs, str | Path) or not len(outs):
        raise ArgumentError("outs", f"expected a list of paths, found {outs!r}")
    paths = [local_path("outs", out) for out in outs]
    if len({os.path.realpath(path) for path in paths}) != len(paths):
        raise ArgumentError("outs", "expected distinct paths, found one twice")
    shares = tuple(fractions) if fractions else (1 / len(paths),) * len(paths)
    dataset = opened(source)
    for path in paths:
        check_distinct_paths([dataset.path], path)
    parts = dataset.split(*shares, seed=seed, by_world=by_world)
    if len(parts) != len(paths):
        raise ArgumentError(
            "fractions", f"expected shares for {len(paths)} datasets, found {len(parts)} parts"
        )
    for path, part in zip(paths, parts, strict=True):
        if not len(part):
            raise ArgumentError("fractions", f"expected an episode for {path}, found none")
    written: list[Dataset] = []
    for path, part in zip(paths, parts, strict=True):
        chosen = choose_codec(codec, dataset.path, part.metadata.codec, path)
        try:
            stored = store_plan(
                path,
                combine([part_of(part)], chosen),
                resume=resume,
                overwrite=overwrite,
                progress=progress,
                should_stop=should_stop,
            )
        except StoppedError:
            if not written:
                raise
            break
        written.append(stored)
        if stored.metadata.status != "complete":
            break
    return written
