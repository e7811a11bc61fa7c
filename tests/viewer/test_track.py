"""What the viewer works out of an episode is what stock Crafter knew."""

from __future__ import annotations

import numpy as np
import pytest

from crafter_dataset.loader import open_dataset
from crafter_dataset.viewer.asleep import asleep
from crafter_dataset.viewer.track import Track
from tests.stock_crafter import play, stock_env


class Sleepers:
    """Plays stock Crafter with much sleep, and notes who slept and which way the player looked."""

    def __init__(self, seed: int, steps: int, share: float):
        env = stock_env(seed, area=(32, 32), length=steps)
        rng = np.random.default_rng(seed)
        actions = rng.integers(0, 17, steps)
        actions[rng.random(steps) < share] = 6
        self.sleeping, self.facing = [], []
        step = env.step

        def noted(action):
            result = step(action)
            self.note(env)
            return result

        reset = env.reset

        def noted_reset():
            result = reset()
            self.note(env)
            return result

        env.step, env.reset = noted, noted_reset
        self.rows = play(env, actions)

    def note(self, env):
        self.sleeping.append(env._player.sleeping)
        self.facing.append(tuple(int(v) for v in env._player.facing))


@pytest.fixture(scope="module")
def sleepers():
    return [Sleepers(seed, 700, share) for seed, share in enumerate((0.9, 0.5, 0.3, 0.1, 0.7))]


def test_sleep_is_followed_through_every_waking(sleepers):
    woken_rested = woken_hurt = 0
    for sleeper in sleepers:
        rows, truth = sleeper.rows, np.array(sleeper.sleeping)
        health, food, drink, energy = rows["inventory"].T[:4]
        found = asleep(rows["actions"], health, food, drink, energy, sleep_action=6)
        np.testing.assert_array_equal(found, truth)
        woke = np.flatnonzero(truth[:-1] & ~truth[1:])
        woken_rested += int((energy[woke] == 9).sum())
        woken_hurt += int((energy[woke] < 9).sum())
    assert woken_rested > 3
    assert woken_hurt > 3


def test_facing_is_followed(dataset_path, sleepers):
    names = open_dataset(dataset_path).metadata
    steps = {(-1, 0): "left", (1, 0): "right", (0, -1): "up", (0, 1): "down"}
    for sleeper in sleepers:
        rows = {name: sleeper.rows[name] for name in ("actions", "inventory")}
        track = Track(0, len(sleeper.sleeping), "terminated", rows, names)
        found = [track.facing(frame) for frame in range(track.length)]
        assert found == [steps[facing] for facing in sleeper.facing]


def test_a_track_sums_rewards_and_finds_unlocks(dataset_path):
    dataset = open_dataset(dataset_path)
    seen = 0
    for episode in dataset:
        track = Track.read(episode, dataset.metadata)
        rewards = episode["rewards"][:].astype(float)
        for frame in range(0, episode.length, 7):
            assert track.returns_before[frame] == pytest.approx(rewards[:frame].sum())
        assert track.gains.sum() == pytest.approx(episode.episode_return, abs=1e-5)
        counts = episode["achievements"][:]
        for frame, number in track.unlocks:
            assert counts[frame, number] > 0
            assert counts[frame - 1, number] == 0
            assert frame - 1 in track.reward_frames
            seen += 1
        assert len(track.unlocks) == (counts[-1] > 0).sum()
    assert seen


def test_a_damaged_field_is_left_out_and_told(dataset_path, tmp_path):
    import shutil

    path = tmp_path / "data.zarr"
    shutil.copytree(dataset_path, path)
    file = next((path / "rewards").glob("c*"))
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 255
    file.write_bytes(data)
    dataset = open_dataset(path)
    track = Track.read(dataset[0], dataset.metadata)
    assert "rewards" not in track.fields
    assert track.reward_frames == ()
    assert "episode 0, rewards" in track.problems[0]
    assert track.at("actions", 0) is not None
