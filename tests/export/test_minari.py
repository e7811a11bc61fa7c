"""The export to Minari, read back with Minari itself."""

from __future__ import annotations

import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import crafter_dataset
import crafter_dataset.loader.export.minari as exporter
from crafter_dataset.loader import open_dataset
from crafter_dataset.loader.episode import Episode
from crafter_dataset.loader.export.errors import ExportError
from crafter_dataset.schemas.errors import MissingPackageError
from crafter_dataset.schemas.layout import CUT, TERMINATED, TIME_LIMIT
from tests.synthetic import write_dataset

minari = pytest.importorskip("minari")
pytest.importorskip("h5py")

INFOS = ("semantic", "positions", "inventory", "achievements", "daylight")


def assert_same(dataset, exported):
    assert len(exported) == len(dataset)
    assert exported.total_steps == dataset.frames - len(dataset)
    for number, (ours, theirs) in enumerate(zip(dataset, exported, strict=True)):
        rows = ours.load()
        assert theirs.id == number
        np.testing.assert_array_equal(theirs.observations, rows["frames"], strict=True)
        np.testing.assert_array_equal(
            theirs.actions, rows["actions"][:-1].astype("i8"), strict=True
        )
        for name in ("rewards", "terminations", "truncations"):
            np.testing.assert_array_equal(getattr(theirs, name), rows[name][:-1], strict=True)
        assert set(theirs.infos) == set(INFOS)
        for name in INFOS:
            np.testing.assert_array_equal(theirs.infos[name], rows[name], strict=True)


def test_every_value_is_read_back(dataset_path, tmp_path):
    dataset = open_dataset(dataset_path)
    frames = list(exporter.export(dataset, tmp_path / "out"))
    assert frames == dataset.episodes["lengths"].tolist()
    exported = minari.MinariDataset(tmp_path / "out/data")
    assert_same(dataset, exported)
    assert exported.storage.metadata["jpeg_encoding"] is False
    assert exported.observation_space.shape == (64, 64, 3)
    assert exported.observation_space.dtype == np.uint8
    assert exported.action_space.n == 17
    assert exported.observation_space.contains(exported[0].observations[0])
    assert exported.action_space.contains(exported[0].actions[0])


def test_a_selection_is_numbered_anew_and_says_where_it_comes_from(small_path, tmp_path):
    dataset = open_dataset(small_path)
    dataset = dataset.filter(dataset.episodes["episode_ids"] % 3 == 1)
    list(exporter.export(dataset, tmp_path / "out"))
    exported = minari.MinariDataset(tmp_path / "out/data")
    assert_same(dataset, exported)
    attributes = list(exported.storage.get_episode_metadata(range(len(dataset))))
    for number, (ours, theirs) in enumerate(zip(dataset, attributes, strict=True)):
        assert theirs["id"] == number
        assert theirs["episode_id"] == ours.id
        assert theirs["end_reason"] == ours.end_reason
        assert theirs["seed"] == ours.world_seed
        assert theirs["total_steps"] == ours.length - 1
        assert theirs["rewards_sum"] == pytest.approx(ours.episode_return)


def test_minari_finds_it_by_name(small_path, tmp_path, monkeypatch):
    dataset = open_dataset(small_path)
    list(exporter.export(dataset, tmp_path / "under another name"))
    (tmp_path / "under another name").rename(tmp_path / "crafter-v0")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    assert_same(dataset, minari.load_dataset("crafter-v0"))
    listed = minari.list_local_datasets()["crafter-v0"]
    assert listed["algorithm_name"] == "heuristic"
    assert listed["crafter_dataset"]["actions"] == list(dataset.metadata.actions)
    assert {"description", "code_permalink", "env_spec"} <= set(listed)


@pytest.mark.filterwarnings("ignore::UserWarning")  # of Gymnasium, on the type of infos
def test_policies_of_several_sources_are_all_named(tmp_path):
    for policy in ("noop", "random"):
        crafter_dataset.build(
            tmp_path / policy, episodes=2, policy=policy, length=9, area=24, workers=0
        )
    both = crafter_dataset.merge([tmp_path / "noop", tmp_path / "random"], tmp_path / "both.zarr")
    list(exporter.export(both, tmp_path / "out"))
    metadata = minari.MinariDataset(tmp_path / "out/data").storage.metadata
    assert metadata["algorithm_name"] == "noop, random"
    assert "policy noop, random." in metadata["description"]
    unknown = both[:2]
    unknown.metadata = replace(both.metadata, unknown=("policy",))
    list(exporter.export(unknown, tmp_path / "unknown"))
    metadata = minari.MinariDataset(tmp_path / "unknown/data").storage.metadata
    assert metadata["algorithm_name"] == "unknown"


def test_the_environment_is_recovered_and_replays_the_episodes(small_path, tmp_path):
    dataset = open_dataset(small_path)
    list(exporter.export(dataset, tmp_path / "out"))
    exported = minari.MinariDataset(tmp_path / "out/data")
    env = exported.recover_environment()
    for episode in (0, 3):
        (attributes,) = exported.storage.get_episode_metadata([episode])
        first, info = env.reset(seed=attributes["seed"])
        np.testing.assert_array_equal(first, exported[episode].observations[0])
        np.testing.assert_array_equal(info["semantic"], exported[episode].infos["semantic"][0])
        steps = zip(exported[episode].actions, exported[episode].observations[1:], strict=True)
        for action, following in steps:
            np.testing.assert_array_equal(env.step(action)[0], following)


def test_the_shortest_episodes_and_all_ends(tmp_path):
    write_dataset(tmp_path / "in.zarr", [2, 9, 3], end_reasons=[CUT, TERMINATED, TIME_LIMIT])
    dataset = open_dataset(tmp_path / "in.zarr")
    list(exporter.export(dataset, tmp_path / "out"))
    assert_same(dataset, minari.MinariDataset(tmp_path / "out/data"))


def test_same_bytes_under_any_name(small_path, tmp_path):
    dataset = open_dataset(small_path)[:3]
    for name in ("one", "the other"):
        list(exporter.export(dataset, tmp_path / name))
    for file in ("metadata.json", "main_data.hdf5"):
        one, other = (tmp_path / name / "data" / file for name in ("one", "the other"))
        assert one.read_bytes() == other.read_bytes()


def test_an_unknown_seed_and_environment_are_not_made_up(small_path, tmp_path):
    dataset = open_dataset(small_path)[:2]
    dataset.metadata = replace(dataset.metadata, env=replace(dataset.metadata.env, name="other"))
    dataset._records = dataset.episodes.records.copy()
    dataset._records["world_seeds"] = -1
    dataset._table = None
    list(exporter.export(dataset, tmp_path / "out"))
    exported = minari.MinariDataset(tmp_path / "out/data")
    assert exported.env_spec is None
    assert_same(dataset, exported)
    assert "seed" not in next(iter(exported.storage.get_episode_metadata([0])))


def test_nothing_is_written_of_what_minari_cannot_hold(small_path, tmp_path, monkeypatch):
    write_dataset(tmp_path / "in.zarr", [4, 1, 4])
    dataset = open_dataset(tmp_path / "in.zarr")
    out = tmp_path / "out"
    with pytest.raises(ExportError, match=r"episode 1: .*with filter='length > 1'"):
        next(exporter.export(dataset, out))
    with pytest.raises(ExportError, match="expected at least one, found none"):
        next(exporter.export(dataset[:0], out))
    monkeypatch.setattr(Episode, "has_final_frame", False, raising=False)
    with pytest.raises(ExportError, match="episode 2: expected its final frame"):
        next(exporter.export(dataset[2:], out))
    assert not out.exists()


@pytest.mark.parametrize("package", ["minari.dataset.minari_storage", "h5py"])
def test_a_missing_package_is_named(package, small_path, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackageError, match=r"crafter-dataset\[minari\]"):
        next(exporter.export(open_dataset(small_path), tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_minari_that_can_only_write_jpeg_is_refused(small_path, tmp_path, monkeypatch):
    from minari.dataset import minari_storage

    old = SimpleNamespace(new=lambda data_path: None)
    monkeypatch.setattr(minari_storage, "MinariStorage", old)
    with pytest.raises(ExportError, match=r"expected version 0\.5\.4 or newer"):
        next(exporter.export(open_dataset(small_path), tmp_path / "out"))
    assert not (tmp_path / "out").exists()
