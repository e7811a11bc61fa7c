"""The episodes of a dataset as a table, with the columns that filters use."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.loader.indexing import chosen, index_of
from crafter_dataset.schemas.errors import UnknownNameError
from crafter_dataset.schemas.wording import counted

TABLE_DTYPE = np.dtype(
    [
        ("episode_ids", "i8"),
        ("starts", "i8"),
        ("lengths", "i8"),
        ("returns", "f4"),
        ("end_reasons", "u1"),
        ("world_seeds", "i8"),
    ],
    align=True,  # PyTorch and others take no columns but such that lie on multiples of their size
)
"""One record of a table; the names are those on disk. An unknown world seed is -1."""

ALIASES = {
    "id": "episode_ids",
    "length": "lengths",
    "return": "returns",
    "world_seed": "world_seeds",
}
"""Names that filters use for columns of `TABLE_DTYPE`."""

END, POLICY, ACHIEVEMENTS = "end", "policy", "achievements"
"""Columns that are worked out: the names of end reason and policy, how many achievements."""


class EpisodeTable:
    """The episodes as a table: one row per episode, columns by name.

    Columns are those on disk and those that filters use:

    - `episode_ids`, `starts`, `lengths`, `world_seeds` (int64), `returns`
      (float32), `end_reasons` (uint8)
    - `id`, `length` (frames), `return`, `world_seed`: the same under the names
      of filters
    - `end`: the end reason's name, str
    - `policy`: the name of the policy that played it, str
    - `achievements`: how many were reached, int64
    - the name of each achievement: whether it was reached, bool

    Those of achievements exist if the dataset stores achievements. They and the
    policies of a mixture are read when they are first asked for.

    Indexed by a name, it returns a column, shape (episodes,); by an integer, a
    slice, a mask or an array of integers, records of `TABLE_DTYPE`. A column is an
    array of the caller's own; records are read-only.

    Parameters
    ----------
    records : ndarray, shape (episodes,), dtype TABLE_DTYPE
        The episodes.
    end_reasons : tuple of str
        Names of the codes in `end_reasons`.
    achievements : tuple of str
        Names of the achievements; empty if the dataset does not store them.
    read_reached : callable
        Reads which achievements each episode reached: ndarray, shape (episodes,
        achievements), bool.
    where : str
        Name of the dataset, for messages.
    policies : tuple of str
        Names of the policies; without any, there is no column of them.
    read_players : callable, optional
        Reads which of the policies played each episode: ndarray, shape (episodes,), int64; by
        default the first one did.

    Attributes
    ----------
    records : ndarray, shape (episodes,), dtype TABLE_DTYPE
        The episodes.

    Examples
    --------
    >>> import crafter_dataset
    >>> table = crafter_dataset.open_dataset("data.zarr").episodes
    >>> bool(table["length"].max() == table["lengths"].max())
    True
    >>> set(table["end"].tolist()) <= {"terminated", "cut"}
    True
    """

    def __init__(
        self,
        records: NDArray[Any],
        end_reasons: tuple[str, ...],
        achievements: tuple[str, ...],
        read_reached: Callable[[], NDArray[np.bool_]],
        where: str,
        policies: tuple[str, ...] = (),
        read_players: Callable[[], NDArray[np.int64]] | None = None,
    ) -> None:
        self.records = records
        self._end_reasons, self._achievements = end_reasons, achievements
        self._read_reached, self._where = read_reached, where
        self._policies, self._read_players = policies, read_players
        self._reached: NDArray[np.bool_] | None = None
        self._players: NDArray[np.int64] | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, those that filters use first."""
        return (*self.condition_names, *(TABLE_DTYPE.names or ()))

    @property
    def condition_names(self) -> tuple[str, ...]:
        """Names of the columns that filters use."""
        worked_out = (ACHIEVEMENTS, *self._achievements) if self._achievements else ()
        policy = (POLICY,) if self._policies else ()
        return ("id", "length", "return", END, *policy, "world_seed", *worked_out)

    @property
    def policies(self) -> tuple[str, ...]:
        """Names of the policies that may have played them, each once."""
        return tuple(dict.fromkeys(self._policies))

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the records."""
        return self.records.dtype

    def __len__(self) -> int:
        return len(self.records)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        wanted = self.dtype if dtype is None else np.dtype(dtype)
        if copy is False and wanted != self.dtype:
            raise ValueError(f"episodes: expected copy=None for {wanted}, found copy=False")
        return self.records.astype(wanted, copy=bool(copy))

    def __repr__(self) -> str:
        return f"<EpisodeTable of {self._where}: {counted(len(self), 'episode')}>"

    def _repr_html_(self) -> str:
        from crafter_dataset.loader.report import table_html

        return table_html(self)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, list) and key and all(isinstance(name, str) for name in key):
            return self.records[[self._stored(name) for name in key]]
        if isinstance(key, slice):
            return self.records[key]
        if not isinstance(key, str):
            index = index_of("episodes", key, len(self), self._where)
            return self.records[
                chosen("episodes", key, len(self), self._where) if index is None else index
            ]
        name = ALIASES.get(key, key)
        if name in (TABLE_DTYPE.names or ()):
            return self.records[name].copy()
        if key == END:
            # A damaged code has no name.
            return np.array([*self._end_reasons, *[""] * 256])[self.records["end_reasons"]]
        if key == POLICY and self._policies:
            return np.array(self._policies)[self.players()]
        if self._achievements and key == ACHIEVEMENTS:
            return self._all_reached().sum(1)
        if key in self._achievements:
            return self._all_reached()[:, self._achievements.index(key)].copy()
        raise self._unknown(key, self.columns)

    def players(self) -> NDArray[np.int64]:
        """Return which policy played each episode: int64, an index into `Metadata.played_by()`."""
        if self._players is None:
            read = self._read_players
            self._players = np.zeros(len(self), np.int64) if read is None else read()
            self._players.setflags(write=False)
        return self._players

    def _stored(self, key: str) -> str:
        """Return the records' name of a column that is not worked out."""
        known = TABLE_DTYPE.names or ()
        name = ALIASES.get(key, key)
        if name not in known:
            raise self._unknown(key, (*ALIASES, *known))
        return name

    def _unknown(self, key: str, known: Iterable[str]) -> UnknownNameError:
        return UnknownNameError(
            "column", f"expected one of {', '.join(known)}, found {key!r} ({self._where})"
        )

    def _all_reached(self) -> NDArray[np.bool_]:
        if self._reached is None:
            self._reached = self._read_reached()
            self._reached.setflags(write=False)
        return self._reached
