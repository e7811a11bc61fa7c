"""Every stored value equals what stock Crafter gives when stepped by hand."""

from __future__ import annotations

import numpy as np
import pytest

from crafter_dataset.builder.settings import BuildSettings, Target
from crafter_dataset.loader import open_dataset
from tests.building import build
from tests.stock_crafter import play, stock_env


def assert_equals_stock(path, settings: BuildSettings):
    dataset = open_dataset(path)
    env = stock_env(
        settings.seed,
        area=settings.area,
        view=settings.view,
        size=settings.size,
        length=settings.length,
    )
    worlds = {}
    for episode in dataset:
        stored = episode.load()
        world = episode.id // settings.trajectories_per_world
        if settings.trajectories_per_world > 1:
            # Stock has no way to come back to a world: count its resets up to there again.
            env._episode = world
        assert env._episode == world
        expected = play(env, stored["actions"][:-1])
        if episode.end_reason == "cut":
            expected["truncations"][-2] = True
        np.testing.assert_array_equal(episode.terrain, expected.pop("terrain"))
        worlds.setdefault(world, episode.terrain)
        np.testing.assert_array_equal(episode.terrain, worlds[world])
        for name, values in expected.items():
            assert stored[name].dtype == values.dtype
            np.testing.assert_array_equal(stored[name], values, err_msg=f"{name}, {episode}")
        assert (stored["episode_ids"] == episode.id).all()
        assert episode.episode_return == np.float32(expected["rewards"].sum(dtype=np.float64))
    return dataset


def test_default_dataset_equals_stock(dataset_path):
    dataset = assert_equals_stock(dataset_path, BuildSettings(seed=5))
    assert dataset.frames == 700
    assert {episode.end_reason for episode in dataset} == {"terminated", "cut"}


@pytest.mark.parametrize(
    "settings",
    [
        BuildSettings(seed=0, trajectories_per_world=2, area=(20, 30), length=50),
        BuildSettings(seed=2**40, policy="random", size=(45, 63), view=(5, 7), area=(30, 20)),
        BuildSettings(seed=3, policy="noop", area=(16, 16), size=(96, 96), chunk_frames=7),
    ],
    ids=["shared-worlds", "odd-picture", "noop"],
)
def test_other_settings_equal_stock(tmp_path, settings):
    build(tmp_path / "d", settings, Target(episodes=4), workers=0, num_envs=3)
    assert_equals_stock(tmp_path / "d", settings)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_many_frames_equal_stock(tmp_path, seed):
    settings = BuildSettings(seed=seed)
    build(tmp_path / "d", settings, Target(frames=5_000), workers=2)
    dataset = assert_equals_stock(tmp_path / "d", settings)
    assert any((episode["daylight"][:] < 0.5).any() for episode in dataset), "no night was seen"
