"""Minari's datasets in HDF5, our exporter's among them. Imports h5py when opened."""

from __future__ import annotations

import io
import json
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from crafter_dataset.builder.episodes import Rows
from crafter_dataset.builder.importing.checks import check_ends, convert, describe, require_room
from crafter_dataset.builder.importing.foreign import (
    ForeignEpisode,
    ForeignError,
    refuse_pointer,
)
from crafter_dataset.engine.spec import ACTIONS
from crafter_dataset.schemas.entries import ATTRIBUTE
from crafter_dataset.schemas.errors import DatasetError, install_hint
from crafter_dataset.schemas.layout import END_REASONS, TABLE_FIELDS, TERMINATED, UNKNOWN
from crafter_dataset.schemas.metadata import Metadata
from crafter_dataset.schemas.variables import HDF5, hidden

METADATA = "metadata.json"
MAIN = "main_data.hdf5"

INFOS = {
    "semantic": ("semantic",),
    "positions": ("positions", "position", "player_pos"),
    "inventory": ("inventory",),
    "achievements": ("achievements",),
    "daylight": ("daylight",),
}
"""Names that infos have for a field: our exporter's, our environment's and Crafter's."""

MOST_PIXELS = 2**24
"""Pixels of a picture that is compressed, at most."""

OMITTED = ("episode_fields", "unknown", "sources", "policies", "extras")
"""Entries that metadata leaves out where they are the default."""

JPEG_NOTE = (
    "frames: the source has them as JPEG, which is lossy, so they are not Crafter's own; decoded "
    "as Minari decodes them"
)


class MinariEpisodes:
    """A Minari dataset of Crafter, `data/metadata.json` and `data/main_data.hdf5`.

    Group `episode_<i>` holds `observations` (T + 1, H, W, 3) and, of T rows,
    `actions`, `rewards`, `terminations` and `truncations`: what the action at a
    frame caused stands in that frame's row, as in ours. A group `infos` may hold
    T + 1 rows of `semantic`, `positions`, `inventory`, `achievements` and
    `daylight`. `inventory` and `achievements` are one array, in our order of
    names, or a group with one array per name.

    - Pictures of 32 pixels or more are lossy JPEG unless their writer said
      otherwise. They are decoded with Pillow, as Minari itself does, and
      `notes` says so: the loss is the writer's, nothing is added to it here.
    - A termination is a death. A truncation may be a time limit or a cut, so
      the end reason is unknown; and so it is without either.
    - What `loader.export.minari` wrote says more: the entry `crafter_dataset` of
      `metadata.json` is the dataset's metadata, `seed` of an episode is its
      world's seed, and `end_reason` its end reason. All of it comes back but
      `terrain` and the ids. If those were not 0, 1, 2 and so on, the dataset's
      seed says nothing of the episodes any more, and is listed as unknown.

    Facts of the package minari 0.5.4: `dataset/minari_storage.py` and
    `dataset/_storages/hdf5_storage.py`.

    Parameters
    ----------
    path : Path
        The dataset's folder, or the `data` folder in it.

    Raises
    ------
    ForeignError
        If a file is damaged or something else, or h5py is not installed.
    """

    def __init__(self, path: Path) -> None:
        folder = find_data(path)
        if folder is None:
            raise ForeignError(
                f"{path}: expected {METADATA} and {MAIN}, here or in data, found neither"
            )
        self._file = folder / MAIN
        self._h5py = _h5py()
        entries = _read_entries(folder / METADATA)
        if entries.get("data_format", "hdf5") != "hdf5":
            raise ForeignError(
                f"{folder / METADATA}: expected data_format hdf5, found {entries['data_format']}"
            )
        _check_environment(entries, folder / METADATA)
        refuse_pointer(self._file)
        self.notes: tuple[str, ...] = ()
        from crafter_dataset.schemas.hdf5_foreign import find_dataset

        with _reading(self._file), self._open() as root:
            groups = [group for group in root if group.startswith("episode_")]
            self.count = len(groups)
            stated = entries.get("total_episodes", self.count)
            names = [f"episode_{i}" for i in range(self.count)]
            if not groups or stated != self.count or set(names) != set(groups):
                raise ForeignError(
                    f"{self._file}: expected groups episode_0 to episode_{stated - 1}, "
                    f"found {len(groups)} groups"
                )
            attributes = [dict(root[name].attrs) for name in names]
            longest = max(len(find_dataset(root, f"{name}/actions")) for name in names)
            if root.get("episode_0/observations", getclass=True) is not self._h5py.Dataset:
                raise ForeignError(
                    f"{self._file}: observations: expected one array of pictures, found a group"
                )
            observations = find_dataset(root, "episode_0/observations")
            if _is_jpeg(observations):
                self.notes = (JPEG_NOTE,)
            shape = _pictures(observations, slice(0, 1)).shape
            if len(shape) != 4 or shape[3] != 3:
                raise ForeignError(
                    f"{self._file}: observations: expected shape (T + 1, H, W, 3), found {shape}"
                )
            infos = root["episode_0"].get("infos", {})
            self._infos = {
                field: name for field, names in INFOS.items() for name in names if name in infos
            }
            semantic = infos[self._infos["semantic"]] if "semantic" in self._infos else None
            area = None if semantic is None else semantic.shape[1:]
        if area is not None and len(area) != 2:
            raise ForeignError(
                f"{self._file}: semantic: expected shape (T + 1, x, y), found {('T + 1', *area)}"
            )
        self.metadata = describe(
            path, size=(shape[2], shape[1]), longest=longest, fields=self._infos, area=area
        )
        self._reasons: list[int] | None = None
        self._seeds: list[int] | None = None
        if isinstance(entries.get(ATTRIBUTE), Mapping):
            with _reading(self._file):
                self._restore(entries[ATTRIBUTE], attributes, longest, folder / METADATA)

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
        with _reading(self._file):
            root = self._open()
        with root:
            for number in range(self.count):
                with _reading(self._file):
                    episode = self._read(root[f"episode_{number}"], number)
                yield episode

    def _open(self) -> Any:
        # Not by its name: libhdf5 would ask for a lock if HDF5_USE_FILE_LOCKING says so, and some
        # file systems have none. It must be closed before the interpreter ends, see `Hdf5File`.
        stream = open(self._file, "rb", buffering=0)  # noqa: SIM115
        weakref.finalize(self, stream.close)
        file = self._h5py.File(stream, "r")
        weakref.finalize(self, file.close)
        return file

    def _read(self, group: Any, number: int) -> ForeignEpisode:
        from crafter_dataset.schemas.hdf5_foreign import find_dataset  # it loads h5py

        where = f"{self._file}: episode_{number}"
        length = len(find_dataset(group, "actions"))
        if not length:
            raise ForeignError(f"{where}: expected at least one action, found none")

        def take(name: str, values: NDArray[Any], rows: int, key: str) -> NDArray[Any]:
            return convert(name, values, rows, self.metadata, f"{where}/{key}")

        observations = _stored(group, "observations", length + 1, self._file)
        pictures = _pictures(observations, slice(None))
        rows: Rows = {"frames": take("frames", pictures, length + 1, "observations")}
        for name in ("actions", "rewards", "terminations", "truncations"):
            values = take(name, _stored(group, name, length, self._file)[()], length, name)
            rows[name] = np.append(values, np.zeros(1, values.dtype))
        for name, key in self._infos.items():
            if key not in group.get("infos", {}):
                raise ForeignError(f"{where}/infos: expected {key}, as in episode_0, found none")
            values = self._info(name, group, key, length + 1, f"{where}/infos/{key}")
            rows[name] = take(name, values, length + 1, f"infos/{key}")
        check_ends({n: rows[n][:-1] for n in ("terminations", "truncations")}, where)
        if self._reasons is not None:
            end_reason = self._reasons[number]
        else:
            died = bool(rows["terminations"][-2]) and not rows["truncations"][-2]
            end_reason = TERMINATED if died else UNKNOWN
        return ForeignEpisode(rows, end_reason, self._seeds[number] if self._seeds else None)

    def _info(self, name: str, group: Any, key: str, rows: int, where: str) -> NDArray[Any]:
        """Read an info; arrays of single names are stacked in the order of the dataset's names."""
        stored = group["infos"].get(key, getclass=True)
        if stored is self._h5py.Dataset:
            return np.asarray(_stored(group, f"infos/{key}", rows, self._file)[()])
        names = {
            "inventory": self.metadata.items,
            "achievements": self.metadata.achievements,
        }.get(name, ())
        found = list(group["infos"][key])
        if not names or not set(names) <= set(found):
            raise ForeignError(
                f"{where}: expected {', '.join(names) or 'an array'}, found {', '.join(found)}"
            )
        columns = [_stored(group, f"infos/{key}/{each}", rows, self._file)[()] for each in names]
        return np.stack(columns, axis=-1)

    def _restore(
        self, header: Mapping[str, Any], attributes: list[dict[str, Any]], longest: int, where: Path
    ) -> None:
        """Take over what our exporter wrote about the dataset and its episodes."""
        found = self.metadata
        entries = {key: value for key, value in found.to_json().items() if key not in OMITTED}
        entries |= dict(header)
        entries |= {"fields": list(found.fields), "version": found.version}
        try:
            stated = Metadata.from_attributes({ATTRIBUTE: entries}, str(where))
        except DatasetError as error:
            raise ForeignError(str(error)) from error
        if stated.env.size != found.env.size or longest > stated.env.length:
            raise ForeignError(
                f"{where}: expected pictures of {found.env.size} and a time limit of {longest} or "
                f"more, as {MAIN} has it, found {stated.env.size} and {stated.env.length}"
            )
        unknown = list(stated.unknown)
        numbered = [int(a.get("episode_id", -1)) for a in attributes] == [*range(self.count)]
        if stated.sources or "numbers" in stated.episode_fields or not numbered:
            unknown += ["seed", "trajectories_per_world"] + ["policy"] * bool(stated.sources)
        if "world_seeds" in stated.episode_fields and all("seed" in a for a in attributes):
            self._seeds = [int(a["seed"]) for a in attributes]
        reasons = [str(a.get("end_reason")) for a in attributes]
        if not set(reasons) <= set(END_REASONS):
            raise ForeignError(
                f"{self._file}: expected end reasons of {', '.join(END_REASONS)}, "
                f"found {next(reason for reason in reasons if reason not in END_REASONS)}"
            )
        self._reasons = [END_REASONS.index(reason) for reason in reasons]
        present = {*found.episode_fields, *(["world_seeds"] if self._seeds else [])}
        self.metadata = replace(
            stated,
            episode_fields=tuple(name for name in TABLE_FIELDS if name in present),
            unknown=tuple(dict.fromkeys(unknown)),
            sources=(),
            policies=(),
            extras=(),
        )


def find_data(path: Path) -> Path | None:
    """Return the folder that holds a dataset's metadata, None if there is none.

    Parameters
    ----------
    path : Path
        That folder, or the one that has it as `data`.
    """
    for folder in (path, path / "data"):
        if (folder / METADATA).is_file() and (
            (folder / MAIN).is_file() or "data_format" in _read_entries(folder / METADATA)
        ):
            return folder
    return None


def _read_entries(path: Path) -> dict[str, Any]:
    refuse_pointer(path)
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ForeignError(f"{path}: expected JSON, found {error}") from error
    if not isinstance(entries, dict) or not isinstance(entries.get("total_episodes", 0), int):
        raise ForeignError(f"{path}: expected the metadata of Minari, found other JSON")
    return entries


def _check_environment(entries: Mapping[str, Any], where: Path) -> None:
    """Refuse a dataset that says it is of another environment, or of other actions."""
    spec = _parsed(entries.get("env_spec"))
    names = [str(spec[key]) for key in ("id", "entry_point") if spec.get(key)]
    if names and not any("crafter" in name.lower() for name in names):
        raise ForeignError(f"{where}: env_spec: expected Crafter, found {names[0]}")
    space = _parsed(entries.get("action_space"))
    if not space:
        return
    found = [space.get("type"), space.get("n"), space.get("start") or 0]
    if found != ["Discrete", len(ACTIONS), 0]:
        shown = f"{found[0]}({found[1]})" if found[0] == "Discrete" else found[0]
        raise ForeignError(
            f"{where}: action_space: expected Discrete({len(ACTIONS)}), Crafter's, found {shown}"
        )


def _parsed(text: Any) -> dict[str, Any]:
    """Return the entries of a JSON document inside a text; none if it is something else."""
    try:
        document = json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _h5py() -> Any:
    try:
        with hidden(*HDF5):
            return import_module("h5py")
    except ModuleNotFoundError as error:
        raise ForeignError(
            f"h5py: expected it to be installed, found it missing; {install_hint('minari')}"
        ) from error


@contextmanager
def _reading(where: Path) -> Iterator[None]:
    """Turn what h5py and Pillow raise into one line."""
    try:
        yield
    except ForeignError:
        raise
    except Exception as error:  # Of many classes, from HDF5's library and from pictures.
        found = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ForeignError(f"{where}: expected a sound file of Minari, found {found}") from error


def _stored(group: Any, path: str, rows: int, file: Path) -> Any:
    """Return an array of a file, after a check that it has so many rows and all are in the file."""
    from crafter_dataset.schemas.hdf5_foreign import (  # they load h5py
        find_dataset,
        require_all_stored,
    )

    array = find_dataset(group, path)
    if array.shape[:1] != (rows,):
        raise ForeignError(
            f"{file}: {group.name}/{path}: expected {rows} rows, found {array.shape}"
        )
    require_room(array.nbytes, f"{file}: {group.name}/{path}")
    require_all_stored(array)
    return array


def _is_jpeg(observations: Any) -> bool:
    """Tell whether pictures are stored as JPEG: a row of bytes each, of one length or not."""
    inner = import_module("h5py").check_vlen_dtype(observations.dtype)
    return observations.ndim in (1, 2) and np.uint8 in (observations.dtype, inner)


def _pictures(observations: Any, rows: slice) -> NDArray[Any]:
    """Read pictures, decoding them if they are JPEG."""
    stored = observations[rows]
    if not _is_jpeg(observations):
        return np.asarray(stored)
    return np.stack([_decoded(row.tobytes()) for row in stored])


def _decoded(data: bytes) -> NDArray[Any]:
    try:
        image = Image.open(io.BytesIO(data), formats=["JPEG"])
        # The header may claim any size, at no cost.
        if image.width * image.height > MOST_PIXELS:
            raise ValueError(f"a picture of {image.width} x {image.height} pixels")
        return np.asarray(image)
    except UnidentifiedImageError as error:
        raise ValueError("observations that are no JPEG") from error  # `_reading` names the file
