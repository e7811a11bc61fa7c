"""IRIS's files: what its own reader takes, file by file and frame by frame."""

from __future__ import annotations

import numpy as np
import pytest

from crafter_dataset.loader.export import iris
from tests.export.cases import Exporter, files_of, lose_final_frames

torch = pytest.importorskip("torch")


class TestIris(Exporter):
    export = staticmethod(iris.export)
    needs_actions = True
    needs_torch = True


@pytest.mark.parametrize("name", ["ends", "some", "real"])
def test_episodes_are_the_rows_with_an_action(name, request, tmp_path):
    dataset = request.getfixturevalue(name)
    list(iris.export(dataset, tmp_path / "out"))
    # IRIS takes every name in the folder for the number of an episode.
    assert set(files_of(tmp_path / "out")) == {f"{number}.pt" for number in range(len(dataset))}
    for number, episode in enumerate(dataset):
        found = torch.load(tmp_path / f"out/{number}.pt", weights_only=True)
        rows = {name: field[:-1] for name, field in episode.items()}
        expected = {
            "observations": rows["frames"].transpose(0, 3, 1, 2),
            "actions": rows["actions"].astype(np.int64),
            "rewards": rows["rewards"],
            "ends": rows["terminations"].astype(np.int64),
            "mask_padding": np.ones(episode.length - 1, bool),
        }
        assert list(found) == list(expected)
        for key, values in expected.items():
            np.testing.assert_array_equal(found[key], values, strict=True)
            assert found[key].untyped_storage().nbytes() == values.nbytes


def test_only_death_is_an_end(ends, tmp_path):
    list(iris.export(ends, tmp_path / "out"))
    found = [torch.load(tmp_path / f"out/{number}.pt")["ends"] for number in range(4)]
    assert [marks.nonzero().tolist() for marks in found] == [[[7]], [], [], [[0]]]


def test_final_frames_are_not_needed(ends, tmp_path, monkeypatch):
    list(iris.export(ends, tmp_path / "with"))
    lose_final_frames(monkeypatch, 0, 1, 2, 3)
    list(iris.export(ends, tmp_path / "without"))
    assert files_of(tmp_path / "with") == files_of(tmp_path / "without")
