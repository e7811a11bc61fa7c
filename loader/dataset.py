"""A dataset as a sequence of lazy episodes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crafter_dataset.loader.container import CACHE_BYTES, is_address, open_container
from crafter_dataset.loader.episode import Episode
from crafter_dataset.loader.split import split_groups
from crafter_dataset.schemas.container import Container
from crafter_dataset.schemas.errors import CorruptDataError
from crafter_dataset.schemas.layout import TABLE, TABLE_FIELDS
from crafter_dataset.schemas.metadata import Metadata, SourceSpec, provenance_of

TABLE_DTYPE = np.dtype(
    [
        ("episode_ids", "i8"),
        ("starts", "i8"),
        ("lengths", "i8"),
        ("returns", "f4"),
        ("end_reasons", "u1"),
        ("world_seeds", "i8"),
    ]
)
"""One record of `Dataset.episodes`; the names are those on disk. An unknown world seed is -1."""


def open_dataset(
    path: str | Path, *, cache_bytes: int = CACHE_BYTES, threads: int | None = None
) -> Dataset:
    """Open a dataset, whole or still being built.

    Parameters
    ----------
    path : str or Path
        Folder of the dataset, or its HDF5 file; or a zip file of the folder, or an
        address such as `s3://bucket/data.zarr`, which are read through
        zarr-python, slowly.
    cache_bytes : int
        Bytes of decoded chunks that each process keeps. Twice the size of a
        decoded array keeps all of it, after the first look.
    threads : int, optional
        Threads that decode at once; by default the usable cores, at most 8,
        and one in a worker process.

    Returns
    -------
    Dataset
        All episodes that are committed now.

    Raises
    ------
    NotADatasetError, VersionError, MetadataError, CorruptDataError
        If the path holds no dataset that this software can read.
    """
    return Dataset(path, cache_bytes=cache_bytes, threads=threads)


class Dataset(Sequence[Episode]):
    """Episodes of a dataset, or some of them: a sequence that reads nothing until asked.

    It can be pickled, and used after a fork or in a spawned process: each
    process opens the files for itself.

    Attributes
    ----------
    path : Path or str
        Folder or file of the dataset, or its address.
    metadata : Metadata
        Settings, names and counts.
    episodes : ndarray, shape (len(self),), dtype TABLE_DTYPE
        The episodes table: id, first row, length, return, end reason (an
        index into `metadata.end_reasons`) and world seed.
    """

    def __init__(
        self, path: str | Path, *, cache_bytes: int = CACHE_BYTES, threads: int | None = None
    ) -> None:
        # The current folder may change.
        self.path = str(path) if is_address(path) else Path(path).absolute()
        self._options: dict[str, Any] = {"cache_bytes": cache_bytes, "threads": threads}
        container = self.container
        self.metadata = Metadata.from_attributes(container.attributes, str(path))
        self.episodes = self._read_table(container)
        self._check_rows()
        self.episodes.flags.writeable = False

    def _read_table(self, container: Container) -> NDArray[Any]:
        """Read the episodes table; memory is taken only once its columns were found there."""
        count = self.metadata.counts.episodes
        columns = {}
        for name in TABLE_DTYPE.names or ():
            if name in self.metadata.episode_fields:
                try:
                    values = container.read(f"{TABLE}/{name}", 0, count)
                except (CorruptDataError, MemoryError) as error:
                    text = str(error) or f"{TABLE}/{name}: expected rows that fit into memory"
                    raise CorruptDataError(f"{text} ({self.path})") from error
                expected = (count,), np.dtype(TABLE_FIELDS[name].dtype)
                if (values.shape, values.dtype) != expected:
                    raise CorruptDataError(
                        f"{TABLE}/{name}: expected shape {expected[0]} of {expected[1]}, found "
                        f"{values.shape} of {values.dtype} ({self.path})"
                    )
                columns[name] = values
        table = np.zeros(count, TABLE_DTYPE)
        table["episode_ids"] = np.arange(count)
        table["world_seeds"] = -1
        for name, values in columns.items():
            table[name] = values
        return table

    def _check_rows(self) -> None:
        """Refuse a table whose episodes do not lie within the rows."""
        rows, table = self.metadata.counts.rows, self.episodes
        starts, lengths = table["starts"], table["lengths"]
        wrong = (lengths < 1) | (lengths > rows) | (starts < 0) | (starts > rows - lengths)
        if wrong.any():
            episode = int(wrong.argmax())
            raise CorruptDataError(
                f"episode {episode}: expected its rows within 0 to {rows}, found "
                f"{lengths[episode]} from {starts[episode]} on ({self.path})"
            )
        chunk = self.metadata.chunk_frames
        covered = int((starts + -(-lengths // chunk) * chunk).max(initial=0))
        if rows > covered:
            raise CorruptDataError(
                f"counts.rows: expected at most {covered}, where the last episode ends, found "
                f"{rows} ({self.path})"
            )

    @property
    def container(self) -> Container:
        """The open files; opened anew in a process that was forked."""
        if self.__dict__.get("_pid") != os.getpid():
            container = open_container(self.path, **self._options)
            if "metadata" in self.__dict__:
                self._check_same(container)
            self._container, self._pid = container, os.getpid()
        return self._container

    def _check_same(self, container: Container) -> None:
        """Refuse a dataset that was built anew since this one was opened."""
        now, then = Metadata.from_attributes(container.attributes, str(self.path)), self.metadata
        if (
            now.header() != then.header()
            or (now.chunk_frames, now.codec) != (then.chunk_frames, then.codec)
            or now.counts.episodes < then.counts.episodes
        ):
            raise CorruptDataError(
                f"{self.path}: expected the dataset that was opened, found another one in its place"
            )

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the per-frame fields."""
        return self.metadata.known_fields()

    @property
    def provenance(self) -> dict[str, Any]:
        """When, where and how the dataset was built."""
        return provenance_of(self.container.attributes)

    @property
    def frames(self) -> int:
        """Frames in these episodes, padding not counted."""
        return int(self.episodes["lengths"].sum())

    def __len__(self) -> int:
        return len(self.episodes)

    @overload
    def __getitem__(self, index: int) -> Episode: ...

    @overload
    def __getitem__(self, index: slice) -> Dataset: ...

    def __getitem__(self, index: int | slice) -> Episode | Dataset:
        if isinstance(index, str):  # type: ignore[unreachable]
            raise TypeError(
                f"dataset: expected the index of an episode, found {index!r}; a field belongs to "
                f"an episode, as in dataset[0][{index!r}]"
            )
        if isinstance(index, slice):
            return self._take(self.episodes[index])
        return Episode(self, self.episodes[index])

    def __iter__(self) -> Iterator[Episode]:
        return (Episode(self, row) for row in self.episodes)

    def __repr__(self) -> str:
        return f"<Dataset {self.path}: {len(self):,} episodes, {self.frames:,} frames>"

    def by_id(self, episode: int) -> Episode:
        """Give the episode with an id, which in a part of a dataset is not its index.

        Raises
        ------
        KeyError
            If it is not among these episodes.
        """
        found = np.flatnonzero(self.episodes["episode_ids"] == episode)
        if not len(found):
            raise KeyError(f"{self.path}: expected an episode {episode}, found none")
        return Episode(self, self.episodes[found[0]])

    def origin(self, index: int) -> tuple[SourceSpec, int]:
        """Tell which build an episode comes from, and its number there.

        Returns
        -------
        source : SourceSpec
            Seed, policy and trajectories per world of the build.
        number : int
            Number of the episode in it; the id, unless episodes were left out or merged.
        """
        meta, episode = self.metadata, int(self.episodes["episode_ids"][index])
        found = {"sources": 0, "numbers": episode}
        for name in found:
            if name in meta.episode_fields:
                found[name] = int(self.container.read(f"{TABLE}/{name}", episode, episode + 1)[0])
        sources = meta.sources or (SourceSpec(meta.seed, meta.policy, meta.trajectories_per_world),)
        if found["sources"] >= len(sources):
            raise CorruptDataError(
                f"episode {episode}, sources: expected 0 to {len(sources) - 1}, found "
                f"{found['sources']} ({self.path})"
            )
        return sources[found["sources"]], found["numbers"]

    def filter(self, keep: ArrayLike | Callable[[NDArray[Any]], ArrayLike]) -> Dataset:
        """Give the episodes for which a condition holds.

        Parameters
        ----------
        keep : array_like of bool, or callable
            A mask with one value an episode, or a function that gives it from
            the episodes table: `lambda table: table["returns"] > 3`.

        Raises
        ------
        ValueError
            If the mask does not fit.
        """
        mask = np.asarray(keep(self.episodes) if callable(keep) else keep)
        if mask.shape != (len(self),) or mask.dtype != np.bool_:
            raise ValueError(
                f"filter: expected {len(self)} bools, found shape {mask.shape} of {mask.dtype}"
            )
        return self._take(self.episodes[mask])

    def split(self, *fractions: float, seed: int = 0, by_world: bool = False) -> list[Dataset]:
        """Split the episodes at random into disjoint parts.

        Parameters
        ----------
        *fractions : float
            Share of each part; if they add up to less than 1, one more part
            takes the rest: `train, test = dataset.split(0.9)`.
        seed : int
            The parts are a pure function of it and of the episodes.
        by_world : bool
            Keep the episodes of a world together, so that no map is in two
            parts.

        Raises
        ------
        ValueError
            If the fractions are not positive or add up to more than 1, or the
            worlds are not known.
        """
        if by_world and "world_seeds" not in self.metadata.episode_fields:
            raise ValueError(
                f"split: expected known world seeds for by_world=True, found none ({self.path})"
            )
        groups = self.episodes["world_seeds" if by_world else "episode_ids"]
        parts = split_groups(groups, fractions, seed)
        return [self._take(self.episodes[part]) for part in parts]

    def _take(self, episodes: NDArray[Any]) -> Dataset:
        part = object.__new__(Dataset)
        part.__dict__ |= self.__dict__
        part.episodes = episodes
        episodes.flags.writeable = False
        return part

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("_container", "_pid")}
