"""Episodes of Crafter's own Recorder, as of the human dataset: a `.npz` each."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from crafter import constants
from numpy.typing import NDArray

from crafter_dataset.builder.episodes import Rows
from crafter_dataset.builder.importing.checks import check_ends, convert, describe, require_room
from crafter_dataset.builder.importing.foreign import (
    ForeignEpisode,
    ForeignError,
    PickledError,
    refuse_pointer,
)
from crafter_dataset.engine.spec import ACHIEVEMENTS, ITEMS
from crafter_dataset.schemas.layout import TERMINATED, TIME_LIMIT, UNKNOWN
from crafter_dataset.schemas.stray import is_stray

COUNTS: dict[str, tuple[re.Pattern[str], tuple[str, ...]]] = {
    "inventory": (re.compile(r"a?inventory_(.+)"), ITEMS),
    "achievements": (re.compile(r"achie?vements?_(.+)"), ACHIEVEMENTS),
}
"""How keys of single counts are spelt, and the names that there must be one of each."""

ARRAYS = {"semantic": "semantic", "positions": "player_pos"}
"""The Recorder's name of fields that it has as one array."""

AT_RESET = ("semantic", "positions", "inventory")
"""What the Recorder is told with a step, but not at a reset."""


@dataclass(frozen=True)
class _Scanned:
    """What was found out about an episode when the source was opened.

    Parameters
    ----------
    file : Path
        The file.
    length : int
        Actions.
    done, died : bool or None
        Whether the last action ended the episode, and in death; None if that is not said.
    told_at_reset : bool
        Whether there is more of the first row than its picture.
    """

    file: Path
    length: int
    done: bool | None
    died: bool | None
    told_at_reset: bool


class RecorderEpisodes:
    """A folder of episodes of `crafter.Recorder`, in the order of their names, by time.

    An episode of T actions has T + 1 rows per key: row t holds `image` uint8
    (H, W, 3), and the `action`, `reward`, `done` and `discount` that came with
    it; row 0 has none and holds zeros. So our row t takes those of row t + 1.
    `semantic`, `player_pos`, `achievement_*` and `ainventory_*`, spelt so, come
    with `info`, which Crafter returns from a step but not from a reset; row 0
    holds zeros there too. Of these, achievements are really 0. The others are
    not recorded: their first rows hold Crafter's defaults (the middle of the
    world, the first inventory, no material at all), and are listed as unknown.

    Crafter's `discount` is 0 at death and 1 otherwise, so an episode that is done
    without death is at the time limit, which is then known. If such episodes
    differ in length, neither is known. Files of Crafter's own GUI without a time
    limit have `done` as Python objects, which are not read unless allowed, and
    not needed.

    Facts of `crafter/recorder.py`, `env.py` and `run_gui.py`, version 1.8.3.

    Parameters
    ----------
    path : Path
        The folder, or one file.
    allow_pickle : bool
        Whether files may hold Python objects, which lets them run code.

    Raises
    ------
    ForeignError
        If a file is damaged or something else.
    """

    def __init__(self, path: Path, allow_pickle: bool = False) -> None:
        self._allow_pickle = allow_pickle
        files = [path] if path.is_file() else find_archives(path)
        if not files:
            raise ForeignError(f"{path}: expected .npz files of crafter.Recorder, found none")
        with Archive(files[0], allow_pickle) as first:
            self._fields = first.fields()
            shape = first["image"].shape
            area = first["semantic"].shape[1:] if "semantic" in self._fields else None
        if len(shape) != 4 or shape[3] != 3:
            raise ForeignError(f"{files[0]}: image: expected shape (T + 1, H, W, 3), found {shape}")
        if area is not None and len(area) != 2:
            raise ForeignError(
                f"{files[0]}: semantic: expected shape (T + 1, x, y), found {('T + 1', *area)}"
            )
        self._scanned = [self._scan(file) for file in files]
        self._limit = self._time_limit()
        blank = not all(seen.told_at_reset for seen in self._scanned)
        unknown = [f"{name}[0]" for name in AT_RESET if blank and name in self._fields]
        self.notes: tuple[str, ...] = ()
        if unknown:
            self.notes = (
                f"{', '.join(unknown)}: the Recorder has none at a reset; the first row of each "
                "episode holds Crafter's defaults, of the semantic map zeros",
            )
        if any(seen.died is None and seen.done for seen in self._scanned):
            unknown.append("truncations")
        self.count = len(files)
        self.metadata = describe(
            path,
            size=(shape[2], shape[1]),
            longest=max(seen.length for seen in self._scanned),
            fields=self._fields,
            unknown=unknown,
            area=area,
            length=self._limit,
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
        for seen in self._scanned:
            with Archive(seen.file, self._allow_pickle) as archive:
                episode = self._read(archive, seen)
            yield episode

    def _scan(self, file: Path) -> _Scanned:
        with Archive(file, self._allow_pickle) as archive:
            fields = archive.fields()
            if fields != self._fields:
                raise ForeignError(
                    f"{file}: expected {', '.join(self._fields) or 'no further fields'}, as in "
                    f"the first file, found {', '.join(fields) or 'none'}"
                )
            length = len(np.atleast_1d(archive["reward"])) - 1
            if length < 1:
                raise ForeignError(f"{file}: expected at least one action, found none")
            done, died = archive.done(), archive.died()
            # The map, the one that takes long to read, is read last, so hardly ever.
            told = (archive.field(name)[:1].any() for name in reversed(AT_RESET) if name in fields)
            return _Scanned(
                file,
                length,
                None if done is None else bool(done[-1]),
                None if died is None else bool(died[-1]),
                all(told),
            )

    def _time_limit(self) -> int | None:
        """Return the length at which episodes end without death, None if it is not always one."""
        over = {seen.length for seen in self._scanned if seen.done and seen.died is False}
        longest = max(seen.length for seen in self._scanned)
        return longest if over == {longest} else None

    def _read(self, archive: Archive, seen: _Scanned) -> ForeignEpisode:
        count, metadata = seen.length + 1, self.metadata

        def take(name: str, values: NDArray[Any], key: str, rows: int = count) -> NDArray[Any]:
            return convert(name, values, rows, metadata, f"{seen.file}: {key}")

        rows: Rows = {"frames": take("frames", archive["image"], "image")}
        for name, key in (("actions", "action"), ("rewards", "reward")):
            values = take(name, archive[key], key)
            rows[name] = np.append(values[1:], np.zeros(1, values.dtype))
        rows |= self._flags(archive, seen)
        for name in self._fields:
            values, key = archive.field(name), ARRAYS.get(name, name)
            if seen.told_at_reset or name not in AT_RESET:
                rows[name] = take(name, values, key)
                continue
            rows[name] = np.concatenate(
                [self._at_reset(name), take(name, values[1:], key, seen.length)]
            )
        died = bool(rows["terminations"][-2]) and seen.died is True
        limited = bool(rows["truncations"][-2]) and self._limit is not None
        end_reason = TERMINATED if died else TIME_LIMIT if limited else UNKNOWN
        return ForeignEpisode(rows, end_reason)

    def _flags(self, archive: Archive, seen: _Scanned) -> Rows:
        """Return the flags; an end that may be death or the time limit is a termination."""
        nothing = np.zeros(seen.length, np.bool_)
        done, died = archive.done(), archive.died()
        for values in (done, died):
            if values is not None and len(values) != seen.length:
                raise ForeignError(
                    f"{seen.file}: done, discount: expected {seen.length + 1} rows, as of reward, "
                    f"found {len(values) + 1}"
                )
        done = nothing if done is None else done
        flags = {
            "terminations": done if died is None else died,
            "truncations": nothing if died is None else done & ~died,
        }
        check_ends(flags, str(seen.file))
        return {name: np.append(values, False) for name, values in flags.items()}

    def _at_reset(self, name: str) -> NDArray[Any]:
        """Return a row of what Crafter has at a reset; of the semantic map, zeros."""
        area = self.metadata.env.area
        if name == "positions":
            return np.array([[area[0] // 2, area[1] // 2]], np.int16)
        if name == "inventory":
            return np.array([[constants.items[item]["initial"] for item in ITEMS]], np.uint8)
        return np.zeros((1, *area), np.uint8)


def find_archives(folder: Path) -> list[Path]:
    """Return the `.npz` files of a folder, in order, without what systems leave there.

    Parameters
    ----------
    folder : Path
        Where to look.
    """
    return sorted(file for file in folder.glob("*.npz") if not is_stray(file.name))


class Archive:
    """A `.npz` file, whose faults are a `ForeignError`.

    Parameters
    ----------
    file : Path
        The file.
    allow_pickle : bool
        Whether it may hold Python objects.
    """

    def __init__(self, file: Path, allow_pickle: bool) -> None:
        self._file, self._allow_pickle = file, allow_pickle

    def __enter__(self) -> Archive:
        refuse_pointer(self._file)
        with contextlib.ExitStack() as held:  # NumPy leaves a file open that it cannot read
            try:
                stream = held.enter_context(open(self._file, "rb"))
                opened = np.load(stream, allow_pickle=self._allow_pickle)
            except Exception as error:  # Of any class, from zip files and from unpickling.
                raise self._damaged("a whole .npz file", error) from error
            if not isinstance(opened, np.lib.npyio.NpzFile):
                raise ForeignError(f"{self._file}: expected an .npz file, found one array")
            self._npz = held.enter_context(opened)
            self._held = held.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._held.close()

    @property
    def keys(self) -> list[str]:
        """Names of the arrays."""
        return list(self._npz.files)

    def __getitem__(self, key: str) -> NDArray[Any]:
        if key not in self._npz.files:
            raise ForeignError(
                f"{self._file}: expected an array {key!r}, found {', '.join(self.keys)}"
            )
        try:
            archive: Any = self._npz.zip  # None only once it is closed
            name = key if key in archive.namelist() else f"{key}.npy"
            require_room(archive.getinfo(name).file_size, f"{self._file}: {key}")
            return np.asarray(self._npz[key])
        except ForeignError:
            raise
        except Exception as error:  # Of any class, from zip files and from unpickling.
            if "allow_pickle=False" in str(error):
                raise PickledError(
                    f"{self._file}: {key}: expected numbers, found Python objects"
                ) from error
            raise self._damaged(f"sound bytes of {key}", error) from error

    def fields(self) -> tuple[str, ...]:
        """Return the names of our optional fields that are there, whole."""
        counts = (name for name in COUNTS if self._counts(name))
        return (*(name for name, key in ARRAYS.items() if key in self.keys), *counts)

    def field(self, name: str) -> NDArray[Any]:
        """Read one of `fields`.

        Parameters
        ----------
        name : str
            The field's name.

        Returns
        -------
        ndarray, shape (T + 1, ...)
            Its rows, as the file has them.

        Raises
        ------
        ForeignError
            If the arrays of a field's single counts differ in shape.
        """
        if name in ARRAYS:
            return self[ARRAYS[name]]
        columns = [self[key] for key in self._counts(name)]
        if len({values.shape for values in columns}) > 1:
            raise ForeignError(f"{self._file}: {name}: expected as many rows of each, found others")
        return np.stack(columns, axis=-1)

    def done(self) -> NDArray[np.bool_] | None:
        """Read which actions ended the episode.

        Returns
        -------
        ndarray, shape (T,), bool, or None
            None if that is not there or cannot be read.
        """
        if "done" not in self.keys:
            return None
        try:
            return np.array([bool(value) for value in np.atleast_1d(self["done"])[1:]], np.bool_)
        except PickledError:  # Without a time limit Crafter has it True or None.
            return None

    def died(self) -> NDArray[np.bool_] | None:
        """Read which actions ended in death.

        Returns
        -------
        ndarray, shape (T,), bool, or None
            None if the file does not tell.
        """
        if "discount" in self.keys:
            return np.asarray(np.atleast_1d(self["discount"])[1:] == 0)
        if "inventory" in self.fields():
            return np.asarray(self.field("inventory")[1:, ITEMS.index("health")] <= 0)
        return None

    def _counts(self, name: str) -> list[str]:
        """Return the keys of a field's single counts, in its order; empty if one is missing."""
        pattern, wanted = COUNTS[name]
        found = {match[1]: key for key in self.keys if (match := pattern.fullmatch(key))}
        return [found[item] for item in wanted] if set(wanted) <= set(found) else []

    def _damaged(self, expected: str, error: Exception) -> ForeignError:
        found = str(error).splitlines()[0] if str(error) else type(error).__name__
        return ForeignError(f"{self._file}: expected {expected}, found {found}")
