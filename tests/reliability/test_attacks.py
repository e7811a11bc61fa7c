"""Files that somebody made on purpose, one by one: what each of them did before it was refused."""

from __future__ import annotations

import functools
import json
import re
import shutil
import signal
import struct
import subprocess
import sys
import tracemalloc
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crafter_dataset.builder.convert import convert
from crafter_dataset.builder.settings import Target
from crafter_dataset.loader import CorruptDataError, NotADatasetError, open_dataset
from crafter_dataset.loader.container import open_container
from crafter_dataset.schemas import DatasetError, find_violations
from crafter_dataset.schemas.codecs import ChunkCodec, crc32c, decode_into
from crafter_dataset.schemas.hdf5_checksum import lookup3, lookup3_of_rows
from crafter_dataset.schemas.hdf5_file import Hdf5File
from crafter_dataset.schemas.hdf5_foreign import ForeignStructures
from crafter_dataset.schemas.hdf5_foreign_rows import _unpack
from tests.building import build
from tests.reliability.children import limit_memory, unlimited_memory
from tests.reliability.containers import NIGHTS, many_states
from tests.reliability.hostile_arrays import Opened, opened
from tests.synthetic import grow_dataset, write_dataset

LENGTHS = [9, 30, 1, 12]
BYTES = {"name": "bytes", "configuration": {"endian": "little"}}
ZSTD = {"name": "zstd", "configuration": {"level": 1, "checksum": False}}
GROWN = 2**26
MEMORY = 2**25
"""Bytes that reading a dataset of kilobytes may take at its peak."""


@pytest.fixture
def zarr_path(tmp_path: Path) -> Path:
    write_dataset(tmp_path / "d.zarr", LENGTHS)
    return tmp_path / "d.zarr"


@pytest.fixture
def h5_path(tmp_path: Path) -> Path:
    write_dataset(tmp_path / "d.h5", LENGTHS, codec="gzip:3")
    return tmp_path / "d.h5"


def read_whole(path: Path) -> None:
    dataset = open_dataset(path)
    for episode in dataset:
        episode.load(), episode.terrain
    dataset.summary()


@contextmanager
def errors_of_one_line(kind: type[Exception] = DatasetError) -> Iterator[None]:
    """Allow errors of a class alone, if they are one line."""
    try:
        yield
    except kind as error:
        if "\n" in str(error) or not str(error):
            raise AssertionError("expected one line") from error


def refuses(path: Path, text: str) -> None:
    """Opening or reading says so in one line, validation too, and neither takes memory."""
    tracemalloc.start()
    try:
        with pytest.raises(DatasetError, match=text) as caught:
            read_whole(path)
        assert list(find_violations(open_container(path)))
        assert tracemalloc.get_traced_memory()[1] < MEMORY
    finally:
        tracemalloc.stop()
    assert "\n" not in str(caught.value)


def zstd_of_zeros(size: int, *, states_size: bool = True) -> bytes:
    """Make a frame of blocks that repeat a zero."""
    head = b"\xe0" + size.to_bytes(8, "little") if states_size else b"\x00\x58"
    blocks = size // 2**17
    ends = [int(i == blocks - 1) for i in range(blocks)]
    body = b"".join((end | 1 << 1 | 2**17 << 3).to_bytes(3, "little") + b"\0" for end in ends)
    return b"\x28\xb5\x2f\xfd" + head + body


def recode(path: Path, array: str, codecs: list, data: bytes) -> None:
    """Give an array another chain of codecs, and its first file other bytes."""
    document = json.loads((path / array / "zarr.json").read_text())
    if document["codecs"][0]["name"] == "sharding_indexed":
        sharding = document["codecs"][0]["configuration"]
        document["chunk_grid"]["configuration"]["chunk_shape"] = sharding["chunk_shape"]
    document["codecs"] = codecs
    root = json.loads((path / "zarr.json").read_text())
    root["consolidated_metadata"]["metadata"][array] = document
    (path / "zarr.json").write_text(json.dumps(root))
    (path / array / "zarr.json").write_text(json.dumps(document))
    next((path / array).glob("c.*")).write_bytes(data)


GZIP = {"name": "gzip", "configuration": {"level": 5}}


def gzip_of_zeros(size: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return packer.compress(bytes(size)) + packer.flush()


def bombs() -> dict[str, tuple[list, bytes]]:
    frame = zstd_of_zeros(GROWN)
    packed = ChunkCodec.parse("zstd:9").encode(np.frombuffer(frame, np.uint8))[:-4]
    return {
        "gzip": ([BYTES, GZIP], gzip_of_zeros(GROWN)),
        "zstd": ([BYTES, ZSTD], frame),
        "zstd without its size": ([BYTES, ZSTD], zstd_of_zeros(GROWN, states_size=False)),
        "zstd twice": ([BYTES, ZSTD, ZSTD], packed),
    }


@pytest.mark.parametrize("kind", list(bombs()))
def test_tables_of_other_codecs_are_refused(zarr_path, kind):
    recode(zarr_path, "episodes/starts", *bombs()[kind])
    refuses(zarr_path, r"episodes/starts: expected codecs bytes, .* found bytes, ")


@pytest.mark.parametrize("kind", list(bombs()))
def test_chunks_of_other_codecs_grow_no_further_than_the_chunk(zarr_path, kind):
    recode(zarr_path, "frames", *bombs()[kind])
    refuses(zarr_path, "episode 0, frames")


@pytest.mark.filterwarnings("ignore:Numcodecs")
def test_codecs_that_grow_without_bounds_are_refused(zarr_path):
    recode(zarr_path, "frames", [BYTES, {"name": "numcodecs.bz2", "configuration": {}}], b"x")
    refuses(zarr_path, "episode 0, frames")


def test_a_skippable_frame_is_no_frame():
    out = np.zeros(1000, np.uint8)
    # Read as a header, its bytes would state the very size that is expected.
    skippable = b"\x50\x2a\x4d\x18" + struct.pack("<I", 1000) + bytes(100)
    body = skippable + zstd_of_zeros(GROWN, states_size=False)
    with pytest.raises(CorruptDataError, match="expected a Zstandard frame, found other bytes"):
        decode_into("zstd", body + crc32c(body), out)


@settings(max_examples=60, derandomize=True)
@given(st.sampled_from(["zstd", "blosc", "gzip", "none"]), st.binary(max_size=200), st.booleans())
def test_whatever_bytes_a_chunk_has_the_error_is_ours(compression, body, is_frame):
    body = b"\x28\xb5\x2f\xfd" + body if is_frame else body
    out = np.zeros(100, np.uint8)
    with errors_of_one_line(CorruptDataError):
        decode_into(compression, body + crc32c(body), out)


def far_rows(path: Path, offset: int) -> None:
    """Move all episodes of a dataset so many rows out, at no cost."""
    root = json.loads((path / "zarr.json").read_text())
    content = root["attributes"]["crafter_dataset"]
    file = path / "episodes" / "starts" / "c.0"
    codec = ChunkCodec.parse("zstd:1")
    documents = root["consolidated_metadata"]["metadata"]
    rows = documents["episodes/starts"]["chunk_grid"]["configuration"]["chunk_shape"][0]
    values = codec.decode(file.read_bytes(), np.dtype("<i8"), (rows,)).copy()
    values[: content["counts"]["episodes"]] += offset
    file.write_bytes(codec.encode(values))
    for name, document in documents.items():
        if not name.startswith("episodes"):
            step = document["chunk_grid"]["configuration"]["chunk_shape"][0]
            for chunk in (path / name).glob("c.*"):
                number, *rest = chunk.name.split(".")[1:]
                chunk.rename(
                    chunk.with_name(".".join(["c", str(int(number) + offset // step), *rest]))
                )
            document["shape"][0] += offset
            (path / name / "zarr.json").write_text(json.dumps(document))
    content["counts"]["rows"] += offset
    content["status"], content["digest"] = "building", None
    (path / "zarr.json").write_text(json.dumps(root))


def test_rows_far_out_are_never_walked(zarr_path):
    far_rows(zarr_path, 2**60)
    refuses(zarr_path, "counts.rows: expected at most .* for 4 episodes, found 1152921504606")


def h5_array(path: Path, name: str, filters: list[int], data: bytes, rows: int = 0) -> None:
    """Put an array in the place of one, with other filters, whose first chunk has these bytes."""
    with h5py.File(path, "r+") as file:
        old = file[name]
        shape = (rows or old.shape[0], *old.shape[1:])
        dtype, dims, chunks = old.dtype, old.attrs["dimension_names"], old.chunks
        del file[name]
        made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        made.set_chunk(chunks)
        for number in filters:
            flags = (6,) if number == 1 else ()
            made.set_filter(number, h5py.h5z.FLAG_OPTIONAL, flags)
        space = h5py.h5s.create_simple(shape, (h5py.h5s.UNLIMITED,) * len(shape))
        kind = h5py.h5t.py_create(dtype, logical=True)
        new = h5py.Dataset(h5py.h5d.create(file.id, name.encode(), kind, space, made))
        new.attrs["dimension_names"] = dims
        for start in range(0, old_rows(chunks, shape), chunks[0]):
            new.id.write_direct_chunk((start,) + (0,) * (len(shape) - 1), data)


def old_rows(chunks: tuple[int, ...], shape: tuple[int, ...]) -> int:
    return min(shape[0], 100 * chunks[0])


@pytest.mark.parametrize("filters", [[1], [1, 1]])
@pytest.mark.parametrize("name", ["episodes/starts", "frames"])
def test_hdf5_chunks_of_other_filters_grow_no_further_than_the_chunk(h5_path, name, filters):
    data = zlib.compress(bytes(GROWN), 9)
    h5_array(h5_path, name, filters, zlib.compress(data, 9) if len(filters) > 1 else data)
    refuses(h5_path, name if name.startswith("episodes") else "episode 0, frames")


def test_hdf5_chunks_far_out_take_no_memory(h5_path):
    with h5py.File(h5_path, "r+") as file:
        frames = file["frames"]
        first = frames.id.read_direct_chunk((0,) * 4)[1]
        frames.resize(10**10, axis=0)
        frames.id.write_direct_chunk((8 * (10**9 // 8), 0, 0, 0), first)
    expected = pytest.raises(CorruptDataError, match="expected chunks that fit into")
    with Hdf5File(h5_path) as file, expected:
        file.places("frames")
    assert [v.path for v in find_violations(open_container(h5_path))]


FIELDS = {
    "signature": (0, 4), "version": (4, 1), "type": (5, 1), "node size": (6, 4),
    "record size": (10, 2), "depth": (12, 2), "root address": (16, 8), "root records": (24, 2),
    "total records": (26, 8),
}  # fmt: skip


@pytest.mark.parametrize("field", list(FIELDS))
def test_a_crafted_index_is_refused_before_libhdf5_sees_it(h5_path, field, monkeypatch):
    def seen(*arguments):
        raise AssertionError("libhdf5 saw it")

    monkeypatch.setattr(h5py, "File", seen)
    data, (at, width) = h5_path.read_bytes(), FIELDS[field]
    for value in (0, 1, 2, 5, 9, 12, 255, 2**16 - 1, 2**31, 2**32 - 1, 2**63):
        if value >= 2 ** (8 * width):
            continue
        spoilt = bytearray(data)
        head = spoilt.find(b"BTHD")
        while head >= 0:
            spoilt[head + at : head + at + width] = value.to_bytes(width, "little")
            spoilt[head + 34 : head + 38] = lookup3(bytes(spoilt[head : head + 34]))
            head = data.find(b"BTHD", head + 1)
        h5_path.write_bytes(spoilt)
        if bytes(spoilt) != data:
            refuses(h5_path, "chunk|index")


@settings(max_examples=80, derandomize=True)
@given(st.data())
def test_structures_with_sound_checksums_never_pass_for_others(tmp_path_factory, data):
    """Any byte of a header or node changed, its checksum made right again."""
    folder = tmp_path_factory.mktemp("crafted")
    path = folder / "d.h5"
    write_dataset(path, [3], codec="gzip:3")
    content = bytearray(path.read_bytes())
    kinds = {b"BTHD": 34, b"BTLF": None, b"OHDR": None}
    signature = data.draw(st.sampled_from(sorted(kinds)))
    places = [i for i in range(len(content)) if content[i : i + 4] == signature]
    at = data.draw(st.sampled_from(places))
    if signature == b"OHDR":
        size = 10 + int.from_bytes(content[at + 6 : at + 10], "little")
    elif signature == b"BTLF":
        stored = content[at : at + 1024]
        size = next(n for n in range(6, 1020) if lookup3(bytes(stored[:n])) == stored[n : n + 4])
    else:
        size = 34
    spot = at + data.draw(st.integers(4, size - 1))
    content[spot] ^= 1 << data.draw(st.integers(0, 7))
    content[at + size : at + size + 4] = lookup3(bytes(content[at : at + size]))
    path.write_bytes(content)
    with errors_of_one_line():
        read_whole(path)
    with errors_of_one_line():
        list(find_violations(open_container(path), deep=True))


@settings(max_examples=30, derandomize=True)
@given(st.integers(1, 20), st.integers(1, 80), st.randoms(use_true_random=False))
def test_many_hashes_are_those_found_one_by_one(count, size, rng):
    rows = np.frombuffer(rng.randbytes(count * size), np.uint8).reshape(count, size)
    expected = [int.from_bytes(lookup3(row.tobytes()), "little") for row in rows]
    assert lookup3_of_rows(rows).tolist() == expected


@pytest.mark.parametrize("commits", [[1], [2, 20, 60]])
def test_the_own_reader_finds_what_h5py_finds(tmp_path, commits):
    path = tmp_path / "d.h5"
    for _ in grow_dataset(path, [9, 30, 1, 12] * 15, commits):
        pass
    with Hdf5File(path) as file, open(path, "rb", buffering=0) as stream:
        theirs = ForeignStructures(stream)
        for name in open_dataset(path).metadata.present_fields():
            assert file.array(name.path) == theirs.array(name.path)
            np.testing.assert_array_equal(file.places(name.path), theirs.places(name.path))
            assert file.stored_bytes(name.path) == theirs.stored_bytes(name.path)
        assert sorted(file.names()) == sorted(theirs.names())
        theirs.close()


def test_our_files_are_read_without_h5py(h5_path):
    script = (
        "import sys, crafter_dataset\n"
        "dataset = crafter_dataset.open_dataset(sys.argv[1])\n"
        "[episode.load() for episode in dataset]\n"
        "assert crafter_dataset.validate(sys.argv[1])\n"
        "assert 'h5py' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script, h5_path], check=True)


@pytest.mark.parametrize("end", [signal.SIGSEGV, signal.SIGXCPU, "slow", "large"])
def test_what_libhdf5_dies_of_is_said_in_one_line(h5_path, end, monkeypatch):
    from crafter_dataset.schemas import hdf5_probe

    with h5py.File(h5_path, "r+") as file:
        file.attrs["mine"] = 1

    def run(arguments, **options):
        if end == "slow":
            raise subprocess.TimeoutExpired(arguments, 1)
        return subprocess.CompletedProcess(arguments, 3 if end == "large" else -end)

    monkeypatch.setattr(hdf5_probe.subprocess, "run", run)
    with pytest.raises(NotADatasetError, match="HDF5 file of other software that libhdf5"):
        open_dataset(h5_path)


def test_another_process_looks_at_files_of_other_software(h5_path):
    with h5py.File(h5_path, "r+") as file:
        file.attrs["mine"] = 1
    assert len(open_dataset(h5_path)) == len(LENGTHS)


@settings(max_examples=60, derandomize=True)
@given(st.binary(max_size=60))
def test_any_bytes_of_lzf_end_soon(data):
    with errors_of_one_line(ValueError):
        assert len(_unpack(data, 100)) <= 400


@pytest.mark.parametrize("number", range(-12, 0))
def test_a_byte_of_an_index_leaf_is_one_line(h5_path, number):
    content = bytearray(h5_path.read_bytes())
    leaves = [found.start() for found in re.finditer(b"BTLF", content)]
    content[leaves[number] + 10] ^= 4
    h5_path.write_bytes(content)
    with pytest.raises(DatasetError, match="the index of its chunks fails its checksum"):
        read_whole(h5_path)


def zipped(folder: Path, change) -> Path:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        change(archive)
        for file in folder.rglob("*"):
            name = str(file.relative_to(folder))
            if file.is_file() and name not in archive.namelist():
                archive.write(file, name)
    return path


def _big(name: str, size: int):
    def change(archive: zipfile.ZipFile) -> None:
        with archive.open(name, "w") as file:
            for _ in range(size // 2**20):
                file.write(bytes(2**20))

    return change


def _many(archive: zipfile.ZipFile) -> None:
    for number in range(300):
        archive.writestr(f"{number}", b"")


def _packed(archive: zipfile.ZipFile) -> None:
    archive.writestr("x", b"x", zipfile.ZIP_LZMA)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (_big("zarr.json", 2**26), "zarr.json': expected at most 64 bytes for each of"),
        (_big("episodes/starts/c.0", 2**26), "c.0': expected at most 64 bytes for each of"),
        (_many, "expected at most 200 members, found 3"),
        (_packed, "expected a member that is stored or deflated, found compression 14"),
    ],
)
def test_zip_files_that_grow_are_refused(zarr_path, change, text, monkeypatch):
    monkeypatch.setattr("crafter_dataset.loader.zarr.zip_files.MOST_MEMBERS", 200)
    with pytest.raises(NotADatasetError, match=text):
        open_dataset(zipped(zarr_path, change))


@settings(max_examples=25, derandomize=True)
@given(st.integers(0, 2**31), st.integers(0, 7))
def test_a_flipped_bit_in_a_zip_is_one_line(tmp_path_factory, place, bit):
    folder = tmp_path_factory.mktemp("zip")
    write_dataset(folder / "d.zarr", [3])
    path = zipped(folder / "d.zarr", lambda archive: None)
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= 1 << bit
    path.write_bytes(content)
    with errors_of_one_line():
        read_whole(path)
    with errors_of_one_line():
        list(find_violations(open_container(path), deep=True))


def test_a_commit_between_the_reads_makes_nothing_invalid(tmp_path):
    path = tmp_path / "d.zarr"
    growing = grow_dataset(path, LENGTHS * 3, [2, 7, 12])
    next(growing)
    container = open_container(path)
    next(growing)
    assert not list(find_violations(container))


@pytest.fixture(scope="module")
def made_from(tmp_path_factory):
    """Return a function that builds a dataset with nights: drawn, or both."""
    folder = tmp_path_factory.mktemp("nights")

    @functools.cache
    def make(pictures: str) -> Path:
        path = folder / f"{pictures}.zarr"
        with many_states():
            build(path, replace(NIGHTS, pictures=pictures), Target(episodes=1), workers=0)
        return path

    return make


@contextmanager
def changed(source: Path, target: Path) -> Iterator[Opened]:
    """Copy a dataset, for its arrays and metadata to be changed."""
    shutil.copytree(source, target)
    with opened(target) as dataset:
        yield dataset


@pytest.mark.parametrize("step", [2**60, -1])
def test_random_words_without_bounds_are_not_followed_to_their_states(made_from, tmp_path, step):
    with changed(made_from("drawn"), tmp_path / "d.zarr") as dataset:
        words = dataset.read("random_words")
        words[:100] += np.int64(step) * np.arange(100)  # by day, where no picture takes any
        dataset.write("random_words", words)
    with pytest.raises(CorruptDataError, match=r"episode 0.*random_words.*expected"):
        convert(tmp_path / "d.zarr", tmp_path / "e.zarr", chunk_frames=5)


def test_frames_are_not_dropped_for_what_gives_others(made_from, tmp_path):
    with changed(made_from("both"), tmp_path / "d.zarr") as dataset:
        dataset.write("tiles", dataset.read("tiles") * 0)
    with pytest.raises(CorruptDataError, match=r"episode 0.*: rows 0 to 8: expected the"):
        convert(tmp_path / "d.zarr", tmp_path / "e.zarr", pictures="drawn")
    assert convert(tmp_path / "d.zarr", tmp_path / "f.zarr", pictures="stored").metadata.digest


def test_pictures_of_any_size_are_refused_in_one_line(made_from, tmp_path):
    """Of metadata that claims them, and of arrays of zeros that go with it."""
    with changed(made_from("drawn"), tmp_path / "d.zarr") as dataset:
        dataset.metadata["env"] |= {"size": [27_000, 27_000], "view": [9, 9]}
    refuses_pictures(tmp_path / "d.zarr", "episode 0, frames.*expected rows that fit into memory")
    with changed(made_from("drawn"), tmp_path / "e.zarr") as dataset:
        dataset.metadata["env"] |= {"size": [9_000, 9_000], "view": [3_000, 9]}
        dataset.metadata["items"] = ["x"]
        rows = dataset.metadata["counts"]["rows"]
        dataset.write("inventory", np.zeros((rows, 1), np.uint8))
        dataset.write("tiles", np.zeros((rows, 3_000, 8), np.uint8))
        tiles = len(dataset.metadata["tiles"])
        dataset.write("pictures/tiles", np.zeros((tiles, 1_000, 3, 3), np.uint8))
        dataset.write("pictures/items", np.zeros((1, 10, 1_000, 3, 3), np.uint8))
        dataset.write("pictures/vignette", np.zeros((8_000, 9_000)))
    refuses_pictures(tmp_path / "e.zarr", "episode 0, frames.*expected")


def refuses_pictures(path: Path, text: str) -> None:
    """Reading pictures within a gigabyte says so in one line."""
    dataset = open_dataset(path, threads=1)
    limit_memory(2**30)
    try:
        with pytest.raises(DatasetError, match=text) as caught:
            dataset[0]["frames"].read(180, 181)
        assert list(find_violations(open_container(path), deep=True))
    finally:
        unlimited_memory()
    assert "\n" not in str(caught.value)
