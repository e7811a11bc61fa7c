"""Well-formed chunks with contents that mean ill: what pictures are drawn from, and with."""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import h5py
import numpy as np
import zarr

from crafter_dataset.schemas.anchors import Anchors
from crafter_dataset.schemas.arithmetic import ceil_div
from crafter_dataset.schemas.entries import ATTRIBUTE
from crafter_dataset.schemas.hdf5_format import DIMENSIONS
from crafter_dataset.schemas.layout import ANCHOR_WORDS, BUILT_TABLE, FIELDS
from crafter_dataset.schemas.metadata import Metadata
from crafter_dataset.schemas.zarr_format import DOCUMENT

BY_PATH = {field.path: field for field in FIELDS}
ROWS = ("tiles", "inventory", "sleeping", "random_words")
FIXED = ("pictures/tiles", "pictures/items", "pictures/vignette", "pictures/daylight")
WORDS = (-(2**63), -1, 0, 1, 623, 624, 625, 10**5, 10**6, 10**8, 2**31, 2**53, 2**62, 2**63 - 1)
LIGHT = (0.0, 1.0, 0.5, 0.1, -0.0, 5e-324, -1.0, 2.0, 1e308, np.nan, np.inf, -np.inf)


class Opened(Protocol):
    """A dataset whose arrays and metadata can be written as one likes."""

    metadata: dict[str, Any]

    def read(self, name: str) -> Any: ...

    def write(self, name: str, values: Any, chunk_rows: int = 0) -> None: ...

    def close(self) -> None: ...


def spoil(path: Path, rng: random.Random) -> str:
    """Change arrays of a dataset whose pictures are drawn; say what was done."""
    kinds: list[Callable[[Opened, random.Random], str]] = [
        _rows, _rows, _rows, _words, _words, _anchors, _anchors, _anchors, _fixed, _fixed, _light,
        _shape, _shape, _table, _table, _names, _geometry, _geometry, _geometry, _geometry, _long,
    ]  # fmt: skip
    kind = rng.choice(kinds)
    with opened(path) as dataset:
        return f"{kind.__name__.strip('_')}: {kind(dataset, rng)}"


class _Zarr:
    """Writes through zarr-python; what the root says of an array is what the array says."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._root = json.loads((path / DOCUMENT).read_text())
        self.metadata = self._root["attributes"][ATTRIBUTE]

    def _array(self, name: str) -> Any:
        return zarr.open_array(self._path / name, mode="r+")

    def read(self, name: str) -> Any:
        return self._array(name)[...]

    def write(self, name: str, values: Any, chunk_rows: int = 0) -> None:
        folder = self._path / name
        document = json.loads((folder / DOCUMENT).read_text())
        grid, codec = document["chunk_grid"]["configuration"], document["codecs"][0]
        rows, rest = grid["chunk_shape"][0], list(values.shape[1:])
        if name in FIXED:
            rows = max(len(values), 1)
        if codec["name"] == "sharding_indexed":
            chunk_rows = chunk_rows or codec["configuration"]["chunk_shape"][0]
            rows = -(-rows // chunk_rows) * chunk_rows
            codec["configuration"]["chunk_shape"] = [chunk_rows, *rest]
        grid["chunk_shape"] = [rows, *rest]
        names = document["dimension_names"][: values.ndim]
        document["dimension_names"] = names + [None] * (values.ndim - len(names))
        document["shape"], document["data_type"] = list(values.shape), values.dtype.name
        document["fill_value"] = values.dtype.type(0).item()
        (folder / DOCUMENT).write_text(json.dumps(document))
        self._root["consolidated_metadata"]["metadata"][name] = document
        for file in folder.glob("c.*"):
            file.unlink()
        with zarr.config.set({"array.write_empty_chunks": True}):
            self._array(name)[...] = values

    def close(self) -> None:
        (self._path / DOCUMENT).write_text(json.dumps(self._root))


class _Hdf5:
    """Writes through h5py."""

    def __init__(self, path: Path) -> None:
        self._file = h5py.File(path, "r+", locking=False)
        self.metadata = json.loads(self._file.attrs[ATTRIBUTE])

    def read(self, name: str) -> Any:
        return self._file[name][...]

    def write(self, name: str, values: Any, chunk_rows: int = 0) -> None:
        old = self._file[name]
        rows, dims = chunk_rows or old.chunks[0], old.attrs[DIMENSIONS]
        if (
            values.shape[1:] == old.shape[1:]
            and rows == old.chunks[0]
            and values.dtype == old.dtype
        ):
            old.resize(len(values), 0)
            old[...] = values
            return
        if name in FIXED:
            rows = max(len(values), 1)
        del self._file[name]
        new = self._file.create_dataset(
            name, data=values, chunks=(rows, *values.shape[1:]), compression="gzip",
            fletcher32=True, maxshape=(None, *values.shape[1:]),
        )  # fmt: skip
        new.attrs[DIMENSIONS] = dims

    def close(self) -> None:
        del self._file.attrs[ATTRIBUTE]
        self._file.attrs[ATTRIBUTE] = json.dumps(self.metadata)
        self._file.close()


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """Open a dataset, to change its arrays and metadata."""
    dataset = _Zarr(path) if path.is_dir() else _Hdf5(path)
    try:
        yield dataset
    finally:
        dataset.close()


def _noise(rng: random.Random, shape: tuple[int, ...], dtype: Any) -> Any:
    """Return garbage."""
    random_numbers = np.random.default_rng(rng.randrange(2**32))
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return random_numbers.random(shape).astype(dtype)
    size = int(np.prod(shape)) * dtype.itemsize
    return random_numbers.integers(0, 256, size, np.uint8).view(dtype).reshape(shape)


def _some(rng: random.Random, count: int) -> Any:
    """Choose rows: all, one, or from one on."""
    row = rng.randrange(count)
    return rng.choice([slice(None), slice(row, row + 1), slice(row, None)])


def _rows(dataset: Opened, rng: random.Random) -> str:
    """Put other values into rows, also such as there are no images for."""
    name = rng.choice(ROWS[:3])
    values = dataset.read(name)
    where, count = _some(rng, len(values)), len(dataset.metadata["tiles"])
    flat = values.view(np.uint8).reshape(len(values), -1)
    what = rng.choice(["garbage", "number", "cell", "other rows"])
    number = rng.choice([0, 1, 2, 9, 10, 127, 128, count - 1, count, 255]) % 256
    if what == "garbage":
        flat[where] = _noise(rng, flat[where].shape, "u1")
    elif what == "number":
        flat[where] = number
    elif what == "cell":
        flat[where, rng.randrange(flat.shape[1])] = number
    else:
        values[where] = values[::-1][where]
    dataset.write(name, values)
    return f"{name}[{where}]: {what} {number}"


def _words(dataset: Opened, rng: random.Random) -> str:
    """Let random words fall, repeat, jump or be garbage."""
    values = dataset.read("random_words")
    where, number = _some(rng, len(values)), rng.choice(WORDS)
    what = rng.choice(["number", "more", "steps", "falling", "garbage", "multiplied"])
    with np.errstate(over="ignore"):
        if what == "number":
            values[where] = number
        elif what == "more":
            values[where] += np.int64(number)
        elif what == "steps":
            values[where] += np.arange(len(values[where])) * np.int64(number)
        elif what == "falling":
            values[where] = values[where][::-1].copy()
        elif what == "garbage":
            values[where] = _noise(rng, values[where].shape, "i8")
        else:
            values[where] *= np.int64(number)
    dataset.write("random_words", values)
    return f"{what} {number} at {where}"


def _anchors(dataset: Opened, rng: random.Random) -> str:
    """Let states be others, of other places, or garbage."""
    values = dataset.read("anchors")
    size = dataset.metadata["chunk_frames"]
    chunks = values.reshape(-1, size, values.shape[1])
    found, where = Anchors.gathered(chunks), _some(rng, len(chunks))
    what = rng.choice(["back", "back", "words", "words", "states", "checksums", "both", "garbage"])
    back = rng.choice([0, 1, 2, 3, 19, 20, 21, 25, 1000, 2**31 - 1, 2**31, 2**32 - 1])
    words = rng.choice(WORDS)
    if what in ("back", "both"):
        found.back[where] = back
    if what in ("words", "both"):
        found.words[where] = words
    if what in ("states", "both"):
        found.states[where] = rng.choice([0, 2**32 - 1, _noise(rng, (ANCHOR_WORDS - 5,), "u4")])
    if what == "checksums":
        found.checksums[where] = rng.randrange(2**64)
    values = found.spread(size).reshape(values.shape)
    if what == "garbage":
        values.reshape(chunks.shape)[where] = _noise(rng, chunks[where].shape, "u4")
    dataset.write("anchors", values)
    return f"{what} at {where}: back {back}, words {words}"


def _fixed(dataset: Opened, rng: random.Random) -> str:
    """Put other images, or numbers that are none, where all pictures come from."""
    name = rng.choice(FIXED)
    values = dataset.read(name)
    flat, what = values.reshape(-1), rng.choice(["garbage", "number", "one"])
    numbers = LIGHT if values.dtype.kind == "f" else (0, 1, 255)
    number = rng.choice(numbers)
    if what == "garbage":
        flat[:] = _noise(rng, flat.shape, values.dtype)
    else:
        flat[slice(None) if what == "number" else rng.randrange(len(flat))] = number
    dataset.write(name, values)
    return f"{name}: {what} {number}"


def _light(dataset: Opened, rng: random.Random) -> str:
    """Let it be night at all times, or at times: then more is drawn with random numbers."""
    values = dataset.read("pictures/daylight")
    where, number = _some(rng, len(values)), rng.choice(LIGHT[:6])
    values[where] = number
    dataset.write("pictures/daylight", values)
    return f"{number} at {where}, {_words(dataset, rng)}"


def _shape(dataset: Opened, rng: random.Random) -> str:
    """Give an array another shape or type, of which nothing else tells."""
    name = rng.choice([*FIXED, *ROWS, "anchors", "episodes/world_seeds"])
    values = dataset.read(name)
    axis = rng.randrange(values.ndim)
    what = rng.choice(["less", "more", "none", "turned", "type", "type", "flat", "axis"])
    if what == "less":
        values = np.take(values, np.arange(max(values.shape[axis] - 1, 1)), axis)
    elif what == "more":
        values = np.concatenate([values, values], axis)
    elif what == "none" and axis == 0:
        values = values[:0]
    elif what == "turned":
        values = np.ascontiguousarray(values.T)
    elif what == "type":
        values = values.astype(rng.choice(["u1", "i1", "u4", "i8", "u8", "f4", "f8", "?"]))
    elif what == "flat":
        values = values.reshape(-1)
    else:
        values = values[..., None]
    dataset.write(name, np.ascontiguousarray(values))
    return f"{name}: {what} along {axis}, {values.shape} of {values.dtype}"


def _table(dataset: Opened, rng: random.Random) -> str:
    """Let episodes lie elsewhere, over each other, or have other seeds."""
    name = rng.choice(["starts", "starts", "lengths", "lengths", "world_seeds"])
    path = f"episodes/{name}"
    values, rows = dataset.read(path), dataset.metadata["counts"]["rows"]
    size = dataset.metadata["chunk_frames"]
    number = rng.choice([0, 1, -1, size, -size, rows, 2**31, 2**32, 2**62, -(2**63), 2**63 - size])
    what = rng.choice(["number", "one", "more", "reversed"])
    if what == "reversed":
        values = values[::-1].copy()
    elif what == "more":
        with np.errstate(over="ignore"):
            values += np.int64(number)
    else:
        values[slice(None) if what == "number" else rng.randrange(len(values))] = number
    dataset.write(path, values)
    return f"{path}: {what} {number}"


def _names(dataset: Opened, rng: random.Random) -> str:
    """List other tiles, with or without images of as many."""
    names = dataset.metadata["tiles"]
    what = rng.choice(["things", "fewer", "more", "swapped", "one", "other"])
    if what == "things":
        names[:] = _tiles(dataset.metadata["materials"], rng.choice([0, 1, 13, 15]))
        images = dataset.read("pictures/tiles")
        dataset.write("pictures/tiles", np.resize(images, (len(names), *images.shape[1:])))
    elif what == "swapped":
        first, second = rng.sample(range(len(names)), 2)
        names[first], names[second] = names[second], names[first]
    elif what == "other":
        names[rng.randrange(len(names))] = rng.choice(["x", "\x00", "a" * 1000, "cow", "\ud800"])
    else:
        count = {"fewer": len(names) - 1, "more": 256, "one": 1}[what]
        names[:] = [*names, *(f"tile {n}" for n in range(len(names), count))][:count]
        if rng.random() < 0.7:
            images = dataset.read("pictures/tiles")
            dataset.write("pictures/tiles", np.resize(images, (count, *images.shape[1:])))
    return f"{what}, {len(names)}"


def _geometry(dataset: Opened, rng: random.Random) -> str:
    """Make a dataset of another geometry, whose arrays all fit, and are garbage."""
    content = dataset.metadata
    columns, items = rng.choice([1, 2, 3, 9, 17, 40]), rng.choice([1, 2, 3, 16, 40, 256])
    view = [columns, ceil_div(items, columns) + rng.choice([1, 1, 2, 7, 30])]
    unit = [rng.choice([1, 1, 2, 3, 7, 11, 40]) for _ in range(2)]
    size = [cells * pixels + rng.randrange(cells) for cells, pixels in zip(view, unit, strict=True)]
    if size[0] * size[1] > 250_000:
        size = view[:]
    content["items"] = [f"item {number}" for number in range(items)]
    content["env"] |= {"view": view, "size": size}
    if rng.random() < 0.3:
        _move(content, [rng.choice([1, 1000, 32_767]) for _ in range(2)])
    if rng.random() < 0.3:
        content["env"]["length"] = rng.choice([1, 20, 60, 1000, 65_535])
    if rng.random() < 0.5:
        content["materials"] = [f"material {number}" for number in range(rng.choice([1, 12, 127]))]
        content["tiles"] = _tiles(content["materials"], rng.choice([0, 1, 14]))
    if rng.random() < 0.3:
        content["chunk_frames"] = rng.choice([1, 2, 4])
    metadata = Metadata.from_attributes({ATTRIBUTE: content}, "made")
    sizes, can_be_drawn = metadata.sizes(), rng.random() < 0.8
    for name in (*ROWS, "anchors", *FIXED):
        field = BY_PATH[name]
        rows = sizes[field.dims[0]] if field.fixed else metadata.counts.rows
        values = _noise(rng, (rows, *field.row_shape(sizes)), field.dtype)
        if can_be_drawn:
            values = _drawable(name, values, metadata, rng)
        dataset.write(name, values, 0 if field.fixed else metadata.chunk_frames)
    env = content["env"]
    return f"view {view}, size {size}, {items} items, area {env['area']}, length {env['length']}"


def _tiles(materials: list[str], things: int) -> list[str]:
    """Name so many things on all grounds, 256 at most; without one there is the ground alone."""
    ground = ["nothing", *materials]
    things = min(things, 256 // len(ground) - 1)
    return [*ground, *(f"thing {thing} on {below}" for thing in range(things) for below in ground)]


def _drawable(name: str, values: Any, metadata: Metadata, rng: random.Random) -> Any:
    """Bring garbage within the bounds of what can be drawn."""
    if name == "tiles":
        return values % np.uint8(min(len(metadata.tiles), 255))
    if name == "inventory":
        return values % np.uint8(10)
    if name == "sleeping":
        return values.view(np.uint8) % 2 == 1
    if name == "random_words":
        pixels = metadata.sizes()["view_x"] * metadata.sizes()["view_y"]
        return np.arange(len(values)) * (2 * pixels + rng.choice([0, 100, 10_000]))
    if name == "anchors":
        rows = values.reshape(-1, metadata.chunk_frames, values.shape[1])
        found = Anchors.gathered(rows)
        found.back[:] = [rng.choice([0, 0, 1]) for _ in rows]
        found.words[:] = [rng.choice([1, 624, 10_000]) for _ in rows]
        return found.spread(metadata.chunk_frames).reshape(values.shape)
    return values


def _move(content: dict[str, Any], area: list[int]) -> None:
    """Claim another world, and leave out the maps of this one."""
    content["env"]["area"] = area
    content["fields"] = [name for name in content["fields"] if name != "semantic"]
    content["episode_fields"] = [name for name in BUILT_TABLE if name != "terrain"]


def _long(dataset: Opened, rng: random.Random) -> str:
    """Let random words run on by night, for as long as a huge world's may."""
    _move(dataset.metadata, rng.choice([[1000, 1000], [32_767, 32_767]]))
    values, step = dataset.read("random_words"), rng.choice([10**5, 10**7, 10**9, 17 * 10**9])
    dataset.write("random_words", np.arange(len(values)) * step)
    light = dataset.read("pictures/daylight")
    dataset.write("pictures/daylight", np.zeros_like(light))
    return f"steps of {step:,} words in {dataset.metadata['env']['area']}"
