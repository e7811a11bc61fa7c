"""DreamerV3's chunks: their names, their links, and the stream of steps that they hold."""

from __future__ import annotations

import re
import string

import numpy as np
import pytest

from crafter_dataset.loader import open_dataset
from crafter_dataset.loader.export import dreamer
from tests.export.cases import Exporter, files_of, lose_final_frames
from tests.synthetic import write_dataset

NAME = re.compile(r"\d{8}T\d{6}F\d{6}-[0-9a-zA-Z]{22}-[0-9a-zA-Z]{22}-\d+\.npz")
BASE62 = string.digits + string.ascii_letters


class TestDreamer(Exporter):
    export = staticmethod(dreamer.export)
    needs_actions = False


def read_chunks(path):
    """Return the chunks from the first on, each with the UUID in its name, as links lead."""
    chunks = {}
    for file in sorted(path.iterdir()):
        assert NAME.fullmatch(file.name)
        _, uuid, succ, size = file.stem.split("-")
        with np.load(file, allow_pickle=False) as data:
            chunks[uuid] = succ, int(size), dict(data)
    last = "0" * 22
    uuid, found = next(iter(chunks)), []
    while uuid != last:
        succ, size, data = chunks.pop(uuid)
        assert {len(rows) for rows in data.values()} == {size}
        found.append((uuid, data))
        uuid = succ
    assert not chunks
    return found


def read_stream(path):
    chunks = [data for _, data in read_chunks(path)]
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    """Return episodes that begin, end and go on in different chunks, one over three of them."""
    path = tmp_path_factory.mktemp("long") / "d"
    write_dataset(path, [700, 1, 600, 2500, 2, 30])
    return open_dataset(path)


@pytest.mark.parametrize("name", ["ends", "some", "real", "long"])
def test_the_stream_is_the_episodes_as_they_arrive(name, request, tmp_path):
    dataset = request.getfixturevalue(name)
    list(dreamer.export(dataset, tmp_path / "out"))
    stream, start = read_stream(tmp_path / "out"), 0
    shapes = {name: (rows.dtype, rows.shape[1:]) for name, rows in stream.items()}
    assert shapes == {
        "image": (np.uint8, dataset[0]["frames"].shape[1:]),
        "reward": (np.float32, ()),
        "is_first": (np.bool_, ()),
        "is_last": (np.bool_, ()),
        "is_terminal": (np.bool_, ()),
        "action": (np.int32, ()),
        "stepid": (np.uint8, (20,)),
    }
    for episode in dataset:
        stop = start + episode.length
        found = {name: rows[start:stop] for name, rows in stream.items()}
        rows, steps = episode.load(), np.arange(episode.length)
        np.testing.assert_array_equal(found["image"], rows["frames"])
        np.testing.assert_array_equal(found["action"], rows["actions"])
        np.testing.assert_array_equal(found["reward"][1:], rows["rewards"][:-1])
        assert found["reward"][0] == found["action"][-1] == 0
        np.testing.assert_array_equal(found["is_first"], steps == 0)
        np.testing.assert_array_equal(found["is_last"], steps == episode.length - 1)
        died = episode.end_reason == "terminated" and episode.length > 1
        np.testing.assert_array_equal(found["is_terminal"], found["is_last"] & died)
        start = stop
    assert start == len(stream["image"])


def test_chunks_ignore_episodes(long, tmp_path):
    list(dreamer.export(long, tmp_path / "out"))
    chunks = read_chunks(tmp_path / "out")
    assert [len(chunk["action"]) for _, chunk in chunks] == [1024, 1024, 1024, long.frames - 3072]


@pytest.mark.parametrize("lengths", [[1024], [1024, 1024], [2048], [1023, 1], [1025]])
def test_no_chunk_is_empty(lengths, tmp_path):
    write_dataset(tmp_path / "d", lengths)
    list(dreamer.export(open_dataset(tmp_path / "d"), tmp_path / "out"))
    sizes = [len(chunk["action"]) for _, chunk in read_chunks(tmp_path / "out")]
    assert sizes == [1024] * (sum(lengths) // 1024) + [1] * (sum(lengths) % 1024)


def test_step_ids_are_the_chunk_and_the_index(long, tmp_path):
    list(dreamer.export(long, tmp_path / "out"))
    for uuid, chunk in read_chunks(tmp_path / "out"):
        number = 0
        for digit in uuid:
            number = number * 62 + BASE62.index(digit)
        for index, stepid in enumerate(chunk["stepid"]):
            assert stepid.tobytes() == number.to_bytes(16, "big") + index.to_bytes(4, "big")


def test_names_sort_in_the_order_of_the_stream(long, tmp_path):
    list(dreamer.export(long, tmp_path / "out"))
    names = sorted(file.stem for file in (tmp_path / "out").iterdir())
    assert [name.split("-")[1] for name in names] == [u for u, _ in read_chunks(tmp_path / "out")]
    times = [name.split("-")[0] for name in names]
    assert times[:2] == ["20000101T000000F000000", "20000101T000001F000000"]
    assert len(set(times)) == len(times)


def test_exports_can_lie_in_one_folder(long, some, tmp_path):
    uuids = []
    for number, dataset in enumerate((long, long[1:], long[::-1], some, some[:2])):
        list(dreamer.export(dataset, tmp_path / f"{number}"))
        uuids += [uuid for uuid, _ in read_chunks(tmp_path / f"{number}")]
    assert len(set(uuids)) == len(uuids)


def test_final_frames_are_needed(ends, tmp_path, monkeypatch):
    lose_final_frames(monkeypatch, 2)
    TestDreamer().refuses(ends, tmp_path, "episode 2: expected its final frame, .* found none")
    list(dreamer.export(ends[:2], tmp_path / "out"))
    assert len(files_of(tmp_path / "out")) == 1
