"""Episodes that `torch.save` wrote: static data collectors', DIAMOND's and IRIS's.

PyTorch is imported when one is opened.
"""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.builder.episodes import Rows
from crafter_dataset.builder.importing.checks import check_ends, convert, describe
from crafter_dataset.builder.importing.foreign import (
    ForeignEpisode,
    ForeignError,
    PickledError,
    placeholder,
    refuse_pointer,
)
from crafter_dataset.builder.importing.plain_arrays import MAKERS, PlainArray
from crafter_dataset.schemas.errors import install_hint
from crafter_dataset.schemas.layout import TERMINATED, UNKNOWN

INFO = "info.pt"
LOWERED = (
    "frames: as they are in the files; the programs that collect such episodes pass pictures "
    "through floating point, which lowers 63 of the 256 pixel levels by one"
)


@dataclass(frozen=True)
class _Layout:
    """How a kind of episode is stored.

    Parameters
    ----------
    keys : dict of str to str
        The kind's name of each of our fields.
    more : tuple of str
        Further keys.
    has_info : bool
        Whether there may be an `info.pt`, and folders.
    unknown : tuple of str
        Fields that the kind does not tell.
    tells_death : bool
        Whether a set end means death.
    notes : tuple of str
        As `ForeignDataset.notes`.
    """

    keys: dict[str, str]
    more: tuple[str, ...] = ()
    has_info: bool = True
    unknown: tuple[str, ...] = ()
    tells_death: bool = True
    notes: tuple[str, ...] = ()


_KEYS = {
    "frames": "obs",
    "actions": "act",
    "rewards": "rew",
    "terminations": "end",
    "truncations": "trunc",
}
LAYOUTS: dict[str, _Layout] = {
    "collector": _Layout(_KEYS, unknown=("truncations",), notes=(LOWERED,)),
    "diamond": _Layout(_KEYS, more=("info",), notes=(LOWERED,)),
    "iris": _Layout(
        {
            "frames": "observations",
            "actions": "actions",
            "rewards": "rewards",
            "terminations": "ends",
        },
        more=("mask_padding",),
        has_info=False,
        unknown=("truncations",),
        tells_death=False,
    ),
}


class TorchEpisodes:
    """A folder of `.pt` episodes, in the order of the numbers that they are named by.

    An episode is a dict with T rows per key: row t holds a frame, the action
    taken there and what that action caused. The frame after the last action has
    no row, so ours is a placeholder.

    - A static data collector: `<hundreds>/<tens>/<ones>/<id>.pt` and `info.pt`; `obs` uint8
      (T, 3, H, W), `act` int64, `rew` float32, `end` and `trunc` uint8. `trunc`
      is never set, so `truncations` is unknown, and so is why an episode without
      `end` is over.
    - DIAMOND (`src/data/dataset.py`, `src/data/episode.py` and
      `src/coroutines/collector.py` at a1311e9): the same, under `train` and
      `test`, and a dict `info`, which holds `final_observation`, float (3, H, W)
      from -1 to 1, if the episode was over. It is the frame after the last
      action, taken if each value is a pixel's level. `trunc` may be the
      time limit or a wrapper's, so the end reason is unknown.
    - IRIS (`src/dataset.py`, `src/episode.py` at 30d06f6): `<id>.pt`;
      `observations` uint8 (T, 3, H, W), `actions` int64, `rewards` float32,
      `ends` int64, set at a death or time limit alike, and `mask_padding` bool,
      true throughout. Ids need not be consecutive: it deletes its oldest.

    Parameters
    ----------
    path : Path
        The folder.
    kind : {'collector', 'diamond', 'iris'}
        What it holds.
    allow_pickle : bool
        Whether files may hold objects of any class, which lets them run code.

    Raises
    ------
    ForeignError
        If the folder or its first episode is something else, or there is no PyTorch.
    """

    def __init__(self, path: Path, kind: str, allow_pickle: bool = False) -> None:
        self._path, self._layout, self._allow_pickle = path, LAYOUTS[kind], allow_pickle
        self._files = _find_files(path, self._layout.has_info)
        self._lengths = self._read_lengths()
        frames, first = self._layout.keys["frames"], self._files[0]
        shape = _array(self._load(first, whole=False)[frames], f"{first}: {frames}").shape
        if len(shape) != 4 or shape[1] != 3:
            raise ForeignError(f"{first}: {frames}: expected shape (T, 3, H, W), found {shape}")
        self.count = len(self._files)
        self.notes = self._layout.notes
        self.metadata = describe(
            path,
            size=(shape[3], shape[2]),
            longest=max(self._lengths),
            episode_fields=("final_frames",),
            unknown=self._layout.unknown,
        )

    def episodes(self) -> Iterator[ForeignEpisode]:
        """Yield the episodes in their order, read one at a time.

        Yields
        ------
        ForeignEpisode
            The next episode.

        Raises
        ------
        ForeignError
            If a file is damaged or holds something else, naming it.
        """
        for file, length in zip(self._files, self._lengths, strict=True):
            yield self._read(file, length)

    def _read_lengths(self) -> list[int]:
        """Return the number of actions of each episode, from `info.pt` or else the episodes."""
        info = self._path / INFO
        if self._layout.has_info and info.is_file():
            content = load_file(info, self._allow_pickle)
            if not isinstance(content, dict) or "lengths" not in content:
                raise ForeignError(
                    f"{info}: expected a dict with 'lengths', found {_kind(content)}"
                )
            lengths = _array(content["lengths"], f"{info}: lengths")
            ids = [int(file.stem) for file in self._files]
            if lengths.ndim != 1 or lengths.dtype.kind not in "iu" or ids != [*range(len(lengths))]:
                raise ForeignError(
                    f"{self._path}: expected episodes 0 to {lengths.size - 1}, as {INFO} has it, "
                    f"found {len(ids)}, {ids[0]} to {ids[-1]}"
                )
            return [int(length) for length in lengths]
        key = self._layout.keys["actions"]
        return [
            len(_array(self._load(file, whole=False)[key], f"{file}: {key}"))
            for file in self._files
        ]

    def _load(self, file: Path, whole: bool = True) -> dict[str, Any]:
        content = load_file(file, self._allow_pickle, whole)
        wanted = (*self._layout.keys.values(), *self._layout.more)
        if not isinstance(content, dict) or not set(wanted) <= set(content):
            raise ForeignError(
                f"{file}: expected a dict with {', '.join(wanted)}, found {_kind(content)}"
            )
        return content

    def _read(self, file: Path, length: int) -> ForeignEpisode:
        content, keys = self._load(file), self._layout.keys
        height, width = self.metadata.env.size[::-1]
        count = len(_array(content[keys["actions"]], f"{file}: {keys['actions']}"))
        if count != length or not length:
            wanted = f"{length} actions, as {INFO} has it" if length else "at least one action"
            raise ForeignError(f"{file}: expected {wanted}, found {count}")
        rows: Rows = {}
        for name, key in keys.items():
            values, where = _array(content[key], f"{file}: {key}"), f"{file}: {key}"
            if name != "frames":
                rows[name] = convert(name, values, length, self.metadata, where)
            elif values.shape != (length, 3, height, width):
                expected = (length, 3, height, width)
                raise ForeignError(f"{where}: expected shape {expected}, found {values.shape}")
            else:
                values = values.transpose(0, 2, 3, 1)
                frames = convert(name, values, length, self.metadata, where)
        rows.setdefault("truncations", np.zeros(length, np.bool_))
        check_ends({name: rows[name] for name in ("terminations", "truncations")}, str(file))
        if "mask_padding" in content:
            real = _array(content["mask_padding"], f"{file}: mask_padding")
            if real.shape != (length,) or not real.all():
                raise ForeignError(
                    f"{file}: mask_padding: expected {length} real rows, found fewer"
                )
        died = bool(rows["terminations"][-1]) and not rows["truncations"][-1]
        end_reason = TERMINATED if died and self._layout.tells_death else UNKNOWN
        final = self._final_frame(content, file)
        rows = placeholder(rows) | {"frames": np.zeros((length + 1, height, width, 3), np.uint8)}
        rows["frames"][:-1] = frames
        if final is not None:
            rows["frames"][-1] = final
        return ForeignEpisode(rows, end_reason, has_final_frame=final is not None)

    def _final_frame(self, content: dict[str, Any], file: Path) -> NDArray[np.uint8] | None:
        """Return DIAMOND's picture after the end, if its values are levels of a pixel."""
        if "info" not in self._layout.more:
            return None
        where = f"{file}: info"
        if not isinstance(content["info"], dict):
            raise ForeignError(f"{where}: expected a dict, found {_kind(content['info'])}")
        if "final_observation" not in content["info"]:
            return None
        values = _array(content["info"]["final_observation"], f"{where}: final_observation")
        shape = (3, *self.metadata.env.size[::-1])
        if values.shape != shape or values.dtype.kind != "f":
            raise ForeignError(
                f"{where}: final_observation: expected floats of shape {shape}, "
                f"found {values.dtype} of {values.shape}"
            )
        levels = (values.astype(np.float64) + 1) / 2 * 255
        pixels = np.rint(levels)
        # Far less than a level's half, and more than float32 leaves of exact levels.
        exact = (np.abs(levels - pixels) < 1e-3) & (pixels >= 0) & (pixels <= 255)
        return pixels.astype(np.uint8).transpose(1, 2, 0) if exact.all() else None


def find_numbered(folder: Path, deep: bool) -> list[Path]:
    """Return the `.pt` files that are named by a number, ordered by it.

    Parameters
    ----------
    folder : Path
        Where to look.
    deep : bool
        Whether to look anywhere below the folder, too.
    """
    pattern = "**/*.pt" if deep else "*.pt"
    found = [file for file in folder.glob(pattern) if file.stem.isascii() and file.stem.isdigit()]
    return sorted(found, key=lambda file: (int(file.stem), file))


def _find_files(path: Path, has_info: bool) -> list[Path]:
    inside = sorted(child.parent for child in path.glob(f"*/{INFO}"))
    if has_info and inside and not (path / INFO).is_file():
        names = " and ".join(map(str, inside))
        raise ForeignError(f"{path}: expected one dataset, found {names}; give one of them")
    files = find_numbered(path, deep=has_info)
    if not files:
        deeper = find_numbered(path, deep=True)
        found = f"them in {deeper[0].parent}" if deeper else "none"
        raise ForeignError(f"{path}: expected episodes named like 0.pt, found {found}")
    for one, other in pairwise(files):
        if int(one.stem) == int(other.stem):
            raise ForeignError(f"{path}: expected one file an episode, found {one} and {other}")
    return files


def load_file(path: Path, allow_pickle: bool = False, whole: bool = True) -> Any:
    """Load what `torch.save` wrote; large tensors stay in the file until they are read.

    Parameters
    ----------
    path : Path
        The file.
    allow_pickle : bool
        Whether it may hold objects of any class, which lets it run code; else
        it may hold tensors, NumPy arrays, `collections.Counter` and plain values.
    whole : bool
        Whether to check all its bytes against their checksums first, which
        PyTorch does not.

    Returns
    -------
    object
        What was saved, its tensors on the CPU.

    Raises
    ------
    ForeignError
        If it is damaged, or holds what it may not, or there is no PyTorch.
    """
    refuse_pointer(path)
    torch = _torch()
    if not allow_pickle and tuple(map(int, torch.__version__.split(".")[:2])) < (2, 6):
        raise PickledError(
            f"{path}: expected PyTorch 2.6 or newer, since older ones run code of files that "
            f"should hold tensors alone, found {torch.__version__}"
        )
    zipped = _is_zipped(path)
    if whole and zipped and (damaged := _damaged_member(path)):
        raise ForeignError(f"{path}: expected sound bytes, found {damaged} damaged")
    try:
        with nullcontext() if allow_pickle else _allow_numpy(torch):
            return _mapped_or_read(torch, path, not allow_pickle, zipped)
    except Exception as error:  # Of any class: unpickling runs what the file says.
        text = str(error)
        if isinstance(error, pickle.UnpicklingError) and (
            "Unsupported global" in text or (zipped and not _damaged_member(path))
        ):
            raise PickledError(
                f"{path}: expected tensors and plain values, found objects of other classes"
            ) from error
        found = (
            text.splitlines()[0].split(". ")[0]
            if zipped and text
            else "something else, or a part of one"
        )
        raise ForeignError(f"{path}: expected a file of torch.save, found {found}") from error


def _mapped_or_read(torch: ModuleType, path: Path, weights_only: bool, mapped: bool) -> Any:
    """Load a file from a map of it if it can be mapped, which not all file systems allow."""
    options = {"map_location": "cpu", "weights_only": weights_only}
    try:
        return torch.load(path, mmap=mapped, **options)
    except RuntimeError as error:
        if not mapped or "mmap" not in str(error):
            raise
        return torch.load(path, mmap=False, **options)


def _damaged_member(path: Path) -> str | None:
    """Return the name of a zip file's member whose bytes fail their checksum, if there is one."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip()
    except Exception:  # Of many classes, depending on the byte.
        return "its directory"


def _is_zipped(path: Path) -> bool:
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:  # One that it takes for a part of several.
        return True


def _torch() -> ModuleType:
    try:
        import torch
    except ModuleNotFoundError as error:
        raise ForeignError(
            f"PyTorch: expected it to be installed, found it missing; {install_hint('torch')}"
        ) from error
    return torch


def _allow_numpy(torch: ModuleType) -> AbstractContextManager[Any]:
    """Let plain files hold NumPy's arrays and numbers, made by our own makers; DIAMOND's do."""
    if torch.__version__ < (2, 6):
        return nullcontext()
    context: AbstractContextManager[Any] = torch.serialization.safe_globals(list(MAKERS))
    return context


def _array(value: Any, where: str) -> NDArray[Any]:
    """Return a tensor's values, or an array's."""
    if isinstance(value, PlainArray):
        return value.values
    if isinstance(value, np.ndarray):
        return value
    if not isinstance(value, _torch().Tensor):
        raise ForeignError(f"{where}: expected a tensor, found {type(value).__name__}")
    try:
        return np.asarray(value.detach().numpy())
    except (RuntimeError, TypeError) as error:  # Of a dtype or layout that NumPy lacks.
        raise ForeignError(f"{where}: expected numbers, found {value.dtype}") from error


def _kind(content: Any) -> str:
    if isinstance(content, dict):
        return f"a dict with {', '.join(map(str, content)) or 'nothing'}"
    return type(content).__name__
