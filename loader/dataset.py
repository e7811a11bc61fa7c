"""A dataset as a sequence of lazy episodes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crafter_dataset.loader.container import located
from crafter_dataset.loader.episode import Episode
from crafter_dataset.loader.indexing import chosen, index_of
from crafter_dataset.loader.players import player_names, read_players
from crafter_dataset.loader.selection import condition_mask, ids_mask
from crafter_dataset.loader.shared_container import SharedContainer
from crafter_dataset.loader.split import split_groups
from crafter_dataset.loader.table import END, POLICY, TABLE_DTYPE, EpisodeTable
from crafter_dataset.schemas.container import Container
from crafter_dataset.schemas.errors import (
    ArgumentError,
    CorruptDataError,
    MissingPackageError,
    UnknownNameError,
)
from crafter_dataset.schemas.layout import TABLE, TABLE_FIELDS, padded_rows
from crafter_dataset.schemas.metadata import Metadata, SourceSpec, provenance_of
from crafter_dataset.schemas.progress import ProgressOption, Report, reporting
from crafter_dataset.schemas.wording import counted

if TYPE_CHECKING:
    from crafter_dataset.engine.state import CrafterState
    from crafter_dataset.envs.single import CrafterEnv
    from crafter_dataset.loader.summary import Summary


BRANCH_FIELDS = ("frames", "rewards", "terminations", "truncations")
"""What `Dataset.branch` returns by default."""


def open_dataset(
    path: str | Path,
    *,
    cache_bytes: int | None = None,
    threads: int | None = None,
    in_memory: bool = False,
    progress: ProgressOption = None,
) -> Dataset:
    """Open a dataset, complete or still being built.

    Parameters
    ----------
    path : str or Path
        Folder of the dataset, or its HDF5 file. Also a zip file of the folder,
        or an address such as `s3://bucket/data.zarr`; these are read through
        zarr-python, slowly.
    cache_bytes : int, optional
        Bytes of decoded chunks that each process keeps, 0 or more; by default
        64 MiB, or 256 MiB if pictures are drawn. Twice the size of a decoded
        array keeps all of it once it was read.
    threads : int, optional
        Threads that decode at once, 1 or more; by default the usable cores, at
        most 8, or one in a worker process.
    in_memory : bool
        Read all of it into memory now, for forked and spawned workers to share;
        files are not looked at any more. All is kept as it is stored, but for
        what each window needs a few rows of: actions, rewards, flags, and
        of drawn frames `inventory`, `sleeping` and `random_words` (35 bytes a
        frame).
    progress : bool or callable, optional
        As for `build`, while it is read into memory.

    Returns
    -------
    Dataset
        All episodes that are committed now.

    Raises
    ------
    NotADatasetError, VersionError, MetadataError, CorruptDataError
        If the path holds no dataset that this software can read.
    ValueError
        If `cache_bytes` or `threads` is out of its range.

    Examples
    --------
    >>> import crafter_dataset
    >>> dataset = crafter_dataset.open_dataset("data.zarr")
    >>> dataset[3]["frames"][10:26].shape
    (16, 64, 64, 3)
    """
    if not in_memory:
        return Dataset(path, cache_bytes=cache_bytes, threads=threads)
    with reporting(progress) as report:
        return Dataset(path, cache_bytes=cache_bytes, threads=threads, report=report)


class Dataset(Sequence[Episode]):
    """The episodes of a dataset, or some of them: a sequence whose episodes are read lazily.

    Indexed by an integer it returns an `Episode`; by a slice, a mask, or a list
    or array of indices, a `Dataset` of those episodes, in that order.

    It keeps files open until it and all parts of it are gone, or `close` is
    called; `with open_dataset(path) as dataset:` does so at the end.

    It can be pickled, and used in forked or spawned processes: each process
    opens the files for itself.

    Parameters
    ----------
    path : str or Path
        As for `open_dataset`.
    cache_bytes : int, optional
        As for `open_dataset`.
    threads : int, optional
        As for `open_dataset`.
    report : callable, optional
        Takes a `Progress` now and then; the dataset is read into memory if it is given.

    Attributes
    ----------
    path : Path or str
        Folder or file of the dataset, absolute, or its address.
    metadata : Metadata
        Settings, names and counts of the whole dataset.

    Raises
    ------
    NotADatasetError, VersionError, MetadataError, CorruptDataError
        If the path holds no dataset that this software can read.
    ValueError
        If `cache_bytes` or `threads` is out of its range.

    Examples
    --------
    >>> import crafter_dataset
    >>> dataset = crafter_dataset.open_dataset("data.zarr")
    >>> dataset.frames == sum(len(episode) for episode in dataset)
    True
    >>> train, test = dataset.filter("length > 100").split(0.8)
    >>> train[0]["frames"][:16].shape
    (16, 64, 64, 3)
    """

    def __init__(
        self,
        path: str | Path,
        *,
        cache_bytes: int | None = None,
        threads: int | None = None,
        report: Report | None = None,
    ) -> None:
        # The current folder may change.
        where = located(path)
        self.path = where.absolute() if isinstance(where, Path) else where
        self._files = SharedContainer(self.path, cache_bytes, threads, report)
        self._table: EpisodeTable | None = None
        container = self._files.container()
        self.metadata = Metadata.from_attributes(container.attributes, str(path))
        self._records = self._read_records(container)
        self._check_rows()
        self._records.flags.writeable = False

    def _read_records(self, container: Container) -> NDArray[Any]:
        """Read the episodes table; memory is taken only once its columns have been read."""
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
        rows, table = self.metadata.counts.rows, self._records
        starts, lengths = table["starts"], table["lengths"]
        wrong = (lengths < 1) | (lengths > rows) | (starts < 0) | (starts > rows - lengths)
        if wrong.any():
            episode = int(wrong.argmax())
            raise CorruptDataError(
                f"episode {episode}: expected its rows within 0 to {rows}, found "
                f"{lengths[episode]} from {starts[episode]} on ({self.path})"
            )
        chunk = self.metadata.chunk_frames
        covered = int((starts + padded_rows(lengths, chunk)).max(initial=0))
        if rows > covered:
            raise CorruptDataError(
                f"counts.rows: expected at most {covered}, where the last episode ends, found "
                f"{rows} ({self.path})"
            )
        # What runs over rows is bounded by the episodes, which are there: a file can put the last
        # one anywhere at no cost.
        most = len(table) * padded_rows(self.metadata.env.length + 1, chunk)
        if rows > most:
            raise CorruptDataError(
                f"counts.rows: expected at most {most} for {counted(len(table), 'episode')}, found "
                f"{rows} ({self.path})"
            )

    @property
    def container(self) -> Container:
        """The open files; opened again in a forked process.

        Raises
        ------
        ArgumentError
            If the dataset was closed; the error is a ValueError.
        """
        return self._files.container(self._check_same)

    def close(self) -> None:
        """Close the files of this dataset and of all parts of it in this process.

        What was read stays: metadata, the episodes table, and arrays. Reading
        more is an error then. Closing it again does nothing.
        """
        self._files.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _check_same(self, container: Container) -> None:
        """Refuse a dataset that was rebuilt since this one was opened."""
        now, then = Metadata.from_attributes(container.attributes, str(self.path)), self.metadata
        if (
            now.header() != then.header()
            or (now.chunk_frames, now.codec) != (then.chunk_frames, then.codec)
            or now.counts.episodes < then.counts.episodes
            or (now.counts == then.counts and then.digest not in (None, now.digest))
        ):
            raise CorruptDataError(
                f"{self.path}: expected the dataset that was opened, found another one in its place"
            )

    @property
    def episodes(self) -> EpisodeTable:
        """The episodes as a table: columns by name, such as `lengths`, `returns` or `end`."""
        if self._table is None:
            stored = "achievements" in self.fields
            self._table = EpisodeTable(
                self._records,
                self.metadata.end_reasons,
                self.metadata.achievements if stored else (),
                functools.partial(_reached, self),
                str(self.path),
                player_names(self.metadata),
                functools.partial(read_players, self),
            )
        return self._table

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the per-frame fields that can be read."""
        return self.metadata.known_fields()

    @property
    def provenance(self) -> dict[str, Any]:
        """When, where and how the dataset was built."""
        return provenance_of(self.container.attributes)

    @property
    def frames(self) -> int:
        """Number of frames in these episodes, without padding."""
        return int(self._records["lengths"].sum())

    def __len__(self) -> int:
        return len(self._records)

    @overload
    def __getitem__(self, index: int) -> Episode: ...

    @overload
    def __getitem__(self, index: slice | list[int] | list[bool] | NDArray[Any]) -> Dataset: ...

    def __getitem__(self, index: int | slice | ArrayLike) -> Episode | Dataset:
        """Return an episode by its index, or those of a slice, a mask or a list of indices."""
        if isinstance(index, slice):
            return self._take(self._records[index])
        if isinstance(index, str):
            raise TypeError(
                f"dataset: expected the index of an episode, found {index!r}; a field belongs to "
                f"an episode, as in dataset[0][{index!r}]"
            )
        single = index_of("dataset", index, len(self), str(self.path))
        if single is not None:
            return Episode(self, self._records[single])
        wanted = chosen("dataset", index, len(self), str(self.path))
        numbers, counts = np.unique(wanted, return_counts=True)
        if (counts > 1).any():
            raise IndexError(
                f"dataset: expected each episode once, found index {numbers[counts.argmax()]} "
                f"{counts.max()} times ({self.path})"
            )
        return self._take(self._records[wanted])

    def __iter__(self) -> Iterator[Episode]:
        return (Episode(self, row) for row in self._records)

    def __repr__(self) -> str:
        from crafter_dataset.loader.report import short_lines

        first, *rest = short_lines(self)
        return "\n ".join([f"<Dataset {self.path}: {first}", *rest]) + ">"

    def _repr_html_(self) -> str:
        from crafter_dataset.loader.report import html

        return html(self)

    def summary(self) -> Summary:
        """Return statistics of these episodes, see `summarize`.

        Returns
        -------
        Summary
            Statistics of these episodes alone.

        Raises
        ------
        CorruptDataError
            If stored bytes are missing or fail their checksum.
        """
        from crafter_dataset.loader.summary import summary_of

        return summary_of(self)

    def to_pandas(self) -> Any:
        """Return the episodes table as a DataFrame.

        Returns
        -------
        pandas.DataFrame
            One row per episode. Columns `id`, `length` (frames), `return`,
            `end`, `policy`, `world_seed`; if the dataset stores achievements, also
            `achievements` (how many were reached) and a bool column for each.

        Raises
        ------
        MissingPackageError
            If pandas is not installed.
        CorruptDataError
            If stored bytes are missing or fail their checksum.
        """
        try:
            import pandas
        except ModuleNotFoundError as error:
            raise MissingPackageError("pandas", "pandas") from error
        table = self.episodes
        names = [name for name in table.columns if name not in (TABLE_DTYPE.names or ())]
        return pandas.DataFrame({name: table[name] for name in names})

    def by_id(self, episode: int) -> Episode:
        """Return the episode with an id, which in a part of a dataset is not its index.

        Parameters
        ----------
        episode : int
            Number of the episode in the whole dataset.

        Returns
        -------
        Episode
            The one whose `id` that is.

        Raises
        ------
        UnknownNameError
            If it is not among these episodes; the error is a KeyError.
        """
        found = np.flatnonzero(self._records["episode_ids"] == episode)
        if not len(found):
            ids = self._records["episode_ids"]
            there = f", which are from {ids.min()} to {ids.max()}" if len(ids) else ""
            raise UnknownNameError(
                "id",
                f"expected the id of one of {counted(len(ids), 'episode')}{there}, found {episode} "
                f"({self.path})",
            )
        return Episode(self, self._records[found[0]])

    def origin(self, index: int) -> tuple[SourceSpec, int]:
        """Return which build an episode comes from, and its number there.

        Parameters
        ----------
        index : int
            Index of the episode here; negative from the end.

        Returns
        -------
        source : SourceSpec
            Seed, policy and trajectories per world of the build.
        number : int
            Number of the episode in it; its id, unless episodes were left out or
            merged.

        Raises
        ------
        IndexError
            If there is no such episode.
        CorruptDataError
            If stored bytes are missing or fail their checksum, or name no source.
        """
        meta, episode = self.metadata, self[index].id
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

    def state_at(self, episode: int, frame: int) -> CrafterState:
        """Return the state of the game at a frame, had again from the episode's seed and actions.

        Parameters
        ----------
        episode : int
            Index of the episode here; negative from the end.
        frame : int
            Number of the frame in it; negative from the end.

        Returns
        -------
        CrafterState
            The whole state, random numbers included, for `set_state` of an environment.

        Raises
        ------
        IndexError
            If there is no such episode or frame.
        ArgumentError
            If world seeds are not known, as of imported datasets, or another simulator than the
            one installed has made the episodes; the error is a ValueError.
        EngineError
            If the fast engine cannot be used.
        CorruptDataError
            If stored bytes are missing or fail their checksum, or are not what happens.

        Examples
        --------
        >>> dataset = crafter_dataset.open_dataset("data.zarr")
        >>> state = dataset.state_at(3, 40)
        >>> bool((state.frame == dataset[3]["frames"][40]).all())
        True
        """
        from crafter_dataset.loader.replays import state_at

        return state_at(self, "state_at", episode, frame)

    def env_at(self, episode: int, frame: int, *, engine: str = "fast") -> CrafterEnv:
        """Return an environment that goes on from a frame just as the episode's own did.

        Parameters
        ----------
        episode : int
            Index of the episode here; negative from the end.
        frame : int
            Number of the frame in it; negative from the end.
        engine : {'fast', 'crafter'}
            What plays on, as for `CrafterEnv`; the same bits.

        Returns
        -------
        CrafterEnv
            Ready for `step`; its `render()` gives the frame.

        Raises
        ------
        IndexError
            If there is no such episode or frame.
        ArgumentError
            As of `state_at`; the error is a ValueError.
        EngineError
            If an engine cannot be used.
        CorruptDataError
            As of `state_at`.

        Examples
        --------
        >>> dataset = crafter_dataset.open_dataset("data.zarr")
        >>> env = dataset.env_at(3, 40)
        >>> frame, reward, terminated, truncated, info = env.step(dataset[3]["actions"][40])
        >>> bool((frame == dataset[3]["frames"][41]).all())
        True
        """
        from crafter_dataset.envs.single import CrafterEnv
        from crafter_dataset.loader.replays import state_at

        state = state_at(self, "env_at", episode, frame)
        env = CrafterEnv(
            state.area, state.view, state.size, state.length, state.reward, "rgb_array", engine
        )
        env.set_state(state)
        return env

    def branch(
        self,
        starts: ArrayLike,
        actions: ArrayLike,
        *,
        fields: Collection[str] = BRANCH_FIELDS,
        threads: int | None = None,
        out: dict[str, NDArray[Any]] | None = None,
    ) -> dict[str, NDArray[Any]]:
        """Return what would have happened, had other actions been taken from some frames on.

        It is played by the fast engine, from the state of the game at each frame: so these are no
        estimates, and with the recorded actions the result is what was recorded, bit for bit.
        Where a collection cut an episode, the game goes on. Each episode is played once, up to its
        last start.

        Parameters
        ----------
        starts : array_like, shape (branches, 2), int
            Index of an episode here, and number of a frame in it; negative ones count from the
            end.
        actions : array_like, shape (branches, horizon), int
            Actions to take from there on, 0 to 16.
        fields : collection of str
            What to return: `rewards`, `terminations`, `truncations`, and any that are seen
            (`frames`, `semantic`, `positions`, `inventory`, `achievements`, `daylight`), whether
            the dataset stores them or not. Without `frames` nothing is drawn.
        threads : int, optional
            Threads that play, 1 or more; by default the usable cores, at most 8, or one in a
            worker process. The result does not depend on it.
        out : dict of str to ndarray, optional
            Where to put the result: what an earlier call of the same shapes has returned. New
            memory can take as long as what is written to it.

        Returns
        -------
        dict of str to ndarray
            Those of `out`, if it was given. By field: (branches, horizon + 1, ...) of what is seen,
            the frame of the start first; (branches, horizon) of the others. `valid`: bool
            (branches, horizon), true where the action was taken: false after an episode's end.
            Rows after an end are zeros.

        Raises
        ------
        ArgumentError
            If an argument is not as above, or as of `state_at`; the error is a ValueError.
        EngineError
            If the fast engine cannot be used.
        CorruptDataError
            As of `state_at`.

        Examples
        --------
        >>> dataset = crafter_dataset.open_dataset("data.zarr")
        >>> true = dataset.branch([(3, 40), (0, 7)], [[5, 5, 5], [1, 1, 1]])
        >>> true["frames"].shape, true["rewards"].shape, true["valid"].shape
        ((2, 4, 64, 64, 3), (2, 3), (2, 3))
        """
        from crafter_dataset.loader.branches import branch

        return branch(self, starts, actions, fields, threads, out)

    def filter(self, keep: str | ArrayLike | Callable[[EpisodeTable], ArrayLike]) -> Dataset:
        """Return the episodes for which a condition holds.

        Parameters
        ----------
        keep : str, callable, or array_like, shape (len(self),), bool
            A condition as `convert-dataset --filter` takes it, such as
            `"return > 3 and end == 'terminated'"`; or a mask; or a function
            that returns a mask from the `EpisodeTable`, such as
            `lambda table: table["return"] > 3`.

        Returns
        -------
        Dataset
            These episodes, in the same order.

        Raises
        ------
        ArgumentError
            If the text is not a condition, or the mask does not fit; the error
            is a ValueError.
        CorruptDataError
            If a condition on achievements needs bytes that are missing or fail
            their checksum.

        Examples
        --------
        >>> dataset = crafter_dataset.open_dataset("data.zarr")
        >>> long = dataset.filter("length > 100 and not collect_diamond")
        >>> len(long) <= len(dataset)
        True
        """
        if isinstance(keep, str):
            names = {END: self.metadata.end_reasons, POLICY: self.episodes.policies}
            return self._take(self._records[condition_mask(self.episodes, keep, names)])
        mask = np.asarray(keep(self.episodes) if callable(keep) else keep)
        if mask.shape != (len(self),) or mask.dtype != np.bool_:
            raise ArgumentError(
                "filter", f"expected {len(self)} bools, found shape {mask.shape} of {mask.dtype}"
            )
        return self._take(self._records[mask])

    def select(self, episodes: str | Iterable[int]) -> Dataset:
        """Return the episodes with some ids, in the dataset's order.

        Parameters
        ----------
        episodes : str or iterable of int
            Ids; or a text as `convert-dataset --episodes` takes it, such as
            `"0:100,250"`.

        Returns
        -------
        Dataset
            Each of these episodes once.

        Raises
        ------
        ArgumentError
            If an id is not among these episodes, or the text is not such a list;
            the error is a ValueError.
        """
        if isinstance(episodes, str):
            return self._take(self._records[ids_mask(self.episodes, episodes)])
        wanted = np.array(list(episodes), np.int64)
        ids = self._records["episode_ids"]
        missing = np.setdiff1d(wanted, ids)
        if len(missing):
            there = f"{ids.min()} to {ids.max()}" if len(ids) else "none"
            raise ArgumentError(
                "episodes", f"expected some of the episodes {there}, found {missing[0]}"
            )
        return self._take(self._records[np.isin(ids, wanted)])

    def split(self, *fractions: float, seed: int = 0, by_world: bool = False) -> list[Dataset]:
        """Split the episodes at random into disjoint parts.

        Parameters
        ----------
        *fractions : float
            Share of each part; if they add up to less than 1, one more part
            takes the rest: `train, test = dataset.split(0.9)`.
        seed : int
            Seed of the shuffle; the same episodes and arguments make the same
            parts.
        by_world : bool
            Whether to keep the episodes of a world together, so that no map is
            in two parts.

        Returns
        -------
        list of Dataset
            The parts, each in the order of this dataset.

        Raises
        ------
        ArgumentError
            If the fractions are not positive or add up to more than 1, or the
            worlds are not known; the error is a ValueError.
        """
        if by_world and "world_seeds" not in self.metadata.episode_fields:
            raise ArgumentError("by_world", f"expected known world seeds, found none ({self.path})")
        groups = self._records["world_seeds" if by_world else "episode_ids"]
        parts = split_groups(groups, fractions, seed)
        return [self._take(self._records[part]) for part in parts]

    def _take(self, records: NDArray[Any]) -> Dataset:
        part = object.__new__(Dataset)
        part.__dict__ |= self.__dict__
        # In their order in memory, too: others take no arrays that run backwards.
        part._records, part._table = np.ascontiguousarray(records), None
        part._records.flags.writeable = False
        return part

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_table": None}


def _reached(dataset: Dataset) -> NDArray[np.bool_]:
    """Read which achievements were reached in each of a dataset's episodes."""
    from crafter_dataset.loader.summary import reached_achievements

    return reached_achievements(dataset)


def opened(source: Dataset | str | Path) -> Dataset:
    """Return a dataset, opened if it is not.

    Parameters
    ----------
    source : Dataset, str or Path
        A dataset or a part of one, or where it is.

    Raises
    ------
    DatasetError
        If there is none that can be read.
    """
    return source if isinstance(source, Dataset) else open_dataset(source)
