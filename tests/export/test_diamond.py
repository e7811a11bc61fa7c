"""DIAMOND's files: what its own reader takes, file by file and frame by frame."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from crafter_dataset.loader import open_dataset
from crafter_dataset.loader.export import diamond
from tests.export.cases import Exporter, files_of, lose_final_frames
from tests.synthetic import write_dataset

torch = pytest.importorskip("torch")


def load(path):
    return torch.load(path, weights_only=True)


class TestDiamond(Exporter):
    export = staticmethod(diamond.export)
    needs_actions = True
    needs_torch = True


@pytest.mark.parametrize("name", ["ends", "some", "real"])
def test_episodes_are_the_rows_with_an_action(name, request, tmp_path):
    dataset = request.getfixturevalue(name)
    list(diamond.export(dataset, tmp_path / "out"))
    for number, episode in enumerate(dataset):
        found = load(tmp_path / f"out/train/000/00/{number}/{number}.pt")
        rows = episode.load()
        assert list(found) == ["obs", "act", "rew", "end", "trunc", "info"]
        expected = {
            "obs": rows["frames"][:-1].transpose(0, 3, 1, 2),
            "act": rows["actions"][:-1].astype(np.int64),
            "rew": rows["rewards"][:-1],
            "end": rows["terminations"][:-1].astype(np.uint8),
            "trunc": rows["truncations"][:-1].astype(np.uint8),
        }
        for key, values in expected.items():
            np.testing.assert_array_equal(found[key], values, strict=True)
            assert found[key].is_contiguous()
            # A view would put the memory that it is of into the file.
            assert found[key].untyped_storage().nbytes() == values.nbytes
        if not (rows["terminations"] | rows["truncations"]).any():
            assert found["info"] == {}
            continue
        # As DIAMOND makes floats of the frames that it loads.
        final = torch.tensor(rows["frames"][-1].transpose(2, 0, 1)).div(255).mul(2).sub(1)
        assert list(found["info"]) == ["final_observation"]
        assert found["info"]["final_observation"].dtype == torch.float32
        assert torch.equal(found["info"]["final_observation"], final)


def test_how_an_episode_ended(ends, tmp_path):
    list(diamond.export(ends, tmp_path / "out"))
    found = [load(tmp_path / f"out/train/000/00/{n}/{n}.pt") for n in range(4)]
    assert [(e["end"].nonzero().tolist(), e["trunc"].nonzero().tolist()) for e in found] == [
        ([[7]], []),
        ([], [[15]]),
        ([], []),
        ([[0]], []),
    ]
    assert [bool(e["info"]) for e in found] == [True, True, False, True]


def test_info(some, tmp_path):
    list(diamond.export(some, tmp_path / "out"))
    info = load(tmp_path / "out/train/info.pt")
    rewards = np.concatenate([episode["rewards"][:-1] for episode in some])
    deaths = sum(episode.end_reason == "terminated" for episode in some)
    lengths = [episode.length - 1 for episode in some]
    assert set(info) == {
        "is_static", "num_episodes", "num_steps", "start_idx", "lengths", "counter_rew",
        "counter_end",
    }  # fmt: skip
    assert info["is_static"] is True
    assert (info["num_episodes"], info["num_steps"]) == (4, len(rewards))
    assert info["lengths"].dtype == info["start_idx"].dtype == torch.int64
    assert info["lengths"].tolist() == lengths
    assert info["start_idx"].tolist() == [0, *np.cumsum(lengths)[:-1].tolist()]
    assert type(info["counter_rew"]) is type(info["counter_end"]) is Counter
    signs = [(rewards < 0).sum(), (rewards == 0).sum(), (rewards > 0).sum()]
    assert [info["counter_rew"][sign] for sign in (-1, 0, 1)] == signs
    assert [info["counter_end"][end] for end in (0, 1)] == [len(rewards) - deaths, deaths]


def test_only_the_training_folder_is_written(some, tmp_path):
    list(diamond.export(some, tmp_path / "out"))
    assert [folder.name for folder in (tmp_path / "out").iterdir()] == ["train"]


def test_many_episodes_lie_in_folders_of_their_digits(tmp_path):
    write_dataset(tmp_path / "d", [2] * 1013)
    list(diamond.export(open_dataset(tmp_path / "d"), tmp_path / "out"))
    found = {file for file in files_of(tmp_path / "out/train") if file != "info.pt"}
    assert len(found) == 1013
    assert found > {
        "000/00/0/0.pt", "000/50/7/57.pt", "300/40/2/342.pt", "900/90/9/999.pt", "000/10/2/1012.pt",
    }  # fmt: skip


def test_deaths_need_their_final_frame(ends, tmp_path, monkeypatch):
    lose_final_frames(monkeypatch, 1, 2, 3)
    message = "episode 3: expected its final frame, .* DIAMOND .* ended in death, found none"
    TestDiamond().refuses(ends, tmp_path, message)
    list(diamond.export(ends[:3], tmp_path / "out"))
    found = [load(tmp_path / f"out/train/000/00/{n}/{n}.pt")["info"] for n in range(3)]
    assert [bool(info) for info in found] == [True, False, False]
