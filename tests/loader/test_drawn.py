"""Datasets whose frames are drawn as they are read: nothing above the rows can tell."""

from __future__ import annotations

import functools
import json
import multiprocessing
import pickle
import subprocess
import sys
import time

import numpy as np
import pytest

from crafter_dataset import UniformSampler, WindowLoader, Windows, open_dataset, validate
from crafter_dataset.builder.settings import BuildSettings, Target
from crafter_dataset.schemas.anchors import Anchors
from crafter_dataset.schemas.errors import CorruptDataError, DatasetError, MetadataError
from tests.building import build

GEOMETRIES = {
    "default": {"seed": 2, "policy": "expert"},
    "odd": {"seed": 3, "area": (30, 21), "view": (7, 8), "size": (53, 47), "chunk_frames": 7},
    "wide": {"seed": 4, "area": (16, 16), "view": (11, 4), "size": (90, 31), "chunk_frames": 1},
    "one chunk": {"seed": 5, "area": (12, 40), "size": (18, 18), "chunk_frames": 700},
}
NIGHTS = 620
"""Frames, so that it has been night."""


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    """Return a function that builds a dataset three times: stored, drawn, and both."""
    folder = tmp_path_factory.mktemp("twins")

    @functools.cache
    def make(geometry: str, suffix: str):
        paths = {}
        for pictures in ("stored", "drawn", "both"):
            settings = BuildSettings(pictures=pictures, length=400, **GEOMETRIES[geometry])
            paths[pictures] = folder / f"{geometry}-{pictures}{suffix}"
            build(paths[pictures], settings, Target(frames=NIGHTS), workers=0)
        return paths

    return lambda geometry, suffix=".zarr": make(geometry, suffix)


@pytest.fixture(scope="module")
def stored_and_drawn(twins):
    paths = twins("default")
    return open_dataset(paths["stored"]), open_dataset(paths["drawn"])


@pytest.mark.parametrize("suffix", [".zarr", ".h5"])
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_twins_are_equal(twins, geometry, suffix):
    paths = twins(geometry, suffix)
    stored, drawn, both = (open_dataset(paths[name]) for name in ("stored", "drawn", "both"))
    assert stored.metadata.digest == drawn.metadata.digest == both.metadata.digest
    assert set(drawn.fields) - set(stored.fields) == {"tiles", "sleeping", "random_words"}
    daylight = np.concatenate([episode["daylight"][:] for episode in stored])
    assert (daylight < 0.5).any()
    assert (daylight >= 0.5).any()
    for one, two in zip(stored, drawn, strict=True):
        for name, values in one.load().items():
            np.testing.assert_array_equal(two[name][:], values, err_msg=name)
        for first in range(0, len(one), 5):
            np.testing.assert_array_equal(
                two["frames"].read(first, min(first + 3, len(one))),
                one["frames"].read(first, min(first + 3, len(one))),
            )
    for path in paths.values():
        assert validate(path, deep=True), path


@pytest.mark.parametrize("suffix", [".zarr", ".h5"])
def test_a_drawn_dataset_has_no_frames_but_symbols(twins, suffix):
    paths = twins("default", suffix)
    containers = {name: open_dataset(path).container for name, path in paths.items()}
    assert containers["stored"].describe("tiles") is None
    assert containers["both"].describe("frames").chunk_rows == 32
    assert containers["drawn"].stored("frames") is None
    if suffix == ".zarr":
        assert not (paths["drawn"] / "frames").exists()
    dataset = open_dataset(paths["drawn"])
    names = np.array(dataset.metadata.tiles)
    for episode in dataset:
        seen = names[episode["tiles"][:]]
        assert seen.shape[1:] == (9, 7)
        player = seen[:, 4, 3]
        assert all(name.startswith("player") for name in player)
        asleep = [name.startswith("player asleep") for name in player]
        np.testing.assert_array_equal(asleep, episode["sleeping"][:])
        semantic, positions = episode["semantic"][:], episode["positions"][:]
        x, y = positions[0] + (1, 0)
        if x < semantic.shape[1] and semantic[0, x, y] <= len(dataset.metadata.materials):
            assert seen[0, 5, 3] == dataset.metadata.materials[semantic[0, x, y] - 1]


@pytest.mark.parametrize("threads", [1, 3])
def test_windows_and_whole_episodes_by_threads(twins, threads):
    paths = twins("odd")
    one, two = (open_dataset(paths[n], threads=threads) for n in ("stored", "drawn"))
    options = {"padding": "both", "next_frame": True}
    first, second = (Windows(d, 9, fields=("frames", "actions"), **options) for d in (one, two))
    numbers = np.random.default_rng(0).integers(len(first), size=40)
    for many in (numbers, numbers[:1], numbers[:0]):
        expected, found = first.read(many), second.read(many)
        for name, values in expected.items():
            np.testing.assert_array_equal(found[name], values, err_msg=name)
    out = {n: np.zeros(s, t) for n, (s, t) in second.shapes(40).items()}
    for _ in range(3):  # small arrays are read whole in the end
        found = second.read(numbers, out)
        np.testing.assert_array_equal(found["frames"], first.read(numbers)["frames"])
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a["frames"][:], b["frames"][:])
        np.testing.assert_array_equal(a["frames"][::-2], b["frames"][::-2])
    rows = one.metadata.counts.rows
    np.testing.assert_array_equal(
        one.container.read("frames", 3, rows), two.container.read("frames", 3, rows + 9)
    )


def test_into_arrays_that_are_not_contiguous(stored_and_drawn):
    stored, drawn = stored_and_drawn
    room = np.zeros((2, 12, 64, 64, 3), np.uint8)[:, ::2]
    drawn[0]["frames"].read(4, 10, out=room[0])
    np.testing.assert_array_equal(room[0], stored[0]["frames"][4:10])
    assert not room[1].any()


def test_symbols_in_windows_and_loaders(stored_and_drawn):
    stored, drawn = stored_and_drawn
    windows = Windows(drawn, 8, fields=("tiles", "sleeping", "actions"))
    batch = windows.read([0, 3])
    assert batch["tiles"].shape == (2, 8, 9, 7)
    assert batch["sleeping"].dtype == bool
    both = [Windows(d, 8) for d in (stored, drawn)]
    loaders = [WindowLoader(w, 4, sampler=UniformSampler(w, seed=1, samples=16)) for w in both]
    for one, two in zip(*loaders, strict=True):
        assert one.named.keys() >= {"obs", "act"}
        assert all((one.named[name] == two.named[name]).all() for name in one.named)


def test_states_go_on_alike(stored_and_drawn):
    one, two = (dataset.env_at(0, 30) for dataset in stored_and_drawn)
    for action in range(6):
        seen, expected = two.step(action), one.step(action)
        np.testing.assert_array_equal(seen[0], expected[0])


def _read(dataset):
    return dataset[0]["frames"][:].tobytes(), dataset[0]["semantic"][:].tobytes()


@pytest.mark.parametrize("suffix", [".zarr", ".h5"])
@pytest.mark.parametrize("pictures", ["stored", "drawn", "both"])
def test_in_memory(twins, pictures, suffix):
    path = twins("odd", suffix)[pictures]
    told = []
    kept = open_dataset(path, in_memory=True, progress=told.append)
    dataset = open_dataset(path)
    assert _read(kept) == _read(dataset)
    assert kept.fields == dataset.fields
    assert kept.provenance == dataset.provenance
    np.testing.assert_array_equal(kept.episodes["returns"], dataset.episodes["returns"])
    assert kept.container.stored_bytes("actions") == dataset.container.stored_bytes("actions")
    for start in ("fork", "spawn"):
        with multiprocessing.get_context(start).Pool(1) as pool:
            assert pool.apply(_read, (kept[:1],)) == _read(dataset)
    again = pickle.loads(pickle.dumps(kept))
    assert _read(again) == _read(dataset)
    kept.close()
    with pytest.raises(ValueError, match="closed"):
        kept[0]["frames"][0]
    assert _read(again) == _read(dataset)


def test_in_memory_needs_no_files(twins, tmp_path):
    path = twins("odd")["drawn"]
    moved = tmp_path / "d.zarr"
    path.rename(moved)
    try:
        kept = open_dataset(moved, in_memory=True)
    finally:
        moved.rename(path)
    assert _read(kept) == _read(open_dataset(path))


def _pickled(path, queue):
    queue.put(pickle.dumps(open_dataset(path, in_memory=True)))


def test_memory_of_a_process_that_is_gone(twins):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=_pickled, args=(twins("odd")["drawn"], queue))
    process.start()
    content = queue.get(timeout=60)
    process.join()
    with pytest.raises(DatasetError, match=rf"expected the process {process.pid}, which read"):
        pickle.loads(content)


def test_anchors_are_put_back_together():
    rng = np.random.default_rng(1)
    anchors = Anchors(
        rng.integers(0, 9, 5),
        rng.integers(0, 2**64, 5, np.uint64),
        rng.integers(0, 2**50, 5),
        rng.integers(0, 2**32, (5, 624), np.uint32),
    )
    for chunk in (1, 7, 32, 1000):
        for one, two in zip(anchors, Anchors.gathered(anchors.spread(chunk)), strict=True):
            np.testing.assert_array_equal(one, two)
            assert one.dtype == two.dtype


def _rewritten(path, tmp_path, name, change):
    """Copy a drawn dataset with an array changed, by zarr-python: checksums are right."""
    import shutil

    import zarr

    copy = tmp_path / "changed.zarr"
    shutil.copytree(path, copy)
    array = zarr.open_group(copy, mode="r+")[name]
    values = array[...]
    change(values)
    array[...] = values
    return copy


@pytest.mark.parametrize(("name", "change", "message"), [
    ("tiles", lambda v: v[1].fill(250), r"tiles\[1\]: expected 0 to 194, found 250"),
    ("inventory", lambda v: v[1].fill(10), r"inventory\[1\]: expected 0 to 9, found 10"),
    ("tiles", lambda v: v[3].fill(2), r"rows 0 to 32: expected the pictures whose checksum"),
    ("pictures/daylight", lambda v: v[1:9].fill(2), "pictures/daylight: expected numbers from 0"),
    ("pictures/vignette", lambda v: v.fill(np.nan), "pictures/vignette: expected numbers from 0"),
    ("pictures/items", lambda v: v.fill(9), r"rows 0 to 32: expected the pictures whose checksum"),
    ("anchors", lambda v: v[:32].fill(7), r"rows 0 to 32: expected the pictures whose checksum"),
])  # fmt: skip
def test_what_gives_no_picture_or_another_one(twins, tmp_path, name, change, message):
    copy = _rewritten(twins("default")["drawn"], tmp_path, name, change)
    with pytest.raises(CorruptDataError, match=f"episode 0, frames.*{message}"):
        open_dataset(copy)[0]["frames"][2:4]
    violations = validate(copy, deep=True).violations
    assert any("frames" in str(v) and "episode 0" in str(v) for v in violations), violations


@pytest.mark.parametrize(("change", "message"), [
    (lambda v: v.fill(-1), "random_words.*: expected a number soon after"),
    (lambda v: v.fill(2**60), "random_words.*: expected a number soon after"),
    (lambda v: np.copyto(v, v[::-1].copy()), "random_words.*: expected a number soon after"),
])  # fmt: skip
def test_random_words_that_cannot_be(twins, tmp_path, change, message):
    copy = _rewritten(twins("default")["drawn"], tmp_path, "random_words", change)
    dataset = open_dataset(copy)
    with pytest.raises(CorruptDataError, match=message):
        [episode["frames"][row] for episode in dataset for row in range(0, len(episode), 7)]


def test_words_that_fall_by_day_are_found(twins, tmp_path):
    copy = _rewritten(twins("default")["drawn"], tmp_path, "random_words", lambda v: v.put(9, 1))
    assert open_dataset(copy)[0]["frames"][:].any()
    violations = [str(v) for v in validate(copy, deep=True).violations]
    assert violations == [
        "random_words[9] (episode 0): expected counts that never fall, found one that fell"
    ]


@pytest.mark.parametrize("change", [
    lambda names: names.pop(), lambda names: names.pop(0), lambda names: names.append("cow"),
    lambda names: names.insert(20, "x on y"), lambda names: names.__setitem__(0, "x"),
    lambda names: names.__setitem__(4, "x"), lambda names: names.__setitem__(100, "cow on x"),
    lambda names: names.__setitem__(100, "caw on path"), lambda names: names.reverse(),
])  # fmt: skip
def test_names_of_tiles_are_held_to_the_materials(twins, tmp_path, change):
    copy = _rewritten(twins("odd")["drawn"], tmp_path, "tiles", lambda v: None)
    root = json.loads((copy / "zarr.json").read_text())
    change(root["attributes"]["crafter_dataset"]["tiles"])
    (copy / "zarr.json").write_text(json.dumps(root))
    with pytest.raises(MetadataError, match=r"tiles: expected 'nothing', the materials, and then"):
        open_dataset(copy)


def test_wrong_drawing_is_found_by_those_who_never_read_a_whole_chunk(twins, tmp_path):
    copy = _rewritten(twins("default")["drawn"], tmp_path, "pictures/tiles", lambda v: v.fill(77))
    with pytest.raises(CorruptDataError, match="expected the pictures whose checksum was stored"):
        open_dataset(copy)[0]["frames"][5]
    stored = open_dataset(copy)
    assert stored[0]["tiles"][5].shape == (9, 7)


def test_both_is_held_to_what_is_drawn(twins, tmp_path):
    copy = _rewritten(twins("default")["both"], tmp_path, "tiles", lambda v: v[40].fill(2))
    open_dataset(copy)[0]["frames"][:]
    violations = [str(v) for v in validate(copy, deep=True).violations]
    assert any("drawn" in v and "episode" in v for v in violations), violations


def test_more_chunks_are_kept_of_what_pictures_are_drawn_from(twins):
    paths = twins("default")

    def capacity(path, **options):
        container = open_dataset(path, **options).container
        return getattr(container, "_stored", container)._cache.capacity

    assert capacity(paths["drawn"]) > capacity(paths["both"]) == capacity(paths["stored"])
    assert capacity(paths["drawn"], cache_bytes=5) == capacity(paths["stored"], cache_bytes=5) == 5


def _first_actions(dataset, queue):
    queue.put(dataset[0]["actions"][:].tolist())


def test_memory_that_only_another_process_has(twins):
    path, context = twins("odd")["drawn"], multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(
        target=_first_actions, args=(open_dataset(path, in_memory=True), queue)
    )
    process.start()
    assert queue.get(timeout=60) == open_dataset(path)[0]["actions"][:].tolist()
    process.join()


def test_memory_that_was_given_back_is_not_taken_for_another(twins):
    dataset = open_dataset(twins("odd")["drawn"], in_memory=True)
    content = pickle.dumps(dataset)
    dataset.close()
    del dataset
    others = [open_dataset(twins("default")["drawn"], in_memory=True) for _ in range(3)]
    with pytest.raises(DatasetError, match="to have it open, found its memory gone"):
        pickle.loads(content)
    assert others


def test_a_build_that_has_just_begun_is_in_memory(tmp_path):
    path = tmp_path / "data.zarr"
    process = subprocess.Popen(
        [sys.executable, "-m", "crafter_dataset", "--out", path, "--pictures", "drawn",
         "--frames", "10000000", "--workers", "1", "--quiet"]
    )  # fmt: skip
    while not (path / "pictures" / "daylight" / "zarr.json").exists():
        assert process.poll() is None
        time.sleep(0.001)
    process.kill()
    process.wait()
    dataset = open_dataset(path, in_memory=True)
    assert len(dataset) == len(open_dataset(path))


RECORDS = {
    "no such chunk": (lambda record: record.__setitem__((1, 0), 99), "the place of a state"),
    "a state that is none": (lambda record: record.__setitem__((0, 7), 3), "that follow from"),
    "a checksum": (lambda record: record.__setitem__((2, 1), 3), "whose checksum was stored"),
}


@pytest.mark.parametrize("what", RECORDS)
def test_wrong_records_are_found_by_validation(twins, tmp_path, what):
    change, expected = RECORDS[what]

    def spoil(values):
        change(values.reshape(len(values) // 32, -1))

    path = _rewritten(twins("default")["drawn"], tmp_path, "anchors", spoil)
    (violation,) = validate(path, deep=True).violations[:1]
    assert expected in str(violation)
