"""Reading files directly gives what zarr-python gives, or leaves it to zarr-python."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
import zipfile

import fsspec
import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from zarr.codecs import BloscCodec, Crc32cCodec, GzipCodec, ZstdCodec

from crafter_dataset.loader import Windows, open_dataset
from crafter_dataset.loader.reading.chunk_cache import ChunkCache
from crafter_dataset.loader.reading.mapped_files import MappedFiles
from crafter_dataset.loader.reading.regular_files import open_regular
from crafter_dataset.loader.workers import WorkerThreads
from crafter_dataset.loader.zarr.chunks import DirectLayout
from crafter_dataset.schemas import CorruptDataError, NotADatasetError
from crafter_dataset.schemas.codecs import ChunkCodec
from crafter_dataset.schemas.container import Cuts
from tests.synthetic import write_dataset

CODECS = ("zstd:1", "zstd:19", "blosc-lz4:5", "blosc-zstd:1", "none")
LENGTHS = [13, 1, 30, 8]


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("direct")
    for codec in CODECS:
        write_dataset(folder / codec, LENGTHS, codec=codec)
    return {codec: folder / codec for codec in CODECS}


@pytest.mark.parametrize("codec", CODECS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(data=st.data())
def test_it_reads_what_zarr_python_reads(paths, codec, data):
    root = zarr.open_group(paths[codec], mode="r")
    threads, keep = data.draw(st.sampled_from([1, 3])), data.draw(st.booleans())
    capacity = data.draw(st.sampled_from([0, 5000, 10**7]))
    container = open_dataset(paths[codec], cache_bytes=capacity, threads=threads).container
    name = data.draw(st.sampled_from([name for name, _ in root.arrays()]))
    rows = root[name].shape[0]
    pair = st.tuples(st.integers(0, rows), st.integers(0, rows)).map(sorted)
    for _ in range(3):  # what was read before may be in the cache
        pairs = data.draw(st.lists(pair, min_size=1, max_size=8))
        places = [data.draw(st.integers(0, 3)) for _ in pairs]
        out = np.full((len(pairs), rows + 3, *root[name].shape[1:]), 77, root[name].dtype)
        cuts = Cuts(*np.array(pairs, np.int64).T, np.array(places, np.int64))
        container.read_into(name, cuts, out, keep)
        for item, ((start, stop), place) in enumerate(zip(pairs, places, strict=True)):
            np.testing.assert_array_equal(
                out[item, place : place + stop - start], root[name][start:stop]
            )


def test_every_array_is_read_directly(paths):
    for codec, path in paths.items():
        root = json.loads((path / "zarr.json").read_text())
        arrays = {
            name: document
            for name, document in root["consolidated_metadata"]["metadata"].items()
            if document["node_type"] == "array"
        }
        assert len(arrays) == 18
        for document in arrays.values():
            layout = DirectLayout.parse(document)
            assert layout is not None
            assert layout.chunks.compression == codec.partition(":")[0].partition("-")[0]


def recode(path, name, **options):
    """Write an array anew, with other codecs, by zarr-python."""
    old = zarr.open_array(path / name)
    rows, chunks, shards = old[:], old.chunks, old.shards
    shutil.rmtree(path / name)
    options = {"chunks": chunks, "shards": shards} | options
    new = zarr.create_array(
        path / name,
        shape=rows.shape,
        dtype=rows.dtype,
        fill_value=0,
        dimension_names=old.metadata.dimension_names,
        chunk_key_encoding={"name": "default", "separator": "."},
        **options,
    )
    new[:] = rows
    root = json.loads((path / "zarr.json").read_text())
    document = json.loads((path / name / "zarr.json").read_text())
    root["consolidated_metadata"]["metadata"][name] = document
    (path / "zarr.json").write_text(json.dumps(root))


@pytest.mark.parametrize(
    ("options", "directly"),
    [
        ({"compressors": [GzipCodec(), Crc32cCodec()]}, False),
        ({"compressors": [ZstdCodec()]}, False),  # without a checksum
        ({"compressors": [Crc32cCodec(), ZstdCodec()]}, False),
        ({"shards": None, "chunks": (8, 10, 18, 3)}, False),  # chunks of a part of a row
        ({"compressors": [ZstdCodec(), Crc32cCodec()]}, True),
        (
            {
                "compressors": [
                    BloscCodec(cname="lz4hc", clevel=3, shuffle="bitshuffle", typesize=1),
                    Crc32cCodec(),
                ]
            },
            True,
        ),
        ({"shards": None, "compressors": [ZstdCodec(), Crc32cCodec()]}, True),
    ],
)  # fmt: skip
def test_other_codecs_are_left_to_zarr_python(tmp_path, paths, caplog, options, directly):
    path = tmp_path / "d.zarr"
    shutil.copytree(paths["zstd:1"], path)
    expected = Windows(open_dataset(path), 4, padding="both")[:]
    recode(path, "frames", **options)
    dataset = open_dataset(path)
    with caplog.at_level(logging.WARNING):
        windows = Windows(dataset, 4, padding="both")
        for name, values in windows[:].items():
            np.testing.assert_array_equal(values, expected[name])
        windows[3], dataset[1]["frames"][:]
    lines = [record.getMessage() for record in caplog.records if "frames" in record.getMessage()]
    assert len(lines) == (not directly)
    if not directly:
        assert f"{path}: frames is read through zarr-python, slowly" in lines[0]


def frames_document(path):
    root = json.loads((path / "zarr.json").read_text())
    return root["consolidated_metadata"]["metadata"]["frames"]


@pytest.mark.parametrize(
    ("spot", "value"),
    [
        (("zarr_format",), 2),
        (("node_type",), "group"),
        (("shape", 0), -1),
        (("shape", 1), 10),
        (("data_type",), "complex64"),
        (("data_type",), "string"),
        (("chunk_grid", "name"), "rectangular"),
        (("chunk_grid", "configuration", "chunk_shape", 0), 12),  # no multiple of the chunks
        (("chunk_grid", "configuration", "chunk_shape", 1), 10),
        (("chunk_key_encoding", "configuration", "separator"), "/"),
        (("chunk_key_encoding", "name"), "v2"),
        (("storage_transformers",), [{"name": "indirection"}]),
        (("codecs", 0, "name"), "transpose"),
        (("codecs", 0, "configuration", "chunk_shape", 0), 0),
        (("codecs", 0, "configuration", "chunk_shape", 0), 8.0),
        (("codecs", 0, "configuration", "chunk_shape", 0), 2**40),
        (("codecs", 0, "configuration", "index_location"), "start"),
        (("codecs", 0, "configuration", "index_codecs"), [{"name": "bytes"}]),
        (("codecs", 0, "configuration", "codecs", 0, "configuration"), {"endian": "big"}),
        (("codecs", 0, "configuration", "codecs", 1, "name"), "gzip"),
        (("codecs", 0, "configuration", "codecs", 2), {"name": "adler32"}),
    ],
)
def test_what_is_stored_otherwise_is_not_read_directly(paths, spot, value):
    document = frames_document(paths["zstd:1"])
    assert DirectLayout.parse(document) is not None
    holder = document
    for key in spot[:-1]:
        holder = holder[key]
    holder[spot[-1]] = value
    assert DirectLayout.parse(document) is None


@given(data=st.data())
def test_no_document_is_too_strange(paths, data):
    document = holder = frames_document(paths["zstd:1"])
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(holder[key], dict | list) or not holder[key] or data.draw(st.booleans()):
            break
        holder = holder[key]
    scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
    holder[key] = data.draw(scalars | st.lists(scalars) | st.dictionaries(st.text(), scalars))
    layout = DirectLayout.parse(document)  # says no, and raises nothing
    assert layout is None or layout.chunks.chunk_rows > 0


def test_addresses_and_zip_files_are_read_through_zarr_python(tmp_path, paths, caplog):
    path = paths["zstd:1"]
    expected = Windows(open_dataset(path), 4)[:]
    shutil.make_archive(str(tmp_path / "d.zarr"), "zip", path)
    memory = fsspec.filesystem("memory")
    memory.put(str(path), "/direct.zarr", recursive=True)
    for where in (tmp_path / "d.zarr.zip", "memory://direct.zarr", f"local://{path}"):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            dataset = open_dataset(where)
            for name, values in Windows(dataset, 4)[:].items():
                np.testing.assert_array_equal(values, expected[name])
        assert [
            r.getMessage() for r in caplog.records if r.name.startswith("crafter_dataset.loader")
        ] == [f"{where}: not a local folder, so it is read through zarr-python, slowly"]
        np.testing.assert_array_equal(dataset[2].terrain, open_dataset(path)[2].terrain)
    memory.rm("/direct.zarr/frames/c.0.0.0.0")
    with pytest.raises(CorruptDataError, match=r"episode 2, frames.*expected a file c.0.0.0.0"):
        open_dataset("memory://direct.zarr")[2]["frames"][:]
    with pytest.raises(NotADatasetError, match="memory://none: expected a Crafter dataset"):
        open_dataset("memory://none")


def test_few_files_are_open_at_once(tmp_path):
    for number in range(20):
        (tmp_path / f"{number}").write_bytes(bytes([number]) * 100)
    files = MappedFiles(3, 2**28)
    held = files.get(f"{tmp_path}/0", None, open_regular)
    for number in [*range(20), *range(20)]:
        assert (
            files.get(f"{tmp_path}/{number}", None, open_regular).stored.read(0, 100) == number
        ).all()
        assert len(files._files) <= 3
    assert (held.stored.read(0, 100) == 0).all()  # whoever reads from it still can
    (tmp_path / "empty").touch()
    for name in ("none", "empty", "0/none", "."):
        with pytest.raises(CorruptDataError, match=r"expected a file .*, found none"):
            files.get(f"{tmp_path}/{name}", None, open_regular)


def test_pages_are_given_back_and_read_again(tmp_path):
    (tmp_path / "f").write_bytes(bytes(range(256)) * 1000)
    files = MappedFiles(3, 1000)
    data = files.get(f"{tmp_path}/f", None, open_regular).stored.read(0, 256_000)
    before = data.copy()
    files.count(2**40)
    assert files._read == 0  # so they were given back
    np.testing.assert_array_equal(data, before)


def test_the_cache_stays_within_its_bytes():
    cache = ChunkCache(1000)
    for number in range(50):
        cache.put(number, np.zeros(90 + number, np.uint8))
        assert cache.nbytes == sum(chunk.nbytes for chunk in cache._chunks.values()) <= 1000
    assert cache.get(49) is not None
    assert cache.get(0) is None
    first = cache.get(44)
    cache.put(50, np.zeros(300, np.uint8))
    assert cache.get(44) is first  # used last, dropped last
    cache.put(51, np.zeros(1001, np.uint8))
    assert cache.get(51) is None
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 1


def test_a_whole_chunk_goes_straight_to_its_place(paths, monkeypatch):
    targets = []
    decode = "crafter_dataset.loader.reading.direct.decode_into"
    from crafter_dataset.schemas.codecs import decode_into

    def spy(compression, data, out, checksum):
        targets.append(out)
        decode_into(compression, data, out, checksum)

    monkeypatch.setattr(decode, spy)
    dataset = open_dataset(paths["zstd:1"], threads=1, cache_bytes=10**5)
    out = np.empty((24, 20, 18, 3), np.uint8)
    targets.clear()
    dataset[2]["frames"].read(0, 24, out)
    assert [np.shares_memory(target, out) for target in targets] == [True] * 3


def test_threads_do_all_the_work_and_pass_on_errors():
    threads = WorkerThreads(4)
    for count in (0, 1, 3, 50):
        done, lock = [], threading.Lock()

        def work(item, done=done, lock=lock):
            with lock:
                done.append(item)

        threads.run(work, list(range(count)))
        assert sorted(done) == list(range(count))

    def fail(item):
        if item == 17:
            raise CorruptDataError("seventeen")

    for _ in range(20):
        with pytest.raises(CorruptDataError, match="seventeen"):
            threads.run(fail, list(range(50)))


def test_frames_of_unknown_size_are_read(paths):
    # As streaming writers make them: without the size of the content in the header.
    rows = np.arange(100, dtype=np.uint8)
    raw = ChunkCodec.parse("none").encode(rows)[:-4]
    block = (len(raw) << 3 | 1).to_bytes(3, "little") + raw  # one last raw block
    frame = b"\x28\xb5\x2f\xfd\x00\x58" + block
    from crafter_dataset.schemas.codecs import crc32c, decode_into

    out = np.zeros_like(rows)
    decode_into("zstd", frame + crc32c(frame), out)
    np.testing.assert_array_equal(out, rows)
    with pytest.raises(CorruptDataError, match="expected 99 bytes, found 100"):
        decode_into("zstd", frame + crc32c(frame), out[:99])


def test_the_fallback_never_stretches_or_converts(tmp_path, paths):
    for change, message in (
        ({"shape": [33, 20, 18, 3]}, r"episode 3, .*expected rows of uint8, shape"),
        ({"data_type": "int8"}, r"expected rows of uint8, .* found int8"),
    ):
        path = tmp_path / "-".join(change)
        shutil.copytree(paths["zstd:1"], path)
        recode(path, "frames", compressors=[GzipCodec(), Crc32cCodec()])
        root = json.loads((path / "zarr.json").read_text())
        root["consolidated_metadata"]["metadata"]["frames"] |= change
        (path / "zarr.json").write_text(json.dumps(root))
        dataset = open_dataset(path)
        with pytest.raises(CorruptDataError, match=message):
            Windows(dataset, 5).read([len(Windows(dataset, 5)) - 1, 20])
        with pytest.raises(CorruptDataError, match="episode"):
            dataset[2]["frames"][12:17]


def test_a_chunk_that_a_remote_shard_leaves_out(tmp_path, paths):
    path = tmp_path / "d.zarr"
    shutil.copytree(paths["zstd:1"], path)
    document = frames_document(path)
    slots = document["chunk_grid"]["configuration"]["chunk_shape"][0] // 8
    file = path / "frames" / "c.0.0.0.0"
    data = bytearray(file.read_bytes())
    index = np.frombuffer(data[-16 * slots - 4 : -4], "<u8").reshape(slots, 2).copy()
    index[3] = 2**64 - 1  # the first chunk of episode 2
    data[-16 * slots - 4 :] = ChunkCodec.parse("none").encode(index)
    file.write_bytes(bytes(data))
    for where in (path, f"local://{path}"):
        dataset = open_dataset(where)
        dataset[2]["frames"][8:]
        with pytest.raises(CorruptDataError, match=r"episode 2, frames.*a chunk is missing"):
            dataset[2]["frames"][7:9]


def test_what_is_read_only_is_not_written_to(paths):
    dataset = open_dataset(paths["zstd:1"])
    out = np.zeros((8, 20, 18, 3), np.uint8)
    out.flags.writeable = False
    with pytest.raises(ValueError, match="out: expected an array that can be written to"):
        dataset[2]["frames"].read(0, 8, out)
    assert not out.any()
    windows = Windows(dataset, 8)
    batch = windows.read([0])
    batch["frames"].flags.writeable = False
    with pytest.raises(ValueError, match="out: expected 'frames' to be writable"):
        windows.read([0], batch)


@pytest.mark.parametrize(
    "options", [{"threads": 0}, {"threads": "2"}, {"cache_bytes": -1}, {"cache_bytes": 1.5}]
)
def test_wrong_options_are_named(paths, options):
    (name,) = options
    with pytest.raises(ValueError, match=f"{name}: expected an integer of"):
        open_dataset(paths["zstd:1"], **options)


def test_readers_share_a_process_that_may_open_few_files(tmp_path):
    path = tmp_path / "many.zarr"
    write_dataset(path, [9] * 40)
    script = f"""
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
from crafter_dataset.loader.reading.mapped_files import MappedFiles
from crafter_dataset.loader.reading.regular_files import open_regular
import glob
files = sorted(f for f in glob.glob({str(path)!r} + "/**/c.*", recursive=True))
readers = [MappedFiles(1000, 2**28) for _ in range(4)]
for reader in readers:
    for file in files:
        reader.get(file, None, open_regular)
print(len(files))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert int(done.stdout) >= 15, done.stderr


def test_nobody_writes_after_an_interrupt():
    threads = WorkerThreads(3)
    busy = threading.Event()
    done = []

    def work(item):
        if threading.current_thread() is threading.main_thread():
            busy.wait(5)
            raise KeyboardInterrupt
        busy.set()
        done.append(item)
        time.sleep(0.001)

    with pytest.raises(KeyboardInterrupt):
        threads.run(work, list(range(10_000)))
    count = len(done)
    threading.Event().wait(0.05)
    assert len(done) == count


def test_headers_that_lie_allocate_nothing(paths):
    from crafter_dataset.schemas.codecs import crc32c, decode_into

    out = np.zeros(1000, np.uint8)
    for name in ("zstd:1", "blosc-lz4:5"):
        whole = ChunkCodec.parse(name).encode(np.arange(1000).astype(np.uint8) // 128)
        for bit in range(8 * 16):
            body = bytearray(whole[:-4])
            body[bit // 8] ^= 1 << bit % 8
            with pytest.raises(CorruptDataError):  # by its checksum
                decode_into(name[:5].rstrip(":"), bytes(body) + whole[-4:], out)
    huge = b"\x28\xb5\x2f\xfd\xe0" + (2**40).to_bytes(8, "little") + bytes(20)
    with pytest.raises(CorruptDataError, match=f"expected 1000 bytes, found {2**40}"):
        decode_into("zstd", huge + crc32c(huge), out)


def test_a_file_that_is_cut_short_while_it_is_open_is_an_error(tmp_path):
    write_dataset(tmp_path / "data.zarr", (40, 40))
    dataset = open_dataset(tmp_path / "data.zarr", cache_bytes=0)
    dataset[0]["frames"][:]
    for file in (tmp_path / "data.zarr" / "frames").glob("c*"):
        os.truncate(file, 10)
    with pytest.raises(CorruptDataError, match=r"bytes in c\.0\.0\.0\.0, found 10"):
        dataset[1]["frames"][:]


def test_damage_in_a_zip_file_is_an_error(tmp_path):
    write_dataset(tmp_path / "data.zarr", (40, 40))
    shutil.make_archive(str(tmp_path / "data"), "zip", tmp_path / "data.zarr")
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("frames/c.0.0.0.0")
    data = bytearray(path.read_bytes())
    data[info.header_offset + 200] ^= 255
    path.write_bytes(data)
    with pytest.raises(CorruptDataError, match="episode 0, frames"):
        open_dataset(path)[0]["frames"][:]


def test_what_the_disk_does_not_give_is_an_error_and_ends_nothing(tmp_path):
    """A map whose pages cannot be read: here for want of a file behind them, as for bad sectors."""
    path = tmp_path / "d.zarr"
    write_dataset(path, [9, 30, 30])
    script = f"""
import os, sys
from crafter_dataset import CorruptDataError, open_dataset, validate
dataset = open_dataset({str(path)!r})
dataset[1]["frames"].read()
os.truncate({str(path / "frames" / "c.0.0.0.0")!r}, 4096)
try:
    dataset[2]["frames"].read()
except CorruptDataError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done
    assert "episode 2" in done.stdout
    assert "bytes in c.0.0.0.0, found 4096" in done.stdout
