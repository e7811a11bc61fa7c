"""The ReplayBuffer's Zarr v2 group: its arrays, and where each episode lies in them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import zarr

from crafter_dataset.loader import open_dataset
from crafter_dataset.loader.export import replay_buffer
from tests.export.cases import Exporter, files_of, lose_final_frames
from tests.synthetic import write_dataset


class TestReplayBuffer(Exporter):
    export = staticmethod(replay_buffer.export)
    needs_actions = True


@pytest.mark.parametrize("name", ["ends", "some", "real"])
def test_rows_are_those_with_an_action(name, request, tmp_path):
    dataset = request.getfixturevalue(name)
    list(replay_buffer.export(dataset, tmp_path / "out"))
    root = zarr.open_group(tmp_path / "out", mode="r")
    stops = root["meta/episode_ends"][:]
    assert stops.dtype == np.int64
    assert stops.tolist() == np.cumsum([episode.length - 1 for episode in dataset]).tolist()
    assert {key for key, _ in root["data"].arrays()} == {
        "img", "action", "reward", "terminated", "truncated", "state", "inventory", "achievements",
        "daylight",
    }  # fmt: skip
    # ReplayBuffer asserts it.
    assert {array.shape[0] for _, array in root["data"].arrays()} == {stops[-1]}
    start = 0
    for stop, episode in zip(stops, dataset, strict=True):
        rows = {name: field[:-1] for name, field in episode.items()}
        expected = {
            "img": rows["frames"],
            "action": rows["actions"].astype(np.int64)[:, None],
            "reward": rows["rewards"],
            "terminated": rows["terminations"],
            "truncated": rows["truncations"],
            "state": rows["positions"].astype(np.float32),
            "inventory": rows["inventory"],
            "achievements": rows["achievements"],
            "daylight": rows["daylight"],
        }
        for key, values in expected.items():
            np.testing.assert_array_equal(root["data"][key][start:stop], values, strict=True)
        start = stop


def test_old_readers_know_all_that_is_used(some, tmp_path):
    list(replay_buffer.export(some, tmp_path / "out"))
    files = files_of(tmp_path / "out")
    assert "zarr.json" not in files
    arrays = {name: json.loads(data) for name, data in files.items() if name.endswith(".zarray")}
    assert len(arrays) == 10
    for name, array in arrays.items():
        assert array["zarr_format"] == 2
        assert array["filters"] is None
        if name == "meta/episode_ends/.zarray":
            assert array["compressor"] is None
            assert array["chunks"] == array["shape"] == [4]
        else:
            # A checksum would be unknown to the numcodecs of Diffusion Policy's environment.
            assert array["compressor"] == {"id": "zstd", "level": 1}
            assert array["chunks"][1:] == array["shape"][1:]
    assert arrays["data/img/.zarray"]["chunks"] == [2_000_000 // (64 * 64 * 3), 64, 64, 3]


def test_names_go_along(some, tmp_path):
    list(replay_buffer.export(some, tmp_path / "out"))
    attributes = dict(zarr.open_group(tmp_path / "out", mode="r").attrs)
    assert attributes["actions"] == list(some.metadata.actions)
    assert attributes["items"] == list(some.metadata.items)
    assert attributes["achievements"] == list(some.metadata.achievements)


def test_optional_fields_may_be_absent(ends, tmp_path):
    part = ends[:]
    part.metadata = replace(
        part.metadata,
        fields=tuple(n for n in part.fields if n not in ("positions", "semantic", "daylight")),
    )
    list(replay_buffer.export(part, tmp_path / "out"))
    data = zarr.open_group(tmp_path / "out", mode="r")["data"]
    assert {key for key, _ in data.arrays()} == {
        "img", "action", "reward", "terminated", "truncated", "inventory", "achievements",
    }  # fmt: skip


def test_episodes_cross_chunks(tmp_path):
    lengths = [1500, 2, 1000, 900]
    write_dataset(tmp_path / "d", lengths)
    dataset = open_dataset(tmp_path / "d")
    list(replay_buffer.export(dataset, tmp_path / "out"))
    img = zarr.open_group(tmp_path / "out", mode="r")["data/img"]
    assert img.chunks[0] < 2500
    frames = np.concatenate([episode["frames"][:-1] for episode in dataset])
    np.testing.assert_array_equal(img[:], frames)


def test_final_frames_are_not_needed(ends, tmp_path, monkeypatch):
    list(replay_buffer.export(ends, tmp_path / "with"))
    lose_final_frames(monkeypatch, 0, 1, 2, 3)
    list(replay_buffer.export(ends, tmp_path / "without"))
    assert files_of(tmp_path / "with") == files_of(tmp_path / "without")
