"""Windows as PyTorch batches. Importing this module imports PyTorch (extra `torch`)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.schemas.arguments import whole_number
from crafter_dataset.schemas.errors import ArgumentError, CrafterDatasetError, MissingPackageError

try:
    import torch
except ModuleNotFoundError as error:
    raise MissingPackageError("PyTorch", "torch") from error

from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data._utils.collate import default_collate_fn_map

from crafter_dataset.loader.given_order import GivenOrder, inner_order, shared
from crafter_dataset.loader.samplers import Place, Sampler, UniformSampler
from crafter_dataset.loader.windows import Windows
from crafter_dataset.schemas.arithmetic import ceil_div, round_up
from crafter_dataset.schemas.wording import one_line

Layout = Literal["CHW", "HWC"]
Shapes = dict[str, tuple[tuple[int, ...], np.dtype[Any]]]

_NAMES = {
    "frames": "obs",
    "actions": "act",
    "rewards": "rew",
    "terminations": "end",
    "truncations": "trunc",
}
"""DIAMOND's names of the fields that it has."""


_WIDER = {np.dtype(np.uint16): np.int32, np.dtype(np.uint32): np.int64}
"""Types that PyTorch barely supports, and what stands for them."""

_PICTURE_AXES = 3
"""Axes of one frame."""

_OWN_OPTIONS = ("dataset", "collate_fn")
"""Options of a DataLoader that a `WindowLoader` sets itself."""


class SegmentId(NamedTuple):
    """The rows of an episode that a window covers, as in DIAMOND.

    Parameters
    ----------
    episode_id : int
        Id of the episode.
    start, stop : int
        First row, and the row after the last; padding lies before row 0 or
        after the episode's end.
    """

    episode_id: int
    start: int
    stop: int


@dataclass(repr=False)
class Batch:
    """A batch of B windows of L rows, under DIAMOND's names.

    Parameters
    ----------
    named : dict of str to Tensor
        Those of `obs`, `act`, `rew`, `end` and `trunc` that were asked for.
    mask_padding : Tensor, shape (B, L), bool
        True where a row belongs to the episode.
    episode_ids : Tensor, shape (B,), int64
        Id of each window's episode.
    starts : Tensor, shape (B,), int64
        Row of the episode at which each window begins, negative if it begins
        before the episode.
    others : dict of str to Tensor, shape (B, L, ...) or (B, L + 1, ...)
        The other fields that were asked for, by the dataset's names
        (`achievements` as int32, since PyTorch barely supports uint16); with
        the alignment `arrivals` also `is_first`, bool.
    layout : {'CHW', 'HWC'}
        Axes of the frames, after the first two.
    sent_as : tuple or None
        How it is sent from a worker process to the one that trains: shared
        memory, shapes and layout.

    Examples
    --------
    >>> import crafter_dataset
    >>> windows = crafter_dataset.Windows(crafter_dataset.open_dataset("data.zarr"), 16)
    >>> batch = next(iter(crafter_dataset.WindowLoader(windows, batch_size=8)))
    >>> batch.to("cpu").act.shape
    torch.Size([8, 16])
    >>> batch.as_iris()["observations"].shape
    torch.Size([8, 16, 3, 64, 64])
    """

    named: dict[str, Tensor]
    mask_padding: Tensor
    episode_ids: Tensor
    starts: Tensor
    others: dict[str, Tensor] = field(default_factory=dict)
    layout: Layout = "CHW"
    sent_as: tuple[Tensor, Shapes, Layout] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        if self.sent_as is not None:
            return _receive, self.sent_as
        return Batch, tuple(getattr(self, f.name) for f in fields(self))

    @property
    def obs(self) -> Tensor:
        """Frames, (B, L, C, H, W) or (B, L, H, W, C), uint8; L + 1 rows with `next_frame`.

        This and the next four raise an `ArgumentError` if the windows were made
        without the field.
        """
        return self._asked_for("obs")

    @property
    def act(self) -> Tensor:
        """Actions, (B, L), int64."""
        return self._asked_for("act")

    @property
    def rew(self) -> Tensor:
        """Rewards, (B, L), float32."""
        return self._asked_for("rew")

    @property
    def end(self) -> Tensor:
        """Terminations, (B, L), int64, 0 or 1."""
        return self._asked_for("end")

    @property
    def trunc(self) -> Tensor:
        """Truncations, (B, L), int64, 0 or 1."""
        return self._asked_for("trunc")

    def _asked_for(self, short: str) -> Tensor:
        if short not in self.named:
            name = next(name for name, known in _NAMES.items() if known == short)
            raise ArgumentError(
                "fields", f"expected {name!r} among those of the windows, found it left out"
            )
        return self.named[short]

    @property
    def segment_ids(self) -> list[SegmentId]:
        """Episode and rows of each window, padding included."""
        length = self.mask_padding.shape[-1]
        ids, starts = self.episode_ids.reshape(-1).tolist(), self.starts.reshape(-1).tolist()
        pairs = zip(ids, starts, strict=True)
        return [SegmentId(episode, start, start + length) for episode, start in pairs]

    def __len__(self) -> int:
        return len(self.mask_padding)

    def __repr__(self) -> str:
        shapes = (f"{k} {tuple(v.shape)}" for k, v in {**self.named, **self.others}.items())
        device = self.mask_padding.device
        return f"<Batch of {tuple(self.mask_padding.shape)} on {device}: {', '.join(shapes)}>"

    def __getitem__(self, index: int | slice) -> Batch:
        """Return one window, without the first axis, or the windows of a slice."""
        return self._map(lambda tensor: tensor[index])

    def to(self, device: torch.device | str, non_blocking: bool = True) -> Batch:
        """Copy to a device.

        Parameters
        ----------
        device : torch.device or str
            Where to.
        non_blocking : bool
            Whether not to wait for the copy, where the memory is pinned.

        Returns
        -------
        Batch
            The copy.
        """
        return self._map(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self, device: torch.device | str | None = None) -> Batch:
        """Copy to page-locked memory, from which copies to a GPU are faster.

        Parameters
        ----------
        device : torch.device or str, optional
            Ignored; `Tensor.pin_memory` takes it too.

        Returns
        -------
        Batch
            The copy.
        """
        return self._map(lambda tensor: tensor.pin_memory())

    def as_iris(self) -> dict[str, Tensor]:
        """Return the batch under IRIS's names.

        Returns
        -------
        dict of str to Tensor
            `observations`: float32 (B, L, C, H, W), 0 to 1, with `next_frame`
            L + 1 rows. `actions`, `ends`:
            int64 (B, L). `rewards`: float32 (B, L). `mask_padding`: bool (B, L).

        Raises
        ------
        ValueError
            If the windows lack a field.
        """
        frames = self.obs if self.layout == "CHW" else self.obs.movedim(-1, -3)
        return {
            "observations": normalize(frames, 0.0, 1.0),
            "actions": self.act,
            "rewards": self.rew,
            "ends": self.end,
            "mask_padding": self.mask_padding,
        }

    def as_dreamer(self) -> dict[str, Tensor]:
        """Return the batch under DreamerV3's names, from windows aligned to `arrivals`.

        Returns
        -------
        dict of str to Tensor
            `image`: uint8 (B, L, H, W, C). `action`: int32 (B, L). `reward`:
            float32 (B, L). `is_first`, `is_last`, `is_terminal`,
            `mask_padding`: bool (B, L); `is_first` is true at the first row of
            an episode, not at that of each window.

        Raises
        ------
        ValueError
            If the windows are aligned to transitions, or lack a field.
        """
        if "is_first" not in self.others:
            raise ArgumentError("windows", "expected the alignment 'arrivals', found 'transitions'")
        end = self.end.bool()
        return {
            "image": self.obs if self.layout == "HWC" else self.obs.movedim(-3, -1),
            "action": self.act.int(),
            "reward": self.rew,
            "is_first": self.others["is_first"],
            "is_last": end | self.trunc.bool(),
            "is_terminal": end,
            "mask_padding": self.mask_padding,
        }

    def _map(self, change: Callable[[Tensor], Tensor]) -> Batch:
        return replace(
            self,
            named={name: change(tensor) for name, tensor in self.named.items()},
            mask_padding=change(self.mask_padding),
            episode_ids=change(self.episode_ids),
            starts=change(self.starts),
            others={name: change(tensor) for name, tensor in self.others.items()},
            sent_as=None,
        )


def normalize(
    frames: Tensor,
    low: float = -1.0,
    high: float = 1.0,
    dtype: torch.dtype = torch.float32,
    *,
    mask: Tensor | None = None,
) -> Tensor:
    """Scale uint8 frames to a range, on the device where they are.

    Parameters
    ----------
    frames : Tensor, uint8
        Of any shape; with `mask`, (..., L, C, H, W) or (..., L, H, W, C).
    low, high : float
        What 0 and 255 become; -1 and 1 as in DIAMOND, or 0 and 1 as in IRIS.
    dtype : torch.dtype
        Floating-point type of the result.
    mask : Tensor, shape (..., L), bool, optional
        A batch's `mask_padding`, or a window's: rows where it is false become 0, as in
        DIAMOND, which pads after scaling. Frames of `next_frame`, which have
        L + 1 rows, keep the one after the last that belongs to the episode.
        Without a mask, padding, which is stored as 0, becomes `low`.

    Returns
    -------
    Tensor
        A copy of the shape of `frames`, from `low` to `high`.

    Raises
    ------
    ValueError
        If the frames are not uint8, or the mask does not fit.

    Examples
    --------
    >>> import crafter_dataset
    >>> import torch
    >>> frames = torch.tensor([0, 51, 255], dtype=torch.uint8)
    >>> crafter_dataset.normalize(frames, low=0.0, high=1.0)
    tensor([0.0000, 0.2000, 1.0000])
    """
    if not isinstance(frames, torch.Tensor):
        raise ArgumentError("frames", f"expected a Tensor, found {type(frames).__name__}")
    if frames.dtype != torch.uint8:
        raise ArgumentError("frames", f"expected uint8, found {frames.dtype}")
    scaled = frames.to(dtype).div_(255)
    if (low, high) != (0.0, 1.0):
        scaled.mul_(high - low).add_(low)
    if mask is None:
        return scaled
    rows = frames.shape[:-_PICTURE_AXES]
    if mask.ndim and rows == (*mask.shape[:-1], mask.shape[-1] + 1):
        pad = torch.nn.functional.pad
        mask = pad(mask, (0, 1)) | pad(mask, (1, 0))  # a row's own frame, or the next one
    if mask.shape != rows:
        raise ArgumentError("mask", f"expected shape {tuple(rows)}, found {tuple(mask.shape)}")
    return scaled.mul_(mask[..., None, None, None])


class WindowDataset(torch.utils.data.Dataset[Batch]):
    """Windows as a map-style dataset whose batches are read at once, without collation.

    For a DataLoader of your own, also over a `Subset` or the parts of
    `random_split`. Several go into a `ConcatDataset`, which reads window by window.

    Parameters
    ----------
    windows : Windows
        What to read.
    layout : {'CHW', 'HWC'}
        Axes of `Batch.obs`. `CHW` is a view of the stored `HWC`, what PyTorch
        calls channels last; `.contiguous()` copies it.

    Attributes
    ----------
    windows : Windows
        What is read.
    layout : {'CHW', 'HWC'}
        Axes of `Batch.obs`.

    Raises
    ------
    ValueError
        If there is no such layout.

    Examples
    --------
    >>> import crafter_dataset
    >>> from torch.utils.data import DataLoader
    >>> windows = crafter_dataset.Windows(crafter_dataset.open_dataset("data.zarr"), 16)
    >>> dataset = crafter_dataset.WindowDataset(windows, layout="HWC")
    >>> loader = DataLoader(dataset, 8, shuffle=True)
    >>> dataset[5].obs.shape, next(iter(loader)).obs.shape
    (torch.Size([16, 64, 64, 3]), torch.Size([8, 16, 64, 64, 3]))
    """

    def __init__(self, windows: Windows, layout: Layout = "CHW") -> None:
        if layout not in ("CHW", "HWC"):
            raise ArgumentError("layout", f"expected 'CHW' or 'HWC', found {layout!r}")
        self.windows, self.layout = windows, layout

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, index: int) -> Batch:
        number = range(len(self))[index]
        return _make_batch(self.windows.read([number]), self.layout)[0]

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """Read a batch of windows, by their numbers."""
        if torch.utils.data.get_worker_info() is None:
            return _make_batch(self.windows.read(indices), self.layout)
        # In a worker process: one piece of memory that the training process can map, so that
        # nothing is copied on the way there, and one file descriptor is sent, not one per field.
        shapes = self.windows.shapes(len(indices))
        size = sum(_room(*kind) for kind in shapes.values())
        try:
            storage = torch.UntypedStorage._new_shared(size)  # type: ignore[no-untyped-call]
        except RuntimeError as error:
            raise _no_shared_memory(f"{size} bytes for a batch", error) from error
        memory = torch.empty(0, dtype=torch.uint8).set_(storage)
        arrays = _divide(memory, shapes)
        self.windows.read(indices, arrays)
        batch = _make_batch(arrays, self.layout)
        batch.sent_as = memory, shapes, self.layout
        return batch


def collate(batch: Batch | Sequence[Batch], **options: Any) -> Batch:
    """Return a batch unchanged, or windows as a batch: `collate_fn` for a `WindowDataset`.

    It is what a DataLoader does by default with what a `WindowDataset` returns.

    Parameters
    ----------
    batch : Batch or sequence of Batch
        What the dataset returned; or single windows, as of a `ConcatDataset`.
    **options
        Ignored; PyTorch's `default_collate` passes them.

    Returns
    -------
    Batch
        The same object, or a new one.

    Raises
    ------
    ValueError
        If the windows are not of one kind.

    Examples
    --------
    >>> import crafter_dataset
    >>> from torch.utils.data import DataLoader
    >>> windows = crafter_dataset.Windows(crafter_dataset.open_dataset("data.zarr"), 16)
    >>> dataset = crafter_dataset.WindowDataset(windows)
    >>> sampler = crafter_dataset.EpisodeSampler(windows, samples=1000)
    >>> loader = DataLoader(dataset, 8, sampler=sampler, collate_fn=crafter_dataset.collate)
    >>> next(iter(loader)).act.shape
    torch.Size([8, 16])
    """
    if isinstance(batch, Batch):
        return batch
    first, *others = batch
    for other in others:
        if _kind(other) != _kind(first):
            raise ArgumentError(
                "windows", f"expected those of one kind in a batch, found {first} and {other}"
            )
    return Batch(
        {name: torch.stack([each.named[name] for each in batch]) for name in first.named},
        torch.stack([each.mask_padding for each in batch]),
        torch.stack([each.episode_ids for each in batch]),
        torch.stack([each.starts for each in batch]),
        {name: torch.stack([each.others[name] for each in batch]) for name in first.others},
        first.layout,
    )


def _kind(window: Batch) -> tuple[Any, ...]:
    """Return what windows must have in common to be in one batch."""
    tensors = window.named | window.others
    return window.layout, window.mask_padding.shape, {n: t.shape for n, t in tensors.items()}


default_collate_fn_map[Batch] = collate  # for a DataLoader that is given none


def _order(windows: Windows, order: Sampler | None, given: Any) -> Sampler:
    """Return the order of a loader, which may have been replaced by a trainer."""
    if isinstance(given, Sampler):
        order, given = given, None
    own = inner_order(given) if order is None else order
    own = UniformSampler(windows) if own is None else own
    if not isinstance(own, Sampler):
        raise TypeError(f"sampler: expected a Sampler, found {own!r}")
    if own.windows is not windows:
        raise ArgumentError("sampler", "expected one of these windows, found one of others")
    if given is None:
        return own
    if isinstance(given, torch.utils.data.SequentialSampler):
        return GivenOrder(windows, given)
    part = shared(own, given)
    if part is None:
        raise TypeError(f"sampler: expected a Sampler, found {given!r}")
    return part


class WindowLoader(DataLoader[Batch]):
    """A DataLoader over windows that goes on where it stopped, even in another process.

    Each iteration goes through the rest of the sampler's epoch, and the next
    one through the next epoch.

    Parameters
    ----------
    windows : Windows
        What to read.
    batch_size : int
        Windows in a batch.
    order : Sampler, optional
        Order in which they are drawn; by default `UniformSampler(windows)`.
    sampler : Sampler, optional
        Another name of `order`. Trainers such as Lightning put PyTorch's
        `DistributedSampler` here: then the order is shared out among the ranks,
        unless it is already. A `SequentialSampler` replaces it.
    layout : {'CHW', 'HWC'}
        Axes of the frames.
    drop_last : bool
        Whether to leave out a last batch that is short.
    **options
        As for `torch.utils.data.DataLoader`: `num_workers`, `pin_memory`,
        `multiprocessing_context`, `persistent_workers`, `prefetch_factor`, ...

    Attributes
    ----------
    windows : Windows
        What is read.
    order : Sampler
        Draws the windows; it may be ahead of the batches handed out.
    layout : {'CHW', 'HWC'}
        Axes of the frames.

    Raises
    ------
    TypeError
        If `windows`, `order` or `sampler` is of another class.
    ValueError
        If the sampler is of other windows, `batch_size` is out of its range, or
        there is no such layout.

    Examples
    --------
    >>> import crafter_dataset
    >>> windows = crafter_dataset.Windows(crafter_dataset.open_dataset("data.zarr"), 16)
    >>> batch = next(iter(crafter_dataset.WindowLoader(windows, batch_size=8)))
    >>> batch.obs.shape, batch.act.shape
    (torch.Size([8, 16, 3, 64, 64]), torch.Size([8, 16]))
    """

    def __init__(
        self,
        windows: Windows,
        batch_size: int,
        order: Sampler | None = None,
        *,
        sampler: Sampler | torch.utils.data.Sampler[int] | None = None,
        layout: Layout = "CHW",
        drop_last: bool = False,
        **options: Any,
    ) -> None:
        if not isinstance(windows, Windows):
            raise TypeError(f"windows: expected Windows, found {type(windows).__name__}")
        given = options.pop("batch_sampler", None)
        if given is not None:
            sampler, batch_size, drop_last = given.sampler, given.batch_size, given.drop_last
        for name in _OWN_OPTIONS:  # a trainer that makes the loader anew hands on what it has
            options.pop(name, None)
        self.windows, self.layout = windows, layout
        order = _order(windows, order, sampler)
        batch_size = whole_number("batch_size", batch_size, 1)
        if options.pop("shuffle", None):
            raise ArgumentError(
                "shuffle", "expected none, since the order is the sampler's, found one"
            )
        if drop_last and batch_size > len(order):
            raise ArgumentError(
                "batch_size",
                f"expected at most {len(order)}, the windows of an epoch, with "
                f"drop_last, found {batch_size}",
            )
        self.order = order
        # Where training is: workers draw ahead of it.
        self._place, self._moves = order.place, order.moves
        super().__init__(
            WindowDataset(windows, layout),
            batch_size=batch_size,
            sampler=order,
            drop_last=drop_last,
            collate_fn=collate,
            **options,
        )

    def __iter__(self) -> Iterator[Batch]:  # type: ignore[override]
        self._place = self._next_place()
        self.order.go(self._place)
        self._moves = self.order.moves
        try:
            batches = super().__iter__()
        except OSError as error:
            if not self.num_workers:
                raise
            raise _no_shared_memory("queues to workers", error) from error
        for batch in batches:
            drawn = self._place.drawn + len(batch)
            count = self.order.count(self._place)
            if self.drop_last and count - drawn < len(batch):
                drawn = count
            self._place = self._place._replace(drawn=drawn)
            yield batch

    def __repr__(self) -> str:
        return (
            f"<WindowLoader of {self.batch_size} windows a batch, {self.num_workers} workers:\n"
            f" {self.order!r}\n {self.order.windows!r}>"
        )

    def __len__(self) -> int:
        """Return how many batches a whole epoch has, wherever training is; see `left`."""
        return self._batches(self.order.count(Place()))

    @property
    def left(self) -> int:
        """How many batches are left in the epoch, or are in the next one at its end."""
        place = self._next_place()
        return self._batches(self.order.count(place) - place.drawn)

    def _batches(self, windows: int) -> int:
        size = self.batch_size or 1
        return windows // size if self.drop_last else ceil_div(windows, size)

    def _next_place(self) -> Place:
        """Return where the next iteration begins, even after the sampler was moved."""
        place = self._place if self._moves == self.order.moves else self.order.place
        place = self.order.here_or_next(place)
        left = self.order.count(place) - place.drawn
        if self.drop_last and left < (self.batch_size or 1):
            place = Place(place.epoch + 1)
        return place

    def state_dict(self) -> dict[str, Any]:
        """Return what `load_state_dict` needs to go on after the last batch handed out.

        Returns
        -------
        dict
            As from `Sampler.state_dict`.
        """
        moved = self._moves != self.order.moves
        return self.order.state_dict(self.order.place if moved else self._place)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where another loader was; see `Sampler.load_state_dict`.

        Parameters
        ----------
        state : dict
            What `state_dict` returned there.

        Raises
        ------
        ValueError
            If it drew in another order, or this is not such a state.
        """
        self.order.load_state_dict(state)


def _no_shared_memory(what: str, error: Exception) -> CrafterDatasetError:
    """Say what to do where worker processes cannot share memory, as in containers."""
    return CrafterDatasetError(
        f"shared memory: expected room in /dev/shm for {what}, found {one_line(error)}; "
        "give it more (docker run --shm-size=2g), or use num_workers=0, which decodes in threads"
    )


def _make_batch(arrays: dict[str, NDArray[Any]], layout: Layout) -> Batch:
    tensors = {
        name: torch.from_numpy(array.astype(_WIDER.get(array.dtype, array.dtype), copy=False))
        for name, array in arrays.items()
    }
    named = {short: tensors.pop(name) for name, short in _NAMES.items() if name in tensors}
    for short in {"act", "end", "trunc"} & set(named):
        named[short] = named[short].long()
    if "obs" in named and layout == "CHW":
        named["obs"] = named["obs"].permute(0, 1, 4, 2, 3)
    mask, ids, starts = (tensors.pop(name) for name in ("mask_padding", "episode_ids", "starts"))
    return Batch(named, mask, ids, starts, tensors, layout)


def _room(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    """Return how many bytes an array takes in shared memory, a multiple of 64."""
    return round_up(math.prod(shape) * dtype.itemsize, 64)


def _divide(memory: Tensor, shapes: Shapes) -> dict[str, NDArray[Any]]:
    """Lay arrays out one after the other in one piece of memory."""
    whole, start, arrays = memory.numpy(), 0, {}
    for name, (shape, dtype) in shapes.items():
        part = whole[start : start + math.prod(shape) * dtype.itemsize]
        arrays[name] = part.view(dtype).reshape(shape)
        start += _room(shape, dtype)
    return arrays


def _receive(memory: Tensor, shapes: Shapes, layout: Layout) -> Batch:
    """Rebuild a worker's batch in the process that trains."""
    return _make_batch(_divide(memory, shapes), layout)
