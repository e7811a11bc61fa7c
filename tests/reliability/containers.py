"""The containers that every campaign runs over, and what the campaigns ask of a dataset."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from crafter_dataset.builder.settings import BuildSettings
from crafter_dataset.loader import open_dataset
from crafter_dataset.loader.container import open_container
from crafter_dataset.schemas import find_violations
from crafter_dataset.schemas.errors import NotADatasetError
from crafter_dataset.schemas.layout import DRAWN, STORED
from crafter_dataset.schemas.shards import MISSING, read_index
from crafter_dataset.schemas.zarr_format import DOCUMENT

QUICK = BuildSettings(seed=4, area=(10, 10), size=(18, 18), length=20, chunk_frames=8)
"""Episodes of a few milliseconds, whose arrays are small."""

NIGHTS = replace(QUICK, seed=0, length=200, pictures=DRAWN)
"""Episodes with nights, in which pictures are drawn with random numbers, and sleep."""


@dataclass(frozen=True)
class Kind:
    """A kind of dataset: its container, and whether its pictures are stored or drawn.

    Parameters
    ----------
    suffix : str
        Of its path.
    pictures : str
        As in `BuildSettings`.
    """

    suffix: str
    pictures: str = STORED

    def __str__(self) -> str:
        return self.suffix if self.pictures == STORED else f".{self.pictures}{self.suffix}"

    @property
    def settings(self) -> BuildSettings:
        """Settings under which it is built quickly; those of `OPTIONS`, for commands."""
        return replace(QUICK, pictures=self.pictures)


KINDS = ZARR, HDF5, DRAWN_ZARR, DRAWN_HDF5 = (
    Kind(".zarr"), Kind(".h5"), Kind(".zarr", DRAWN), Kind(".h5", DRAWN),
)  # fmt: skip


def each_kind(*quick: Kind) -> pytest.MarkDecorator:
    """Run a test over all kinds, over those that are not named only with the slow ones."""
    marks = {kind: () if kind in quick else pytest.mark.slow for kind in KINDS}
    params = [pytest.param(kind, marks=marks[kind], id=str(kind)) for kind in KINDS]
    return pytest.mark.parametrize("kind", params)


SMALL = {
    "crafter_dataset.schemas.layout.FILE_ROWS": 48,
    "crafter_dataset.schemas.layout.TABLE_FILE_ROWS": 4,
    "crafter_dataset.schemas.hdf5_format.CHUNK_ROWS": 48,
}
"""Rows a file or a chunk under which a small dataset has several of them in an array."""

OPTIONS = {
    "seed": QUICK.seed, "area": "10x10", "size": "18x18", "length": 20, "chunk-frames": 8,
}  # fmt: skip


@contextmanager
def small_files() -> Iterator[None]:
    """Let files and chunks be full after a few episodes."""
    with pytest.MonkeyPatch.context() as patch:
        for name, rows in SMALL.items():
            patch.setattr(name, rows)
        yield


@contextmanager
def many_states() -> Iterator[None]:
    """Let every other chunk of the night have a state of its random numbers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("crafter_dataset.builder.episodes.LEAST_WORDS", 6_000)
        yield


def build_command(path: Path, *flags: str, **options: object) -> list[str]:
    """Write the command line that builds a quick dataset."""
    named = OPTIONS | {name.replace("_", "-"): value for name, value in options.items()}
    pairs = [str(word) for name, value in named.items() for word in (f"--{name}", value)]
    script = Path(sys.executable).with_name("build-dataset")
    return [str(script), "--out", str(path), *pairs, *flags]


def start_build(path: Path, *flags: str, **options: object) -> subprocess.Popen[str]:
    """Start a build as a process group of its own."""
    return subprocess.Popen(
        build_command(path, *flags, **options),
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def problems(path: Path) -> list[str]:
    """Validate deeply, and return what was found."""
    return [str(violation) for violation in find_violations(open_container(path), deep=True)]


def committed(path: Path) -> list[bytes]:
    """Return the committed episodes: what the table says of each, and its digest."""
    dataset = open_dataset(path)
    digests = dataset.container.read("episodes/digests", 0, len(dataset))
    rows = dataset.episodes.records.tolist()
    return [repr(row).encode() + digests[i].tobytes() for i, row in enumerate(rows)]


def seen_by_reader(path: Path) -> list[bytes]:
    """Return what is committed, nothing if there is no dataset yet."""
    try:
        return committed(path)
    except NotADatasetError:
        return []


def remove(path: Path) -> None:
    """Delete a dataset, be it a folder or a file."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def copy(source: Path, target: Path, but: str = "") -> None:
    """Copy a dataset by hard links, but for one file, which becomes a file of its own.

    A single file is copied whole: `but` is then "".
    """

    def link(old: str, new: str) -> None:
        (shutil.copyfile if Path(old) == source / but else os.link)(old, new)

    if source.is_dir():
        shutil.copytree(source, target, copy_function=link)
    else:
        shutil.copyfile(source, target)


@dataclass(frozen=True)
class Place:
    """Bytes of a dataset that serve one purpose.

    Parameters
    ----------
    file : str
        Relative to the dataset; "" if that is the file.
    start, stop : int
        Which bytes of it.
    field : str
        Array whose chunk it is; "" for metadata.
    row : int
        The chunk's first row.
    """

    file: str
    start: int
    stop: int
    field: str = ""
    row: int = 0


def places(path: Path) -> list[Place]:
    """Tell what every byte of a dataset is for."""
    return list(_zarr_places(path) if path.is_dir() else _hdf5_places(path))


def _zarr_places(path: Path) -> Iterator[Place]:
    metadata = open_dataset(path).metadata
    sizes = metadata.sizes()
    for file in sorted(path.rglob(DOCUMENT)):
        yield Place(str(file.relative_to(path)), 0, file.stat().st_size)
    for field in metadata.present_fields():
        rows = field.file_rows(sizes, metadata.chunk_frames)
        for file in sorted((path / field.path).glob("c.*")):
            name, size = str(file.relative_to(path)), file.stat().st_size
            first = int(file.name.split(".")[1]) * rows
            if not field.sharded:
                yield Place(name, 0, size, field.path, first)
                continue
            slots = rows // metadata.chunk_frames
            index = read_index(file.read_bytes(), slots)
            yield Place(name, size - 16 * slots - 4, size)
            for slot, (start, length) in enumerate(index.tolist()):
                if start != MISSING:
                    row = first + slot * metadata.chunk_frames
                    yield Place(name, start, start + length, field.path, row)


def _hdf5_places(path: Path) -> Iterator[Place]:
    import h5py

    chunks = []
    fields = [*open_dataset(path).metadata.present_fields()]
    with h5py.File(path, "r", locking=False) as file:
        for field in fields:
            stored = file[field.path].id
            for number in range(stored.get_num_chunks()):
                info = stored.get_chunk_info(number)
                stop = info.byte_offset + info.size
                row = info.chunk_offset[0]
                chunks.append(Place("", info.byte_offset, stop, field.path, row))
    end = 0
    for chunk in sorted(chunks, key=lambda place: place.start):
        if chunk.start > end:
            yield Place("", end, chunk.start)
        yield chunk
        end = chunk.stop
    if path.stat().st_size > end:
        yield Place("", end, path.stat().st_size)


def episode_at(path: Path, field: str, row: int) -> int | None:
    """Return the episode that owns a row of a frame field; None if many rows share the chunk."""
    dataset = open_dataset(path)
    known = {known.path: known for known in dataset.metadata.frame_fields()}
    if field not in known or not known[field].sharded:
        return None
    return int(dataset.episodes["starts"].searchsorted(row, side="right")) - 1
