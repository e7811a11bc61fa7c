"""Windows of episodes: what training code draws its batches from."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crafter_dataset.loader.dataset import Dataset
from crafter_dataset.loader.reading.recycled import recycled_empty
from crafter_dataset.loader.table import EpisodeTable
from crafter_dataset.loader.window_index import Padding, WindowIndex
from crafter_dataset.schemas.container import Cuts
from crafter_dataset.schemas.errors import ArgumentError, CorruptDataError
from crafter_dataset.schemas.wording import counted

Alignment = Literal["transitions", "arrivals"]

DEFAULT_FIELDS = ("frames", "actions", "rewards", "terminations", "truncations")
CAUSED = ("rewards", "terminations", "truncations")
"""Fields that an action causes; the others are there before it."""

Weights = ArrayLike | Callable[[EpisodeTable], ArrayLike]
"""One weight per episode, or a function that returns them from the episodes table."""


class Windows:
    """All windows of a length, of all episodes: a sequence that reads nothing until indexed.

    With the alignment `transitions`, row t of a window is a frame, the action
    taken there and what that action caused, as in DIAMOND and IRIS; an episode
    of T actions has T such rows, and its final frame is seen with
    `next_frame`. With `arrivals`, row t is a frame, the reward and flags that
    arrived with it, and the action taken there, as in DreamerV3; an episode
    has T + 1 such rows, the first with no reward and the last with action 0.

    Parameters
    ----------
    dataset : Dataset
        A dataset or a part of one.
    length : int
        Rows of a window.
    stride : int
        Rows from one window of an episode to the next.
    padding : {'none', 'right', 'left', 'both'}
        Whether windows may go beyond the end of an episode, its beginning, or
        both; what lies beyond is zero.
    fields : collection of str
        Per-frame fields to read; by default frames, actions, rewards,
        terminations and truncations.
    weights : array_like, shape (len(dataset),), or callable, optional
        One weight of 0 or more per episode, for samplers that draw by weight;
        or a function that returns them from the `EpisodeTable`.
    next_frame : bool
        Whether `frames`, and the other fields that show a state, have one row
        more: the state after the last action. Only with `transitions`.
    alignment : {'transitions', 'arrivals'}
        What a row holds, see above.
    min_rows : int
        Leave out windows with fewer rows of their episode than this.

    Attributes
    ----------
    dataset : Dataset
        The episodes.
    fields : tuple of str
        Per-frame fields that are read.
    next_frame : bool
        Whether fields that show a state have one row more.
    alignment : {'transitions', 'arrivals'}
        What a row holds.
    index : WindowIndex
        Where each window lies.
    weights : ndarray, shape (len(dataset),), float64, or None
        The episodes' weights.

    Raises
    ------
    TypeError
        If `dataset` is of another class.
    ValueError
        If an argument is not as above, there is no window at all, or final
        frames are needed that were not recorded.

    Examples
    --------
    >>> import crafter_dataset
    >>> dataset = crafter_dataset.open_dataset("data.zarr")
    >>> windows = crafter_dataset.Windows(dataset, 16, next_frame=True)
    >>> windows.read([0, 5])["frames"].shape
    (2, 17, 64, 64, 3)
    """

    def __init__(
        self,
        dataset: Dataset,
        length: int,
        *,
        stride: int = 1,
        padding: Padding = "none",
        fields: Collection[str] = DEFAULT_FIELDS,
        weights: Weights | None = None,
        next_frame: bool = False,
        alignment: Alignment = "transitions",
        min_rows: int = 1,
    ) -> None:
        if not isinstance(dataset, Dataset):
            raise TypeError(
                f"dataset: expected a Dataset, such as open_dataset(path), found {dataset!r}"
            )
        known = [name for name in dataset.fields if name != "episode_ids"]
        fields = (fields,) if isinstance(fields, str) else tuple(dict.fromkeys(fields))
        for name in fields:
            if name not in known:
                raise ArgumentError(
                    "fields",
                    f"expected some of {', '.join(known)}, found {name!r} ({dataset.path})",
                )
        if alignment not in get_args(Alignment):
            raise ArgumentError(
                "alignment",
                f"expected one of {', '.join(get_args(Alignment))}, found {alignment!r}",
            )
        if next_frame and alignment == "arrivals":
            raise ArgumentError(
                "next_frame", "expected the alignment 'transitions', found 'arrivals'"
            )
        if next_frame or alignment == "arrivals":
            _require_final_frames(dataset)
        self.dataset, self.fields = dataset, fields
        self.next_frame, self.alignment = next_frame, alignment
        # Pictures last: they push everything else out of the processor's cache.
        described = {field.name: field for field in dataset.metadata.known_frame_fields()}
        self._described = {name: described[name] for name in fields}
        self._reading_order = sorted(fields, key=lambda name: described[name].sharded)
        self.weights = None if weights is None else episode_weights(dataset, weights)
        rows = dataset.episodes["lengths"] - (alignment == "transitions")
        self.index = WindowIndex(rows, length, stride, padding, min_rows)
        if not len(self.index):
            longest = int(rows.max(initial=0))
            raise ArgumentError(
                "windows",
                f"expected an episode of at least "
                f"{length if padding == 'none' else min_rows} rows for length={length}, "
                f"padding={padding!r}, found {longest} rows in the longest of {len(dataset)} "
                f"({dataset.path}, {dataset.metadata.status})",
            )

    @property
    def length(self) -> int:
        """Number of rows of a window, without that of `next_frame`."""
        return self.index.length

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, key: Any) -> dict[str, NDArray[Any]]:
        """Read one window, or several, as `read` does; a single one has no first axis."""
        if isinstance(key, int | np.integer):
            number = key + len(self) if key < 0 else key
            return {name: rows[0] for name, rows in self.read(np.array([number])).items()}
        return self.read(np.arange(len(self))[key] if isinstance(key, slice) else key)

    def __repr__(self) -> str:
        return (
            f"<Windows of {self.length} rows, {len(self):,} in "
            f"{counted(len(self.dataset), 'episode')} of {self.dataset.path}>"
        )

    def identity(self) -> str:
        """Describe what the numbers of the windows depend on: their kind and the episodes.

        Returns
        -------
        str
            One line.
        """
        index, table = self.index, self.dataset.episodes
        episodes = zlib.crc32(np.stack([table["episode_ids"], table["lengths"]]).tobytes())
        return (
            f"length={index.length}, stride={index.stride}, padding={index.padding}, "
            f"min_rows={index.min_rows}, alignment={self.alignment}, {len(table)} episodes "
            f"{episodes:08x}"
        )

    def shapes(self, count: int) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
        """Return shape and dtype of each array that `read` returns for some windows.

        Parameters
        ----------
        count : int
            Number of the windows.

        Returns
        -------
        dict of str to tuple
            Shape, a tuple of int, and numpy.dtype of each array by its name.
        """
        sizes = self.dataset.metadata.sizes()
        shapes: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {}
        for name, field in self._described.items():
            shapes[name] = (
                (count, self._rows_of(name), *field.row_shape(sizes)),
                np.dtype(field.dtype),
            )
        shapes["mask_padding"] = (count, self.length), np.dtype(bool)
        if self.alignment == "arrivals":
            shapes["is_first"] = (count, self.length), np.dtype(bool)
        shapes["episode_ids"] = shapes["starts"] = (count,), np.dtype(np.int64)
        return shapes

    def read(
        self, windows: ArrayLike, out: dict[str, NDArray[Any]] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Read a batch of windows.

        Parameters
        ----------
        windows : array_like, shape (batch,), int
            Their numbers, from 0 to `len(self) - 1`.
        out : dict of str to ndarray, optional
            Where to put them: arrays as in `shapes`.

        Returns
        -------
        dict of str to ndarray
            `out`, if it was given. By field: (batch, length, ...), with
            `next_frame` one row more in fields that show a state.
            `mask_padding`: bool (batch, length), true where a row belongs to
            the episode. `episode_ids`, `starts`: int64 (batch,), the episode's
            id and the row at which the window begins, negative if before the
            episode. With `arrivals`, `is_first`: bool (batch, length), true at
            the first row of an episode.

        Raises
        ------
        IndexError
            If there is no window of such a number.
        ValueError
            If `out` does not fit.
        CorruptDataError
            If stored bytes are missing or fail their checksum; it names the
            episode. `out` is undefined then.
        """
        numbers = np.asarray(windows)
        if numbers.ndim != 1 or numbers.dtype.kind not in "iu":
            if numbers.size:
                raise IndexError(
                    f"windows: expected a row of integers, found {numbers.dtype}, "
                    f"shape {numbers.shape}"
                )
            numbers = np.zeros(0, np.int64)
        outside = numbers[(numbers < 0) | (numbers >= len(self))]
        if len(outside):
            raise IndexError(
                f"windows: expected numbers from 0 to {len(self) - 1}, found {outside[0]}"
            )
        episodes, starts = self.index.locate(numbers.astype(np.int64))
        shapes = self.shapes(len(numbers))
        if out is None:
            out = {name: recycled_empty(*about) for name, about in shapes.items()}
        else:
            check_out(out, shapes)
        rows = starts[:, None] + np.arange(self.length)
        out["mask_padding"][...] = (rows >= 0) & (rows < self.index.rows[episodes, None])
        if self.alignment == "arrivals":
            out["is_first"][...] = rows == 0
        out["episode_ids"][...] = self.dataset.episodes.records["episode_ids"][episodes]
        out["starts"][...] = starts
        in_order = len(numbers) < 2 or bool((np.diff(numbers) == 1).all())
        cuts: dict[tuple[int, int, int], Cuts] = {}
        partial: dict[tuple[int, int, int], list[tuple[int, int, int]]] = {}
        for name in self._reading_order:
            span = self._span(name)
            if span not in cuts:
                cuts[span] = self._cuts(span, episodes, starts)
                partial[span] = cuts[span].partial(span[1])
            self._read_into(name, cuts[span], out[name], in_order, episodes, starts)
            for item, first, last in partial[span]:  # rows that do not exist are zero
                out[name][item, :first] = 0
                out[name][item, last:] = 0
        return out

    def _span(self, name: str) -> tuple[int, int, int]:
        """Return a field's rows before a window, rows per window, and rows left out per episode."""
        caused = name in CAUSED
        if self.alignment == "arrivals":
            return (1, self.length, 1) if caused else (0, self.length, 0)
        rows = self._rows_of(name)
        # An episode's last row causes nothing; it only shows the result of the one before.
        return 0, rows, 1 - (self.next_frame and not caused)

    def _cuts(
        self,
        span: tuple[int, int, int],
        episodes: NDArray[np.int64],
        starts: NDArray[np.int64],
    ) -> Cuts:
        """Find the stored rows of windows."""
        before, count, left_out = span
        table = self.dataset.episodes.records  # its columns are views: this is done for every batch
        firsts = starts - before
        limits = table["lengths"][episodes] - left_out
        lows = np.maximum(firsts, 0)
        highs = np.maximum(np.minimum(firsts + count, limits), lows)
        stored = table["starts"][episodes]
        return Cuts(stored + lows, stored + highs, lows - firsts)

    def _read_into(
        self,
        name: str,
        cuts: Cuts,
        out: NDArray[Any],
        keep: bool,
        episodes: NDArray[np.int64],
        starts: NDArray[np.int64],
    ) -> None:
        """Read the rows of a field that exist."""
        try:
            self.dataset.container.read_into(name, cuts, out, keep)
        except CorruptDataError:
            self._find_corrupt(name, episodes, starts)
            raise

    def _find_corrupt(
        self, name: str, episodes: NDArray[np.int64], starts: NDArray[np.int64]
    ) -> None:
        """Read the episodes of a batch one by one, for an error that names the bad one."""
        for episode, start in zip(episodes.tolist(), starts.tolist(), strict=True):
            field = self.dataset[episode][name]
            field.read(max(start - 1, 0), min(start + self.length + 1, len(field)))

    def _rows_of(self, name: str) -> int:
        # What the policy states beside its action is no state either.
        of_action = name == "actions" or name in CAUSED or self._described[name].extra
        return self.length + (self.next_frame and not of_action)


def episode_weights(dataset: Dataset, weights: Weights) -> NDArray[np.float64]:
    """Return the episodes' weights, checked.

    Parameters
    ----------
    dataset : Dataset
        The episodes.
    weights : array_like, shape (len(dataset),), or callable
        One weight per episode, or a function that returns them from the
        `EpisodeTable`.

    Returns
    -------
    ndarray, shape (len(dataset),), float64
        The weights.

    Raises
    ------
    ValueError
        If there is not one finite weight of 0 or more for each episode.
    """
    given = weights(dataset.episodes) if callable(weights) else weights
    values = np.asarray(given, np.float64)
    if values.shape != (len(dataset),):
        raise ArgumentError(
            "weights", f"expected one an episode, {len(dataset)}, found shape {values.shape}"
        )
    wrong = values[~(np.isfinite(values) & (values >= 0))]
    if len(wrong):
        raise ArgumentError("weights", f"expected finite numbers of 0 or more, found {wrong[0]}")
    return values


def check_out(
    out: dict[str, NDArray[Any]], shapes: dict[str, tuple[tuple[int, ...], np.dtype[Any]]]
) -> None:
    """Refuse arrays that a batch does not fit into.

    Parameters
    ----------
    out : dict of str to ndarray
        The arrays, by name.
    shapes : dict of str to tuple
        Shape and dtype of each array that is needed.

    Raises
    ------
    ArgumentError
        If one is missing, read-only, or of another shape or dtype; the error is a ValueError.
    """
    if not isinstance(out, dict):
        raise ArgumentError("out", f"expected a dict of arrays, found {type(out).__name__}")
    for name, (shape, dtype) in shapes.items():
        if name not in out:
            raise ArgumentError("out", f"expected an array {name!r}, found none")
        found = out[name]
        if not isinstance(found, np.ndarray):
            raise ArgumentError(
                "out", f"expected {name!r} to be a NumPy array, found {type(found).__name__}"
            )
        if not found.flags.writeable:
            raise ArgumentError("out", f"expected {name!r} to be writable, found it read-only")
        if found.shape != shape or found.dtype != dtype:
            raise ArgumentError(
                "out",
                f"expected {name!r} of shape {shape} and {dtype}, found {found.shape} and "
                f"{found.dtype}",
            )


def _require_final_frames(dataset: Dataset) -> None:
    """Refuse windows that would show final frames, where the dataset has only placeholders."""
    if "final_frames" not in dataset.metadata.episode_fields:
        return
    for episode in dataset:
        if not episode.has_final_frame:
            raise ArgumentError(
                "windows",
                f"expected final frames, found none in episode {episode.id}; leave out "
                f"next_frame and arrivals ({dataset.path})",
            )
