"""One episode of a dataset, read only where it is indexed."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from crafter_dataset.loader.indexing import index_of
from crafter_dataset.loader.reading.recycled import recycled_empty
from crafter_dataset.schemas.container import Cuts
from crafter_dataset.schemas.errors import ArgumentError, CorruptDataError, UnknownNameError
from crafter_dataset.schemas.layout import TABLE
from crafter_dataset.schemas.wording import counted

if TYPE_CHECKING:
    from crafter_dataset.loader.dataset import Dataset

_CPU = (1, 0)
"""Where arrays are, in the terms of DLPack."""


class EpisodeField(NDArrayOperatorsMixin):
    """One field of one episode: an array that is read when it is indexed.

    NumPy's functions, comparisons, arithmetic, `numpy.asarray(field)` and
    `torch.as_tensor(field)` read all of it. Methods of arrays are those of what
    was read: `field[:].sum()`.

    Parameters
    ----------
    dataset : Dataset
        Where it is stored.
    name : str
        Name of the field.
    episode : int
        Id of the episode.
    start, length : int
        First row of the episode in the stored array, and its number of rows.

    Attributes
    ----------
    name : str
        Name of the field.
    dtype : numpy.dtype
        Element type.
    shape : tuple of int
        Shape, frames first.

    Examples
    --------
    >>> import crafter_dataset
    >>> frames = crafter_dataset.open_dataset("data.zarr")[0]["frames"]
    >>> frames.dtype, frames.shape[1:]
    (dtype('uint8'), (64, 64, 3))
    >>> frames[-1].shape, frames[10:26:4].shape
    ((64, 64, 3), (4, 64, 64, 3))
    """

    def __init__(self, dataset: Dataset, name: str, episode: int, start: int, length: int) -> None:
        field = dataset.metadata.frame_field(name)
        self._dataset, self._start, self._episode = dataset, start, episode
        self.name = name
        self.dtype = np.dtype(field.dtype)
        self.shape = (length, *field.row_shape(dataset.metadata.sizes()))

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes that it takes once it is read."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"<{self.name} of episode {self._episode}, shape {self.shape}, {self.dtype}>"

    def read(
        self, start: int = 0, stop: int | None = None, out: NDArray[Any] | None = None
    ) -> NDArray[Any]:
        """Read rows `start` to `stop` of the episode.

        Parameters
        ----------
        start : int
            First row.
        stop : int, optional
            Row after the last; by default the episode's end.
        out : ndarray, shape (stop - start, ...), optional
            Where to put the rows; of the field's dtype.

        Returns
        -------
        ndarray, shape (stop - start, ...)
            The rows, of the field's dtype; `out`, if it was given.

        Raises
        ------
        IndexError
            If the rows are not all in the episode.
        ValueError
            If `out` has another shape or dtype, or is read-only.
        CorruptDataError
            If stored bytes are missing or fail their checksum.
        """
        stop = len(self) if stop is None else stop
        if not 0 <= start <= stop <= len(self):
            raise IndexError(
                f"{self.name} of episode {self._episode}: expected rows within 0 to {len(self)}, "
                f"found {start} to {stop}"
            )
        shape = (stop - start, *self.shape[1:])
        if out is not None and (out.shape != shape or out.dtype != self.dtype):
            raise ArgumentError(
                "out", f"expected shape {shape} of {self.dtype}, found {out.shape} of {out.dtype}"
            )
        if out is not None and not out.flags.writeable:
            raise ArgumentError(
                "out", "expected an array that can be written to, found a read-only one"
            )
        rows = self._room(shape) if out is None else out
        cut = Cuts.one(self._start + start, self._start + stop)
        try:
            self._dataset.container.read_into(self.name, cut, rows[None], keep=True)
        except CorruptDataError as error:
            found = str(error).removeprefix(f"{self.name}: ")
            raise CorruptDataError(
                f"episode {self._episode}, {self.name}[{start}:{stop}]: {found} "
                f"({self._dataset.path})"
            ) from error
        return rows

    def _room(self, shape: tuple[int, ...]) -> NDArray[Any]:
        try:
            return recycled_empty(shape, self.dtype)
        except (MemoryError, ValueError):
            raise CorruptDataError(
                f"episode {self._episode}, {self.name}: expected rows that fit into memory, found "
                f"{shape} ({self._dataset.path})"
            ) from None

    def __getitem__(self, key: Any) -> Any:
        first, *rest = key if isinstance(key, tuple) and key else (key,)
        index = index_of(self._label, first, len(self), str(self._dataset.path))
        if index is not None:
            return self.read(index, index + 1)[(0, *rest)]
        if isinstance(first, slice):
            taken = range(len(self))[first]
            if not taken:
                return self.read(0, 0)[(slice(None), *rest)]
            low, high = min(taken[0], taken[-1]), max(taken[0], taken[-1]) + 1
            return self.read(low, high)[(slice(None, None, taken.step), *rest)]
        return self.read()[key]

    def __iter__(self) -> Iterator[Any]:
        step = self._dataset.metadata.chunk_frames
        for start in range(0, len(self), step):
            yield from self.read(start, min(start + step, len(self)))

    def __bool__(self) -> bool:
        return bool(self.read())  # as of an array: an error, unless it has one element

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError(f"{self._label}: expected copy=None, as it is read, found copy=False")
        rows = self.read()
        return rows if dtype is None else rows.astype(dtype, copy=False)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if any(isinstance(out, EpisodeField) for out in options.get("out", ())):
            raise TypeError(f"{self._label}: expected only reading, found {ufunc.__name__} into it")
        values = [np.asarray(v) if isinstance(v, EpisodeField) else v for v in inputs]
        return getattr(ufunc, method)(*values, **options)

    # What PyTorch looks for before it takes an object for a list.
    def __dlpack__(self, **options: Any) -> Any:
        return self.read().__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return _CPU

    def __getattr__(self, name: str) -> Any:
        known = hasattr(np.ndarray, name) and not name.startswith("_")
        hint = f"; read it first, as in field[:].{name}" if known else ""
        raise AttributeError(f"'EpisodeField' object has no attribute {name!r}{hint}")

    @property
    def _label(self) -> str:
        return f"{self.name} of episode {self._episode}"


class Episode:
    """One episode: a mapping of field names to arrays that are read when they are indexed.

    `len(episode)` is its number of frames; iterating over it, as over a dict,
    yields the names of its fields.

    An episode of T actions has T + 1 rows; its last row is the final frame,
    whose action, reward and flags are 0.

    Parameters
    ----------
    dataset : Dataset
        Where it is stored.
    row : numpy.void, dtype TABLE_DTYPE
        Its record of the episodes table.

    Attributes
    ----------
    id : int
        Number of the episode in its dataset.
    length : int
        Number of rows, T + 1.
    episode_return : float
        Sum of the rewards.
    world_seed : int
        Seed of the RandomState that made its world; -1 if it is not known.

    Examples
    --------
    >>> import crafter_dataset
    >>> episode = crafter_dataset.open_dataset("data.zarr")[0]
    >>> episode["frames"][10:26].shape
    (16, 64, 64, 3)
    >>> rewards = episode.load(["actions", "rewards"])["rewards"]
    >>> bool(abs(rewards.sum() - episode.episode_return) < 1e-3)
    True
    """

    def __init__(self, dataset: Dataset, row: np.void) -> None:
        self._dataset = dataset
        self._start = int(row["starts"])
        self.id = int(row["episode_ids"])
        self.length = int(row["lengths"])
        self.episode_return = float(row["returns"])
        self._end_code = int(row["end_reasons"])
        self.world_seed = int(row["world_seeds"])

    def __getitem__(self, name: str) -> EpisodeField:
        if name not in self._dataset.fields:
            raise UnknownNameError(
                "field",
                f"expected one of {', '.join(self._dataset.fields)}, found {name!r} "
                f"({self._dataset.path})",
            )
        return EpisodeField(self._dataset, name, self.id, self._start, self.length)

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __contains__(self, name: object) -> bool:
        return name in self._dataset.fields

    def keys(self) -> tuple[str, ...]:
        """Return the names of the fields."""
        return self._dataset.fields

    def items(self) -> Iterator[tuple[str, EpisodeField]]:
        """Yield each field's name and the field."""
        return ((name, self[name]) for name in self)

    def values(self) -> Iterator[EpisodeField]:
        """Yield each field."""
        return (self[name] for name in self)

    def __repr__(self) -> str:
        end = self._end_name() or f"end reason {self._end_code}"
        length = counted(self.length, "frame")
        return f"<Episode {self.id}: {length}, return {self.episode_return:.1f}, {end}>"

    @property
    def end_reason(self) -> str:
        """Why it ended: `terminated`, `time_limit`, `cut` or `unknown`.

        Raises
        ------
        CorruptDataError
            If the stored code stands for none of these.
        """
        name = self._end_name()
        if name is None:
            known = len(self._dataset.metadata.end_reasons)
            raise CorruptDataError(
                f"episode {self.id}, end_reasons: expected 0 to {known - 1}, found "
                f"{self._end_code} ({self._dataset.path})"
            )
        return name

    def _end_name(self) -> str | None:
        names = self._dataset.metadata.end_reasons
        return names[self._end_code] if self._end_code < len(names) else None

    @property
    def terrain(self) -> NDArray[np.uint8]:
        """Material ids of the world at reset: uint8, shape `area`, indexed [x, y].

        Raises
        ------
        UnknownNameError
            If the dataset does not store it, as an imported one may not; the
            error is a KeyError.
        CorruptDataError
            If stored bytes are missing or fail their checksum.
        """
        terrain: NDArray[np.uint8] = self._table_row("terrain")
        return terrain

    @property
    def has_final_frame(self) -> bool:
        """Whether the last row holds the final frame; otherwise it holds fill values.

        Datasets imported from formats that drop the final frame lack it.

        Raises
        ------
        CorruptDataError
            If stored bytes are missing or fail their checksum.
        """
        absent = "final_frames" not in self._dataset.metadata.episode_fields
        return absent or bool(self._table_row("final_frames"))

    def _table_row(self, name: str) -> Any:
        """Read this episode's row of one of the arrays that `Dataset.episodes` leaves out."""
        if name not in self._dataset.metadata.episode_fields:
            raise UnknownNameError(
                name, f"expected it for every episode, found none in {self._dataset.path}"
            )
        try:
            return self._dataset.container.read(f"{TABLE}/{name}", self.id, self.id + 1)[0]
        except CorruptDataError as error:
            found = str(error).removeprefix(f"{TABLE}/{name}: ")
            raise CorruptDataError(
                f"episode {self.id}, {name}: {found} ({self._dataset.path})"
            ) from error

    def load(self, fields: Collection[str] | None = None) -> dict[str, NDArray[Any]]:
        """Read whole fields into memory.

        Parameters
        ----------
        fields : collection of str, optional
            Their names; by default all.

        Returns
        -------
        dict of str to ndarray, shape (T + 1, ...)
            All rows of each field, by its name.

        Raises
        ------
        UnknownNameError
            If there is no field of that name; the error is a KeyError.
        CorruptDataError
            If stored bytes are missing or fail their checksum.
        """
        return {name: self[name].read() for name in (self if fields is None else fields)}
