"""The true game at any frame of a dataset, and what other actions lead to."""

from __future__ import annotations

import dataclasses
import functools
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crafter_dataset.builder.settings import BuildSettings, Target
from crafter_dataset.engine.protocol import EngineError
from crafter_dataset.loader import open_dataset
from crafter_dataset.loader.episode import EpisodeField
from crafter_dataset.schemas.errors import ArgumentError, CorruptDataError
from tests.building import build
from tests.conftest import SMALL_WORLD
from tests.stock_crafter import play, stock_env

SEEN = ("frames", "semantic", "positions", "inventory", "achievements", "daylight")
CAUSED = ("rewards", "terminations", "truncations")
LONG_SMALL_WORLD = SMALL_WORLD | {"length": 290}
POLICIES = ("heuristic", "random", "noop")


@pytest.fixture(scope="module")
def small(small_path):
    return open_dataset(small_path)


@pytest.fixture(scope="module")
def nights(tmp_path_factory):
    """Datasets of episodes that go on into the night, or to a death before it."""
    found = []
    for seed, policy in enumerate(POLICIES):
        path = tmp_path_factory.mktemp("nights") / "d.zarr"
        options = BuildSettings(seed=seed, policy=policy, **LONG_SMALL_WORLD)
        build(path, options, Target(episodes=4), workers=0)
        found.append(open_dataset(path))
    return found


def recorded(dataset, starts, horizon):
    """Take the recorded actions from some starts on; noop after the end."""
    actions = np.zeros((len(starts), horizon), int)
    for row, (episode, frame) in enumerate(starts):
        taken = dataset[int(episode)]["actions"][frame : frame + horizon]
        actions[row, : len(taken)] = taken
    return actions


def any_starts(dataset, count, seed):
    rng = np.random.default_rng(seed)
    episodes = rng.integers(len(dataset), size=count)
    lengths = dataset.episodes["length"][episodes]
    return np.stack([episodes, rng.integers(lengths)], 1)


def hold_to_record(dataset, starts, found):
    horizon = found["valid"].shape[1]
    for row, (index, frame) in enumerate(starts):
        episode = dataset[int(index)]
        left = min(len(episode) - 1 - frame, horizon)
        for name in SEEN:
            rows = episode[name][frame : frame + left + 1]
            assert found[name][row, : left + 1].tobytes() == rows.tobytes(), name
        for name in CAUSED:
            rows = episode[name][frame : frame + left]
            if episode.end_reason == "cut" and name == "truncations":
                rows[:] = False  # the game goes on
            assert found[name][row, :left].tobytes() == rows.tobytes(), name
        assert found["valid"][row, :left].all()
        if episode.end_reason != "cut":
            assert not found["valid"][row, left:].any()
            for name in SEEN:
                assert not found[name][row, left + 1 :].any()


def test_recorded_actions_lead_to_the_recorded_rows(small, nights, dataset_path):
    for dataset in (small, *nights, open_dataset(dataset_path)):
        starts = any_starts(dataset, 60, 0)
        found = dataset.branch(starts, recorded(dataset, starts, 20), fields=SEEN + CAUSED)
        assert list(found) == [*SEEN, *CAUSED, "valid"]
        hold_to_record(dataset, starts, found)


def test_deaths_time_limits_and_nights_are_among_them(small, nights):
    ends = {episode.end_reason for dataset in (small, *nights) for episode in dataset}
    assert ends >= {"terminated", "time_limit"}
    assert min(episode["daylight"][:].min() for episode in nights[0]) < 0.4
    asleep = [
        e["achievements"][-1, small.metadata.achievements.index("wake_up")] for e in nights[1]
    ]
    assert max(asleep)


def same(found, expected):
    assert list(found) == list(expected)
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


def test_neither_threads_nor_order_nor_pictures_change_anything(nights):
    dataset = nights[1]
    starts = any_starts(dataset, 80, 1)
    actions = np.random.default_rng(2).integers(17, size=(80, 12))
    expected = dataset.branch(starts, actions, fields=SEEN + CAUSED, threads=1)
    same(dataset.branch(starts, actions, fields=SEEN + CAUSED, threads=3), expected)
    order = np.random.default_rng(3).permutation(80)
    found = dataset.branch(starts[order], actions[order], fields=SEEN + CAUSED)
    same(found, {name: values[order] for name, values in expected.items()})
    fields = [*SEEN[1:], "rewards"]
    found = dataset.branch(starts, actions, fields=fields)
    same(found, {name: expected[name] for name in (*fields, "valid")})


def test_arrays_are_used_again(nights):
    dataset = nights[0]
    starts, actions = any_starts(dataset, 30, 4), np.full((30, 25), 3)
    first = dataset.branch(starts, np.full((30, 25), 1))
    again = dataset.branch(starts, actions, out=first)
    assert all(again[name] is first[name] for name in again)
    assert not again["valid"].all()
    same(again, dataset.branch(starts, actions))
    again = dataset.branch(starts, actions, fields=["rewards"], out=first)
    assert set(again) == {"rewards", "valid"}  # the others hold what was there


def test_starts_count_from_the_end_as_well(small):
    found = small.branch([(-1, -2), (2, -1)], [[0, 1], [1, 1]])
    lengths = small.episodes["length"]
    same(found, small.branch([(11, lengths[11] - 2), (2, lengths[2] - 1)], [[0, 1], [1, 1]]))


def test_parts_are_branched_by_their_own_indices(small):
    part = small[[7, 2]]
    starts = [(0, 3), (1, 5)]
    found = part.branch(starts, recorded(part, starts, 4), fields="frames")
    whole = small.branch([(7, 3), (2, 5)], recorded(part, starts, 4), fields="frames")
    same(found, whole)
    assert (part.state_at(1, 5), part.state_at(-1, 5)) == (small.state_at(2, 5),) * 2


def test_no_branches_are_none(small):
    found = small.branch(np.zeros((0, 2), int), np.zeros((0, 3), int))
    assert {name: values.shape for name, values in found.items()} == {
        "frames": (0, 4, 64, 64, 3), "rewards": (0, 3), "terminations": (0, 3),
        "truncations": (0, 3), "valid": (0, 3),
    }  # fmt: skip


@functools.lru_cache(4)
def stock_rows(seed, world, actions):
    env = stock_env(seed, **LONG_SMALL_WORLD)
    env._episode = world
    return play(env, actions)


def hold_to_stock(nights, policy, episode, place, actions):
    """Take stock Crafter through the recorded actions to a frame, and through others from there."""
    dataset = nights[POLICIES.index(policy)]
    chosen = dataset[episode]
    frame = int(place * (len(chosen) - 1))
    before = chosen["actions"][:frame].tolist()
    expected = stock_rows(dataset.metadata.seed, episode, (*before, *actions))
    found = dataset.branch([(episode, frame)], [actions], fields=SEEN + CAUSED)
    rows = len(expected["frames"]) - frame
    for name in SEEN:
        np.testing.assert_array_equal(found[name][0, :rows], expected[name][frame:])
        assert not found[name][0, rows:].any()
    for name in CAUSED:
        np.testing.assert_array_equal(found[name][0, : rows - 1], expected[name][frame:-1])
    assert found["valid"].sum() == rows - 1
    for engine in ("fast", "crafter"):
        env = dataset.env_at(episode, frame, engine=engine)
        assert (env.render() == expected["frames"][frame]).all()
        for row in range(frame, frame + rows - 1):
            picture, reward, terminated, truncated, info = env.step(actions[row - frame])
            assert (picture == expected["frames"][row + 1]).all()
            assert (info["semantic"] == expected["semantic"][row + 1]).all()
            caused = np.float32(reward), terminated, truncated
            assert caused == tuple(expected[name][row] for name in CAUSED)


ANYTHING = {
    "policy": st.sampled_from(POLICIES),
    "episode": st.integers(0, 3),
    "place": st.floats(0, 1),
    "actions": st.lists(st.integers(0, 16), min_size=1, max_size=25),
}
COMMON = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}


@settings(max_examples=10, derandomize=True, **COMMON)
@given(**ANYTHING)
def test_other_actions_lead_where_they_lead_in_stock_crafter(nights, **game):
    hold_to_stock(nights, **game)


@pytest.mark.slow
@settings(max_examples=300, **COMMON)
@given(**ANYTHING)
def test_more_actions_lead_where_they_lead_in_stock_crafter(nights, **game):
    """Other ones in each run."""
    hold_to_stock(nights, **game)


@pytest.mark.parametrize(("arguments", "text"), [
    (([(0, 1)], [0, 1]), r"actions: expected integers of shape \(branches, horizon\), found int64"),
    (([(0, 1)], [[0.5]]), "actions: expected integers of shape .*, found float64"),
    (([(0, 1)], [[]]), "actions: expected integers"),
    (([(0, 1)], [[0, 17]]), "actions: expected 0 to 16, found 17"),
    (([(0, 1)], [[-1]]), "actions: expected 0 to 16, found -1"),
    (([(0, 1)], [[0], [0]]), r"starts: expected an episode and a frame for each of the 2 rows"),
    (([(0, 1), (0,)], [[0], [0]]), "starts: expected rows of one length, found"),
    (([(0, 1), (0, 2)], [[0], [0, 1]]), "actions: expected rows of one length, found"),
    (([0, 1], [[0], [0]]), "starts: expected an episode and a frame"),
    (([(0, 1.5)], [[0]]), "starts: expected .*, found float64"),
    (([(12, 1)], [[0]]), "starts: expected episodes from 0 to 11, found 12"),
    (([(-13, 1)], [[0]]), "starts: expected episodes from 0 to 11, found -13"),
    ((np.array([(2**64 - 1, 1)], np.uint64), [[0]]), "starts: expected episodes .*, found 4611"),
    (([(0, 61)], [[0]]), "starts: expected frames from 0 to 60 of episode 0, found 61"),
    (([(0, -62)], [[0]]), "starts: expected frames from 0 to 60 of episode 0, found -62"),
])  # fmt: skip
def test_what_are_no_branches_is_refused(small, arguments, text):
    with pytest.raises(ArgumentError, match=f"^{text}"):
        small.branch(*arguments)


@pytest.mark.parametrize(("options", "text"), [
    ({"fields": ["frames", "actions"]}, "fields: expected some of frames, .*, found 'actions'"),
    ({"fields": 3}, "fields: expected names of fields, found 3"),
    ({"fields": None}, "fields: expected names of fields, found None"),
    ({"fields": [[1]]}, r"fields: expected some of frames, .*, found \[1\]"),
    ({"out": 3}, "out: expected a dict of arrays, found int"),
    ({"threads": 0}, "threads: expected 1 or more, found 0"),
    ({"out": {}}, "out: expected an array 'frames', found none"),
])  # fmt: skip
def test_options_of_branches_are_checked(small, options, text):
    with pytest.raises(ArgumentError, match=f"^{text}"):
        small.branch([(0, 1)], [[0]], **options)


def test_arrays_to_write_to_must_fit(small):
    out = small.branch([(0, 1)], [[0, 0]], fields="daylight")
    strided = np.zeros((1, 6), np.float32)[:, ::2]
    for values, text in (
        (np.zeros((1, 2), np.float32), "of shape"), (strided, "to be contiguous, found it is not"),
        ([[0, 0, 0]], "to be a NumPy array, found list"),
    ):  # fmt: skip
        with pytest.raises(ArgumentError, match=f"^out: expected 'daylight' {text}"):
            small.branch([(0, 1)], [[0, 0]], fields="daylight", out=out | {"daylight": values})


def test_sizes_that_only_the_metadata_claims_are_refused(small, tmp_path):
    """To prepare pictures of them takes all memory."""
    path = Path(shutil.copytree(small.path, tmp_path / "d.zarr"))
    document = json.loads((path / "zarr.json").read_text())
    document["attributes"]["crafter_dataset"]["env"]["size"] = [32767, 32767]
    (path / "zarr.json").write_text(json.dumps(document))
    claimed = open_dataset(path)
    for call in (lambda: claimed.env_at(0, 1), lambda: claimed.branch([(0, 1)], [[0]])):
        with pytest.raises(CorruptDataError, match=r"^frames: expected rows of shape \(32767, 327"):
            call()


def test_frames_that_there_are_not_are_refused(small):
    for name in ("env_at", "state_at"):
        with pytest.raises(IndexError, match="dataset: expected an index from -12 to 11, found 12"):
            getattr(small, name)(12, 0)
        with pytest.raises(IndexError, match=r"frames of episode 3: expected .* to 60, found 61"):
            getattr(small, name)(3, 61)
        with pytest.raises(ArgumentError, match=f"{name}: expected the number of a frame, found 1"):
            getattr(small, name)(3, 1.0)
        with pytest.raises(ArgumentError, match=f"{name}: expected the index of an episode, found"):
            getattr(small, name)("3", 1)
    with pytest.raises(EngineError, match="expected fast or crafter, found 'slow'"):
        small.env_at(0, 0, engine="slow")


def test_frames_count_from_the_end_as_well(small):
    assert small.state_at(2, -1).step == len(small[2]) - 1
    assert small.state_at(2, 0).step == 0
    env = small.env_at(2, -1)
    assert (env.render() == small[2]["frames"][-1]).all()


def change(monkeypatch, dataset, **entries):
    metadata = dataclasses.replace(dataset.metadata, **entries)
    other = dataset[:]
    monkeypatch.setattr(other, "metadata", metadata)
    return other


def test_datasets_of_other_worlds_are_refused(small, monkeypatch):
    env = dataclasses.replace(small.metadata.env, version="1.7")
    for entries, text in (
        ({"episode_fields": ("starts", "lengths")}, "expected known world seeds, found none"),
        ({"env": env}, r"expected env.version '1.8.3', which is installed, found '1.7'"),
        ({"items": ("health",)}, "expected Crafter's own items, found others"),
    ):
        other = change(monkeypatch, small, **entries)
        for call in (
            lambda d: d.env_at(0, 1),
            lambda d: d.state_at(0, 1),
            lambda d: d.branch([(0, 1)], [[0]]),
        ):
            with pytest.raises(ArgumentError, match=f"^(env_at|state_at|branch): {text}"):
                call(other)


def test_episodes_that_did_not_happen_are_refused(small, monkeypatch):
    def refused(dataset, text):
        for call in (lambda: dataset.state_at(0, 30), lambda: dataset.branch([(0, 30)], [[0]])):
            with pytest.raises(CorruptDataError, match=f"^episode 0: {text} .*small.zarr"):
                call()

    for seed, text in (
        (-1, "expected a world seed from 0 to .*, found -1"),
        (7, "expected the world of its seed 7, found another"),
    ):
        other = small[:]
        other._records = np.array(other._records)
        other._records["world_seeds"][0] = seed
        refused(other, text)
    env = dataclasses.replace(small.metadata.env, length=20)
    refused(
        change(monkeypatch, small, env=env), "expected an episode that ends at frame 20, found 30"
    )
    monkeypatch.setattr(EpisodeField, "read", lambda *_: np.full(30, 200, np.uint8))
    refused(small, "expected actions from 0 to 16, found 200")
