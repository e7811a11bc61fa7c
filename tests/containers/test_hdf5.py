"""What only an HDF5 file does: plain h5py reads it, and no structure of it is changed in place."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crafter_dataset.builder.settings import BuildSettings, Target
from crafter_dataset.builder.storage.hdf5 import objects
from crafter_dataset.builder.storage.hdf5.checksum import lookup3
from crafter_dataset.builder.storage.hdf5.file import AppendedFile
from crafter_dataset.builder.storage.hdf5.tree import ChunkTree
from crafter_dataset.builder.storage.hdf5_writer import Hdf5Writer
from crafter_dataset.loader import CorruptDataError, DatasetError, NotADatasetError, open_dataset
from crafter_dataset.loader.container import open_container
from crafter_dataset.schemas import FIELDS, CodecError, MetadataError, find_violations
from crafter_dataset.schemas.codecs import fletcher32
from crafter_dataset.schemas.hdf5_format import Filter
from tests.building import build
from tests.synthetic import grow_dataset, write_dataset

LENGTHS = [9, 30, 1, 12]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "data.h5"
    write_dataset(path, LENGTHS, codec="gzip:3")
    return path


def test_plain_h5py_reads_it_without_a_plugin(path):
    script = (
        "import sys, json, h5py, numpy as np\n"
        "with h5py.File(sys.argv[1]) as file:\n"
        "    start, length = file['episodes/starts'][1], file['episodes/lengths'][1]\n"
        "    np.save(sys.argv[2], file['frames'][start : start + length])\n"
        "    print(json.loads(file.attrs['crafter_dataset'])['counts']['episodes'])\n"
        "assert not {'loader', 'builder', 'schemas', 'hdf5plugin'} & set(sys.modules)\n"
    )
    out = path.with_name("rows.npy")
    done = subprocess.run(
        [sys.executable, "-c", script, path, out],
        capture_output=True, text=True, check=True, cwd=path.parent,
        env={**os.environ, "HDF5_PLUGIN_PATH": "/nonexistent"},
    )  # fmt: skip
    assert done.stdout == f"{len(LENGTHS)}\n"
    np.testing.assert_array_equal(np.load(out), open_dataset(path)[1]["frames"])


@pytest.mark.parametrize("codec", ["gzip:1", "gzip:0", "zstd:1", "blosc-zstd:1", "blosc-lz4:5"])
def test_h5py_and_its_plugins_read_what_the_loader_reads(tmp_path, codec):
    import hdf5plugin

    assert hdf5plugin.FILTERS["zstd"] == 32015
    path = tmp_path / "data.h5"
    write_dataset(path, LENGTHS, codec=codec)
    container = open_container(path)
    with h5py.File(path) as file:
        names = []
        file.visit(names.append)
        assert set(names) == {f.path for f in FIELDS if not (f.rare or f.drawn)} | {"episodes"}
        for field in FIELDS:
            if not (field.rare or field.drawn):
                stored = file[field.path]
                rows = stored[:]
                expected = container.read(field.path, 0, len(rows))
                assert rows.dtype == expected.dtype == np.dtype(field.dtype)
                np.testing.assert_array_equal(rows, expected)
                assert stored.fletcher32
                assert stored.fillvalue == field.fill
                assert [d.decode() for d in stored.attrs["dimension_names"]] == list(field.dims)


def test_structures_are_those_of_the_specification():
    # Source: the self-test of lookup3.c.
    assert lookup3(b"") == 0xDEADBEEF.to_bytes(4, "little")
    assert lookup3(b"Four score and seven years ago") == 0x17770551.to_bytes(4, "little")


@given(st.binary(max_size=300))
def test_fletcher_is_the_one_of_hdf5(data):
    first = second = 0
    for start in range(0, len(data), 2):
        word = data[start : start + 2].ljust(2, b"\0")
        first += int.from_bytes(word, "big")
        second += first
    expected = [0 if not value else (value - 1) % 65_535 + 1 for value in (second, first)]
    assert fletcher32(data) == (expected[0] << 16 | expected[1]).to_bytes(4, "little")


def test_fletcher_of_a_long_chunk():
    data = np.full(2**24, 255, np.uint8)
    assert fletcher32(data) == b"\xff" * 4
    data[-1] = 0
    assert fletcher32(data) == (65_280 << 16 | 65_280).to_bytes(4, "little")


@settings(max_examples=60)
@given(
    commits=st.lists(st.tuples(st.integers(0, 90), st.booleans()), min_size=1, max_size=6),
    dims=st.integers(1, 3),
    node_bytes=st.sampled_from([200, 256, 512]),
)
def test_trees_of_any_size_are_read_by_h5py(tmp_path_factory, commits, dims, node_bytes):
    """Small nodes make deep trees; each state is read through the file that held it."""
    path = tmp_path_factory.mktemp("tree") / "tree.h5"
    path.write_bytes(b"")
    file = AppendedFile(path, 48, os.open(path, os.O_RDWR))
    chunk_bytes = 4 * 2 ** (dims - 1) * 8
    tree, written = ChunkTree(file.append, dims, chunk_bytes, node_bytes), 0
    for count, has_partial in commits:
        for number in range(written, written + count):
            tree.add(number, *_append_chunk(file, number, chunk_bytes))
        written += count
        last = (written, *_append_chunk(file, 10**6, chunk_bytes)) if has_partial else None
        rows = 4 * (written + has_partial)
        shape = (rows, *[2] * (dims - 1))
        header = objects.dataset(
            shape, np.dtype(np.int64), 0, 4, [Filter(3, "fletcher32")], node_bytes,
            tree.write(last), {},
        )  # fmt: skip
        file.publish(file.append(objects.group({"x": file.append(header)}, {})))
        with h5py.File(path) as stored:
            found = stored["x"][:].reshape(-1, chunk_bytes // 8)
        expected = [*range(written), *[10**6] * has_partial]
        np.testing.assert_array_equal(found, np.repeat(expected, chunk_bytes // 8).reshape(
            -1, chunk_bytes // 8))  # fmt: skip
    file.close()


def _append_chunk(file: AppendedFile, number: int, chunk_bytes: int) -> tuple[int, int]:
    data = np.full(chunk_bytes // 8, number).tobytes()
    return file.append(data, fletcher32(data)), len(data) + 4


def test_a_tree_outgrows_its_levels_while_it_is_committed(tmp_path):
    """A commit that needs another level, for this time only, leaves the tree as it was."""
    path = tmp_path / "tree.h5"
    path.write_bytes(b"")
    file = AppendedFile(path, 48, os.open(path, os.O_RDWR))
    tree, place = ChunkTree(file.append, 1, 64, 200), _append_chunk(file, 7, 64)
    for number in range(1500):
        tree.add(number, *place)
        index = tree.write((number + 1, *place))
        if number % 250 == 249:
            header = objects.dataset((8 * (number + 2),), np.dtype(np.int64), 0, 8,
                                     [Filter(3, "fletcher32")], 200, index, {})  # fmt: skip
            file.publish(file.append(objects.group({"x": file.append(header)}, {})))
            with h5py.File(path) as stored:
                assert stored["x"].id.get_num_chunks() == number + 2
                assert (stored["x"][:] == 7).all()
    file.close()


@pytest.mark.parametrize("name", ["pwrite", "fsync"])
def test_an_error_at_any_moment_of_a_commit_leaves_a_file_that_opens(tmp_path, monkeypatch, name):
    """Whatever comes, Ctrl-C or a disk that fails, and however the writer is closed then."""
    original = getattr(os, name)
    for moment in range(1, 400, 3):
        path = tmp_path / f"{moment}.h5"
        growing = grow_dataset(path, [9, 30, 1, 12], [1, 4])
        next(growing)
        calls = iter(range(1, 10**6))

        def failing(*arguments, calls=calls, moment=moment):
            number = next(calls)
            if name == "fsync" and number == moment:
                original(*arguments)  # it may have reached the disk
            if number == moment:
                raise KeyboardInterrupt
            return original(*arguments)

        monkeypatch.setattr(os, name, failing)
        with contextlib.suppress(KeyboardInterrupt, StopIteration):
            next(growing)
        growing.close()
        reached = next(calls) > moment
        monkeypatch.undo()
        dataset = open_dataset(path)
        assert len(dataset) in (1, 4)
        for episode in dataset:
            episode.load()
        assert not list(find_violations(open_container(path)))
        Hdf5Writer.resume(path).close()
        if not reached:
            break
    assert moment > 1
    assert len(open_dataset(path)) == 4


def test_codecs_that_hdf5_does_not_check_are_refused(tmp_path):
    with pytest.raises(CodecError, match=r"expected gzip, zstd, .* found none"):
        build(tmp_path / "d.h5", BuildSettings(codec="none"), Target(episodes=1), workers=0)
    settings = BuildSettings(size=(600, 600), chunk_frames=1024)
    with pytest.raises(CodecError, match=r"chunks of at most \d+ bytes"):
        build(tmp_path / "d.zarr", settings, Target(episodes=1), workers=0)
    assert not list(tmp_path.iterdir())


def test_what_was_never_written_is_not_made_up(path):
    with h5py.File(path, "r+") as file:
        shape, dtype = file["frames"].shape, file["frames"].dtype
        del file["frames"]
        file.create_dataset("frames", shape, dtype, chunks=(8, 20, 18, 3), compression="lzf")
        file["frames"][:8] = 1
    with pytest.raises(CorruptDataError, match=r"episode 1, frames.*expected 9 chunks .* found 1"):
        open_dataset(path)[1]["frames"].read()


@pytest.mark.parametrize("size", [10**7, 10**12])
def test_claims_beyond_the_file_take_no_memory(path, size):
    with h5py.File(path, "r+") as file:
        document = json.loads(file.attrs["crafter_dataset"])
        document["counts"]["episodes"] = min(size, 2**31 - 1)
        file.attrs["crafter_dataset"] = json.dumps(document)
        for name, array in list(file["episodes"].items()):
            rest, dtype = array.shape[1:], array.dtype
            del file[f"episodes/{name}"]
            file.create_dataset(f"episodes/{name}", (size, *rest), dtype, chunks=(8, *rest),
                                compression="gzip", fletcher32=True)  # fmt: skip
    with pytest.raises(CorruptDataError, match="expected episodes that fit into"):
        open_dataset(path)


def test_libhdf5_may_add_to_it(path):
    """Its own way of growing an array works on our structures: they are whole, not only legible."""
    before = open_dataset(path)[1]["frames"].read()
    with h5py.File(path, "r+") as file:
        frames = file["frames"]
        rows = frames.shape[0]
        frames.resize(rows + 8 * 30, axis=0)
        frames[rows:] = 7
        file["mine"] = np.arange(5)
    with h5py.File(path) as file:
        assert (file["frames"][rows:] == 7).all()
        assert (file["mine"][:] == np.arange(5)).all()
        start = file["episodes/starts"][1]
        np.testing.assert_array_equal(file["frames"][start : start + 30], before)


def test_places_are_the_same_found_one_by_one(path, monkeypatch):
    expected = [episode.load() for episode in open_dataset(path)]
    monkeypatch.setattr("crafter_dataset.loader.hdf5.MOST_PLACES", 0)
    for episode, rows in zip(open_dataset(path), expected, strict=True):
        for name, values in episode.load().items():
            np.testing.assert_array_equal(values, rows[name])
    with h5py.File(path, "r+") as file:
        shape, dtype = file["frames"].shape, file["frames"].dtype
        del file["frames"]
        file.create_dataset("frames", shape, dtype, chunks=(8, 20, 18, 3), compression="gzip",
                            fletcher32=True)  # fmt: skip
        file["frames"][:8] = 1
    with pytest.raises(CorruptDataError, match="a chunk is missing in the file"):
        open_dataset(path)[1]["frames"].read()


def test_what_lies_behind_the_last_commit_is_no_part_of_it(path):
    content = path.read_bytes()
    with open(path, "ab") as file:
        file.write(os.urandom(5000))
    assert not list(find_violations(open_container(path)))
    with h5py.File(path) as file:
        assert file["frames"].shape[0] == 72
    Hdf5Writer.resume(path).close()
    assert path.read_bytes() == content


def test_published_bytes_are_never_changed_but_for_the_superblock(tmp_path):
    path = tmp_path / "data.h5"
    before = b""
    for _ in grow_dataset(path, [9, 30, 1, 12] * 5, [1, 2, 5, 6, 7, 19, 20]):
        content = path.read_bytes()
        assert content[48 : len(before)] == before[48:]
        before = content


def test_a_file_is_trimmed_to_what_was_committed(tmp_path):
    path = tmp_path / "data.h5"
    for count in grow_dataset(path, [9, 30, 1, 12], [2, 4]):
        end = int.from_bytes(path.read_bytes()[28:36], "little")
        assert count == 4 or path.stat().st_size == end
    assert path.stat().st_size == end


def test_a_copy_that_other_software_has_written_is_read_but_not_extended(path, tmp_path):
    copy = tmp_path / "copy.h5"
    with h5py.File(path) as file, h5py.File(copy, "w") as other:
        for name in file:
            file.copy(name, other)
        for name, value in file.attrs.items():
            other.attrs[name] = value.decode()
    assert_reads_alike(copy, path)
    assert not list(find_violations(open_container(copy)))
    with pytest.raises(MetadataError, match="can be read but not extended"):
        Hdf5Writer.resume(copy)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"chunks": (3, 4, 5, 3), "compression": "lzf", "shuffle": True},
        {"chunks": (8, 20, 18, 3), "compression": "gzip"},
    ],
)
def test_other_chunks_and_filters_are_read_through_h5py(path, tmp_path, options):
    copy = tmp_path / "copy.h5"
    shutil.copy(path, copy)
    with h5py.File(copy, "r+") as file:
        frames = file["frames"][:]
        del file["frames"]
        file.create_dataset("frames", data=frames, **options)
    assert_reads_alike(copy, path)
    assert [str(v).partition(":")[0] for v in find_violations(open_container(copy))][:1] == [
        "frames"
    ]


def assert_reads_alike(one: Path, other: Path) -> None:
    first, second = open_dataset(one), open_dataset(other)
    assert len(first) == len(second)
    for episode, expected in zip(first, second, strict=True):
        for name in first.fields:
            np.testing.assert_array_equal(episode[name], expected[name])
        np.testing.assert_array_equal(episode.terrain, expected.terrain)


def _relink(make):
    def change(file: h5py.File) -> None:
        frames = file["frames"]
        layout = frames.shape, frames.dtype
        del file["frames"]
        make(file, *layout)

    return change


def _virtual(file, shape, dtype):
    layout = h5py.VirtualLayout(shape, dtype)
    layout[:] = h5py.VirtualSource("other.h5", "frames", shape)
    file.create_virtual_dataset("frames", layout)


def _external(file, shape, dtype):
    file.create_dataset("frames", shape, dtype, external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])


LINKS = {
    "external link": lambda file, *_: file.__setitem__(
        "frames", h5py.ExternalLink("other.h5", "frames")
    ),
    "soft link": lambda file, *_: file.__setitem__("frames", h5py.SoftLink("/episodes/terrain")),
    "virtual": _virtual,
    "external data": _external,
    "a group": lambda file, *_: file.create_group("frames"),
    "a cycle": lambda file, *_: file.__setitem__("frames", file["/"]),
    "nothing": lambda *_: None,
}


@pytest.mark.parametrize("make", LINKS.values(), ids=list(LINKS))
def test_nothing_outside_the_file_is_read(path, make):
    shutil.copy(path, path.with_name("other.h5"))
    with h5py.File(path, "r+") as file:
        _relink(make)(file)
    dataset = open_dataset(path)
    with pytest.raises(CorruptDataError, match="episode 1, frames"):
        dataset[1]["frames"].read()
    assert [v.path for v in find_violations(open_container(path))] == ["frames"]


@pytest.mark.parametrize("size", [0, 7, 40, 48, 100, 3000])
def test_a_file_that_was_cut_short_is_no_dataset(path, size):
    with open(path, "r+b") as file:
        file.truncate(size)
    with pytest.raises(DatasetError, match=r"data.h5: expected a Crafter dataset, found"):
        open_dataset(path)


@pytest.mark.parametrize("value", [None, 5, "no JSON", "[1]", b"\xff", np.arange(3)])
def test_attributes_that_say_nothing(path, value):
    with h5py.File(path, "r+") as file:
        del file.attrs["crafter_dataset"]
        if value is not None:
            file.attrs["crafter_dataset"] = value
    with pytest.raises(NotADatasetError, match="expected a Crafter dataset, found"):
        open_dataset(path)


def test_the_oldest_runs_make_room_in_the_provenance(tmp_path):
    path = tmp_path / "data.h5"
    small = BuildSettings(area=(12, 12), length=20)
    build(path, small, Target(episodes=1), workers=0)
    writer = Hdf5Writer.resume(path)
    writer.provenance = {"runs": [{"number": n, "text": "x" * 900} for n in range(100)]}
    writer.save_provenance()
    writer.close()
    runs = open_dataset(path).provenance["runs"]
    assert 50 < len(runs) < 100
    assert runs[-1]["number"] == 99
    build(path, None, Target(episodes=2), resume=True, workers=0)
    assert len(open_dataset(path)) == 2


def test_settings_that_no_attribute_holds_are_refused_before_anything_is_written(tmp_path):
    metadata = BuildSettings().metadata()
    long = replace(metadata.policy, parameters={"text": "x" * 70_000})
    path = tmp_path / "data.h5"
    with pytest.raises(MetadataError, match=r"at most 65535 bytes, found \d+ \(.*data\.h5\)"):
        Hdf5Writer.create(path, replace(metadata, policy=long, codec="gzip:1"), {})
    assert not list(tmp_path.iterdir())


def test_the_attributes_are_those_of_zarr(path, tmp_path):
    write_dataset(tmp_path / "data.zarr", LENGTHS, codec="zstd:1")
    ours, theirs = open_dataset(path).metadata, open_dataset(tmp_path / "data.zarr").metadata
    assert replace(ours, codec="") == replace(theirs, codec="")
    with h5py.File(path) as file:
        assert json.loads(file.attrs["crafter_dataset"]) == json.loads(json.dumps(ours.to_json()))
