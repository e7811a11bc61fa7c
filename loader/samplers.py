"""Orders in which windows are drawn: pure functions of a seed, an epoch and a position.

A sampler is an iterable of window numbers, fit for the `sampler` argument of
PyTorch's DataLoader, but needs no PyTorch.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crafter_dataset.loader.random_order import Permutation, uniform
from crafter_dataset.loader.table import EpisodeTable
from crafter_dataset.loader.windows import Weights, Windows, episode_weights
from crafter_dataset.schemas.arguments import whole_number
from crafter_dataset.schemas.errors import ArgumentError
from crafter_dataset.schemas.layout import TERMINATED

_BLOCK = 1024
"""Positions that are computed at once."""


class Place(NamedTuple):
    """Where in its order a sampler is.

    Parameters
    ----------
    epoch : int
        The epoch.
    start : int
        Position of the common order from which the ranks draw in this epoch:
        0, or where a run was stopped.
    drawn : int
        Windows that this rank has drawn since.
    """

    epoch: int = 0
    start: int = 0
    drawn: int = 0


class Sampler:
    """Base of all samplers; draws windows in order of their numbers, each once per epoch.

    Iterating yields window numbers, int. It goes on where the last iteration
    stopped, at the end of an epoch with the next one. A subclass overrides
    `draw`.

    Parameters
    ----------
    windows : Windows
        What to draw from.
    seed : int
        Seed of the order, 0 or more.
    samples : int, optional
        Windows per epoch, over all ranks; by default as many as there are.
    rank, world_size : int
        This process among those that train together: it draws every
        `world_size`-th position of the common order, beginning with the
        `rank`-th.
    even : bool
        Whether all ranks draw equally many windows; then up to
        `world_size - 1` positions at the end of an epoch are left out.

    Attributes
    ----------
    windows : Windows
        What it draws from.
    seed, samples, rank, world_size : int
        As given, or by default.
    even : bool
        As given.
    place : Place
        Where it is: epoch, start and windows drawn.
    moves : int
        How often it was sent to a place.

    Raises
    ------
    ValueError
        If an argument is out of its range, or this rank would draw nothing.

    Examples
    --------
    >>> import crafter_dataset
    >>> class Backwards(crafter_dataset.Sampler):
    ...     def draw(self, epoch, positions):
    ...         return len(self.windows) - 1 - positions
    >>> windows = crafter_dataset.Windows(crafter_dataset.open_dataset("data.zarr"), 16)
    >>> next(iter(Backwards(windows))) == len(windows) - 1
    True
    """

    def __init__(
        self,
        windows: Windows,
        *,
        seed: int = 0,
        samples: int | None = None,
        rank: int = 0,
        world_size: int = 1,
        even: bool = True,
    ) -> None:
        samples = len(windows) if samples is None else samples
        self.windows, self.even = windows, even
        self.seed = whole_number("seed", seed, 0)
        self.samples = whole_number("samples", samples, 1)
        self.world_size = whole_number("world_size", world_size, 1)
        self.rank = whole_number("rank", rank, 0, self.world_size - 1)
        self.place, self.moves, self._loaded = Place(), 0, False
        self._check_share()

    def _check_share(self) -> None:
        if not len(self):
            raise ArgumentError(
                "samples", f"expected one for each of {self.world_size} ranks, found {self.samples}"
            )

    def draw(self, epoch: int, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the windows at some positions of an epoch's order; see `Sampler.draw`.

        Parameters
        ----------
        epoch : int
            Number of the epoch, from 0.
        positions : ndarray, shape (n,), int64
            Positions of the order over all ranks, from 0.

        Returns
        -------
        ndarray, shape (n,), int64
            Numbers of the windows.
        """
        return positions % len(self.windows)

    def __repr__(self) -> str:
        rank = f", rank {self.rank} of {self.world_size}" if self.world_size > 1 else ""
        return (
            f"<{type(self).__name__}: {self.samples:,} windows an epoch of {len(self.windows):,}, "
            f"seed {self.seed}, epoch {self.place.epoch}{rank}>"
        )

    def __len__(self) -> int:
        """Return how many windows this rank draws in a whole epoch."""
        return self.count(Place())

    def count(self, place: Place) -> int:
        """Return how many windows this rank draws in an epoch, from `place.start` on.

        Parameters
        ----------
        place : Place
            A place in that epoch.
        """
        if self.even:
            return max(self.samples - place.start, 0) // self.world_size
        return len(range(place.start + self.rank, self.samples, self.world_size))

    def here_or_next(self, place: Place) -> Place:
        """Return a place itself, or at the end of an epoch the beginning of the next one.

        Parameters
        ----------
        place : Place
            The place.
        """
        return place if place.drawn < self.count(place) else Place(place.epoch + 1)

    def __iter__(self) -> Iterator[int]:
        self.place, self._loaded = self.here_or_next(self.place), False
        while self.place.drawn < self.count(self.place):
            drawn = self.place.drawn
            for number in self._between(self.place, drawn, drawn + _BLOCK).tolist():
                # Before it is handed out: whoever saves the state has it already.
                self.place = self.place._replace(drawn=self.place.drawn + 1)
                yield number

    def numbers(self, epoch: int, start: int, stop: int) -> NDArray[np.int64]:
        """Return the windows that this rank draws in a part of a whole epoch.

        Parameters
        ----------
        epoch : int
            Number of the epoch, from 0.
        start, stop : int
            First draw of this rank, and the one after the last; draws beyond
            the epoch are left out.

        Returns
        -------
        ndarray, shape (up to stop - start,), int64
            Numbers of the windows.
        """
        return self._between(Place(epoch), start, stop)

    def _between(self, place: Place, start: int, stop: int) -> NDArray[np.int64]:
        drawn = np.arange(start, min(stop, self.count(place)))
        return self.draw(place.epoch, place.start + drawn * self.world_size + self.rank)

    def set_epoch(self, epoch: int) -> None:
        """Go to the beginning of an epoch.

        Called right after `load_state_dict` with the epoch that was loaded, it
        keeps the place: so do trainers, which mean to go on.

        Parameters
        ----------
        epoch : int
            Number of the epoch, from 0.
        """
        if self._loaded and epoch == self.place.epoch:
            self._loaded = False
        else:
            self.go(Place(epoch))

    def go(self, place: Place) -> None:
        """Go to a place.

        Parameters
        ----------
        place : Place
            Where to.
        """
        self.place, self._loaded = place, False
        self.moves += 1

    def among(self, rank: int, world_size: int, even: bool = True) -> Self:
        """Return this sampler for one of several processes that train together.

        Parameters
        ----------
        rank, world_size : int
            As for `Sampler`.
        even : bool
            As for `Sampler`.

        Returns
        -------
        Sampler
            A copy, which draws its share of the same order, from the same epoch.

        Raises
        ------
        ValueError
            If a rank would draw nothing.
        """
        part = copy.copy(self)
        part.world_size = whole_number("world_size", world_size, 1)
        part.rank = whole_number("rank", rank, 0, world_size - 1)
        part.even = even
        part.place = Place(self.place.epoch)
        part._check_share()
        return part

    def state_dict(self, place: Place | None = None) -> dict[str, Any]:
        """Return what `load_state_dict` needs to go on from here, or from another place.

        Parameters
        ----------
        place : Place, optional
            From where; by default from where the sampler is.

        Returns
        -------
        dict
            Fits into JSON: `epoch`, `position` (of the order over all ranks),
            and what the order depends on. The same on all ranks that have drawn
            equally many windows.
        """
        place = self.place if place is None else place
        over = place.drawn >= self.count(place)
        return {
            "epoch": place.epoch,
            "position": self.samples if over else place.start + place.drawn * self.world_size,
        } | self._order()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where another sampler was, even one with another number of ranks.

        Parameters
        ----------
        state : dict
            What `state_dict` returned there.

        Raises
        ------
        ValueError
            If it drew in another order, or this is not such a state.
        """
        for name, value in self._order().items():
            if state.get(name) != value:
                raise ArgumentError(
                    "state", f"expected {name} {value!r}, found {state.get(name)!r}"
                )
        if not {"epoch", "position"} <= state.keys():
            raise ArgumentError("state", f"expected a position, found {sorted(state)}")
        self.go(Place(int(state["epoch"]), int(state["position"])))
        self._loaded = True

    def _order(self) -> dict[str, Any]:
        """Return what the order depends on, apart from epoch and position."""
        return {
            "sampler": type(self).__name__,
            "windows": self.windows.identity(),
            "seed": self.seed,
            "samples": self.samples,
        }


class SequentialSampler(Sampler):
    """Draws all windows in order of their numbers, each once per epoch.

    With `Windows(dataset, n, stride=n, padding="right", min_rows=2)` it
    traverses a dataset as DIAMOND's DatasetTraverser does: chunk by chunk,
    without overlap, leaving out tails of one row.

    Parameters
    ----------
    windows : Windows
        What to draw from.
    seed, samples, rank, world_size : int, optional
        As for `Sampler`.
    even : bool, optional
        As for `Sampler`.

    Examples
    --------
    >>> import crafter_dataset
    >>> dataset = crafter_dataset.open_dataset("data.zarr")
    >>> windows = crafter_dataset.Windows(dataset, 16, stride=16, padding="right", min_rows=2)
    >>> list(crafter_dataset.SequentialSampler(windows)) == list(range(len(windows)))
    True
    """


class UniformSampler(Sampler):
    """Draws all windows in random order, each once per epoch (with the default `samples`).

    Parameters
    ----------
    windows : Windows
        What to draw from.
    seed, samples, rank, world_size : int, optional
        As for `Sampler`.
    even : bool, optional
        As for `Sampler`.

    Examples
    --------
    >>> import crafter_dataset
    >>> windows = crafter_dataset.Windows(crafter_dataset.open_dataset("data.zarr"), 16)
    >>> sampler = crafter_dataset.UniformSampler(windows, seed=1)
    >>> sorted(sampler) == list(range(len(windows)))
    True
    """

    def draw(self, epoch: int, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the windows at some positions of an epoch's order; see `Sampler.draw`.

        Parameters
        ----------
        epoch : int
            Number of the epoch, from 0.
        positions : ndarray, shape (n,), int64
            Positions of the order over all ranks, from 0.

        Returns
        -------
        ndarray, shape (n,), int64
            Numbers of the windows.
        """
        size = len(self.windows)
        rounds = positions // size  # more than one where `samples` asks for more than there are
        numbers = np.empty(len(positions), np.int64)
        for turn in np.unique(rounds):
            here = rounds == turn
            order = Permutation(size, (self.seed, epoch, int(turn)))
            numbers[here] = order.at(positions[here] % size)
        return numbers


class WeightedSampler(Sampler):
    """Draws with replacement: an episode by weight, then any of its windows.

    Parameters
    ----------
    windows : Windows
        What to draw from.
    weights : array_like, shape (episodes,), or callable, optional
        One weight of 0 or more per episode, or a function that returns them
        from the `EpisodeTable`, such as `by_return()`; by default the weights
        of `windows`.
    window_weights : array_like, shape (len(windows),), optional
        One weight of 0 or more per window, instead of `weights`.
    **options
        As for `Sampler`.

    Raises
    ------
    ValueError
        If the weights do not fit, or no window has a positive one.

    Examples
    --------
    >>> import crafter_dataset
    >>> dataset = crafter_dataset.open_dataset("data.zarr")
    >>> windows = crafter_dataset.Windows(dataset, 16)
    >>> good = dataset.episodes["return"] > 1
    >>> sampler = crafter_dataset.WeightedSampler(windows, good, samples=1000)
    >>> bool(good[windows.read(sampler.numbers(0, 0, 8))["episode_ids"]].all())
    True
    """

    def __init__(
        self,
        windows: Windows,
        weights: Weights | None = None,
        *,
        window_weights: ArrayLike | None = None,
        **options: Any,
    ) -> None:
        super().__init__(windows, **options)
        self._by_window = window_weights is not None
        if window_weights is not None:
            values = _window_weights(windows, window_weights)
        elif weights is not None:
            values = episode_weights(windows.dataset, weights)
        elif windows.weights is not None:
            values = windows.weights
        else:
            raise ArgumentError(
                "weights", "expected one an episode, here or in Windows, found none"
            )
        if not self._by_window:
            values = np.where(windows.index.counts > 0, values, 0)
        self._choice = _Choice(values)

    def draw(self, epoch: int, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the windows at some positions of an epoch's order; see `Sampler.draw`.

        Parameters
        ----------
        epoch : int
            Number of the epoch, from 0.
        positions : ndarray, shape (n,), int64
            Positions of the order over all ranks, from 0.

        Returns
        -------
        ndarray, shape (n,), int64
            Numbers of the windows.
        """
        chosen = self._choice.at(uniform((self.seed, epoch, 0), positions))
        if self._by_window:
            return chosen
        index = self.windows.index
        counts = index.counts[chosen]
        return index.ends[chosen] - counts + _below(counts, (self.seed, epoch, 1), positions)


class EpisodeSampler(WeightedSampler):
    """Draws with replacement: any episode, long or short, then any of its windows.

    Parameters
    ----------
    windows : Windows
        What to draw from.
    **options
        As for `Sampler`.

    Examples
    --------
    >>> import crafter_dataset
    >>> windows = crafter_dataset.Windows(crafter_dataset.open_dataset("data.zarr"), 16)
    >>> sampler = crafter_dataset.EpisodeSampler(windows, samples=1000, seed=1)
    >>> windows.read(sampler.numbers(epoch=0, start=0, stop=8))["frames"].shape
    (8, 16, 64, 64, 3)
    """

    def __init__(self, windows: Windows, **options: Any) -> None:
        super().__init__(windows, np.ones(len(windows.dataset)), **options)


class TerminalSampler(Sampler):
    """Draws with replacement; a share of the windows holds the death of an episode.

    The rest are drawn from all windows alike. For models of rewards and ends,
    which would hardly ever see an end otherwise.

    Parameters
    ----------
    windows : Windows
        What to draw from.
    share : float
        Share, 0 to 1, of windows that hold the last action of an episode which
        the environment terminated: any such episode, then any such window.
    **options
        As for `Sampler`.

    Raises
    ------
    ValueError
        If `share` is not from 0 to 1, or no window holds a death.

    Examples
    --------
    >>> import crafter_dataset
    >>> dataset = crafter_dataset.open_dataset("data.zarr")
    >>> windows = crafter_dataset.Windows(dataset, 16, fields=["terminations"])
    >>> sampler = crafter_dataset.TerminalSampler(windows, share=0.5, samples=1000)
    >>> ends = windows.read(list(sampler))["terminations"].any(axis=1)
    >>> bool(0.4 < ends.mean() < 0.7)
    True
    """

    def __init__(self, windows: Windows, share: float = 0.5, **options: Any) -> None:
        super().__init__(windows, **options)
        if not 0 <= share <= 1:
            raise ArgumentError("share", f"expected 0 to 1, found {share}")
        index, table = windows.index, windows.dataset.episodes
        # Of an episode's windows, those that reach its last row are the last ones.
        earliest = index.rows - index.length
        before = np.clip(-((index.firsts - earliest) // index.stride), 0, index.counts)
        holding = np.where(table["end_reasons"] == TERMINATED, index.counts - before, 0)
        if share > 0 and not holding.any():
            raise ArgumentError(
                "windows",
                f"expected some that hold the end of a terminated episode, found none "
                f"({windows.dataset.path})",
            )
        self._share, self._holding = share, holding
        self._choice = _Choice((holding > 0) + (0.0 if holding.any() else 1.0))

    def draw(self, epoch: int, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the windows at some positions of an epoch's order; see `Sampler.draw`.

        Parameters
        ----------
        epoch : int
            Number of the epoch, from 0.
        positions : ndarray, shape (n,), int64
            Positions of the order over all ranks, from 0.

        Returns
        -------
        ndarray, shape (n,), int64
            Numbers of the windows.
        """
        key = self.seed, epoch
        number = _below(np.full(len(positions), len(self.windows)), (*key, 0), positions)
        chosen = self._choice.at(uniform((*key, 1), positions))
        back = _below(self._holding[chosen], (*key, 2), positions)
        ending = self.windows.index.ends[chosen] - 1 - back
        return np.where(uniform((*key, 3), positions) < self._share, ending, number)


class DiamondSampler(Sampler):
    """Draws with replacement as DIAMOND does, which favours the ends of episodes.

    It draws any row, all equally likely, then a window around it. With the
    padding `both` the row is anywhere in the window. With `left` the window
    ends up to `length` rows after it, but never beyond the episode, so that
    many windows end with the episode.

    Source: Alonso et al., Diffusion for World Modeling: Visual Details Matter
    in Atari, 2024; `BatchSampler` in its code, without `sample_weights`.

    Parameters
    ----------
    windows : Windows
        With stride 1, `min_rows` 1 and the padding `left` or `both`.
    **options
        As for `Sampler`.

    Raises
    ------
    ValueError
        If the windows are not of this kind.

    Examples
    --------
    >>> import crafter_dataset
    >>> dataset = crafter_dataset.open_dataset("data.zarr")
    >>> windows = crafter_dataset.Windows(dataset, 16, padding="both")
    >>> sampler = crafter_dataset.DiamondSampler(windows, seed=1)
    >>> windows.read(sampler.numbers(epoch=0, start=0, stop=8))["mask_padding"].shape
    (8, 16)
    """

    def __init__(self, windows: Windows, **options: Any) -> None:
        super().__init__(windows, **options)
        index = windows.index
        if (index.stride, index.min_rows) != (1, 1) or index.padding not in ("left", "both"):
            raise ArgumentError(
                "windows",
                "expected stride 1, min_rows 1 and padding 'left' or 'both', found "
                f"{index.stride}, {index.min_rows} and {index.padding!r}",
            )
        self._choice = _Choice(index.rows)

    def draw(self, epoch: int, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the windows at some positions of an epoch's order; see `Sampler.draw`.

        Parameters
        ----------
        epoch : int
            Number of the epoch, from 0.
        positions : ndarray, shape (n,), int64
            Positions of the order over all ranks, from 0.

        Returns
        -------
        ndarray, shape (n,), int64
            Numbers of the windows.
        """
        index, key = self.windows.index, (self.seed, epoch)
        episodes = self._choice.at(uniform((*key, 0), positions))
        rows = index.rows[episodes]
        row = _below(rows, (*key, 1), positions)
        offset = _below(np.full(len(rows), index.length), (*key, 2), positions)
        if index.padding == "both":
            starts = row - offset
        else:
            starts = np.minimum(rows, row + 1 + offset) - index.length
        return index.number(episodes, starts)


def by_return(temperature: float = 1.0) -> Weights:
    """Return a function that weighs episodes by exp(return / temperature).

    Parameters
    ----------
    temperature : float
        In units of the return: the smaller, the more the best are favoured.

    Returns
    -------
    callable
        Takes an `EpisodeTable` and returns ndarray, shape (episodes,), float64,
        at most 1; the argument `weights` of `WeightedSampler` or `Windows`.

    Raises
    ------
    ValueError
        If it is not positive.

    Examples
    --------
    >>> import crafter_dataset
    >>> dataset = crafter_dataset.open_dataset("data.zarr")
    >>> weights = crafter_dataset.by_return(temperature=0.5)
    >>> windows = crafter_dataset.Windows(dataset, 16, weights=weights)
    >>> bool(windows.weights.argmax() == dataset.episodes["return"].argmax())
    True
    """
    if not temperature > 0:
        raise ArgumentError("temperature", f"expected a positive number, found {temperature}")

    def weights(table: EpisodeTable) -> NDArray[np.float64]:
        returns = table["returns"].astype(np.float64)
        factors: NDArray[np.float64] = np.exp(
            (returns - returns.max(initial=-np.inf)) / temperature
        )
        return factors

    return weights


class _Choice:
    """Chooses by weight."""

    def __init__(self, weights: NDArray[Any]) -> None:
        self._ends = np.cumsum(weights, dtype=np.float64)
        if not len(self._ends) or not self._ends[-1] > 0:
            raise ArgumentError(
                "weights", "expected a positive one among what there is, found none"
            )

    def at(self, shares: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the item at each share, 0 to 1, of the whole weight."""
        # Below the whole weight even where the product is rounded up to it.
        places = np.minimum(shares * self._ends[-1], np.nextafter(self._ends[-1], 0))
        items: NDArray[np.int64] = np.searchsorted(self._ends, places, side="right")
        return items


def _below(
    limits: NDArray[np.int64], key: tuple[int, ...], positions: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return a random integer from 0 to below each limit (0 where the limit is 0)."""
    values: NDArray[np.int64] = (uniform(key, positions) * limits).astype(np.int64)
    return np.minimum(values, np.maximum(limits - 1, 0))


def _window_weights(windows: Windows, weights: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(weights, np.float64)
    if values.shape != (len(windows),) or not (np.isfinite(values) & (values >= 0)).all():
        raise ArgumentError(
            "window_weights",
            f"expected {len(windows)} finite numbers of 0 or more, found shape {values.shape}",
        )
    return values
