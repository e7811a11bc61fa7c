"""One file an episode: everything that is stored of it, as NumPy reads it."""

from __future__ import annotations

import zipfile
from dataclasses import replace

import numpy as np
import pytest

from crafter_dataset.loader.export import npz
from tests.export.cases import Exporter, files_of, lose_final_frames

EXTRAS = {"terrain", "world_seed", "end_reason", "return", "final_frame"}


class TestNpz(Exporter):
    export = staticmethod(npz.export)
    needs_actions = False


def load(path):
    with np.load(path, allow_pickle=False) as data:
        return dict(data)


@pytest.mark.parametrize("name", ["ends", "some", "real"])
def test_files_hold_all_of_an_episode(name, request, tmp_path):
    dataset = request.getfixturevalue(name)
    list(npz.export(dataset, tmp_path / "out"))
    assert list(files_of(tmp_path / "out")) == [f"{n:06d}.npz" for n in range(len(dataset))]
    for number, episode in enumerate(dataset):
        found = load(tmp_path / f"out/{number:06d}.npz")
        assert set(found) == {*episode, *EXTRAS}
        for field in episode:
            np.testing.assert_array_equal(found[field], episode[field][:], strict=True)
        np.testing.assert_array_equal(found["terrain"], episode.terrain, strict=True)
        assert (found["world_seed"].dtype, found["world_seed"][()]) == (
            np.int64,
            episode.world_seed,
        )
        assert str(found["end_reason"]) == episode.end_reason
        assert found["return"][()] == episode.episode_return
        assert found["final_frame"].dtype == np.bool_
        assert found["final_frame"]


def test_how_an_episode_ended(ends, tmp_path):
    list(npz.export(ends, tmp_path / "out"))
    found = [load(file) for file in sorted((tmp_path / "out").iterdir())]
    assert [str(e["end_reason"]) for e in found] == [
        "terminated",
        "time_limit",
        "cut",
        "terminated",
    ]
    assert [e["terminations"].nonzero()[0].tolist() for e in found] == [[7], [], [], [0]]
    assert [e["truncations"].nonzero()[0].tolist() for e in found] == [[], [15], [], []]


def test_a_final_frame_that_is_none_is_said(ends, tmp_path, monkeypatch):
    lose_final_frames(monkeypatch, 1)
    list(npz.export(ends[:3], tmp_path / "out"))
    found = [load(tmp_path / f"out/{number:06d}.npz")["final_frame"] for number in range(3)]
    assert [bool(flag) for flag in found] == [True, False, True]


def test_what_is_not_known_is_left_out(ends, tmp_path):
    part = ends[:1]
    known = tuple(n for n in part.metadata.episode_fields if n not in ("terrain", "world_seeds"))
    part.metadata = replace(part.metadata, episode_fields=known)
    list(npz.export(part, tmp_path / "out"))
    found = load(tmp_path / "out/000000.npz")
    assert set(found) == {*part[0], *EXTRAS} - {"terrain", "world_seed"}


def test_files_are_compressed_and_undated(some, tmp_path):
    list(npz.export(some[:1], tmp_path / "out"))
    with zipfile.ZipFile(tmp_path / "out/000000.npz") as archive:
        for entry in archive.infolist():
            assert entry.compress_type == zipfile.ZIP_DEFLATED
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)
