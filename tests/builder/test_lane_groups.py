"""Policies that are asked about one group of lanes while another one plays."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest

from crafter_dataset.builder.collectors import make_collector
from crafter_dataset.builder.collectors.job import Job
from crafter_dataset.builder.errors import BuildError
from crafter_dataset.builder.settings import BuildSettings, Target
from crafter_dataset.loader import open_dataset
from tests import policies_for_tests
from tests.building import build
from tests.conftest import SMALL_WORLD

MODULE = "tests.policies_for_tests"


def settings(name):
    return BuildSettings(seed=2, policy=f"{MODULE}:{name}", **SMALL_WORLD)


@pytest.mark.parametrize("target", [Target(frames=500), Target(episodes=9), Target(frames=1)])
def test_groups_play_what_one_group_plays(tmp_path, target):
    build(tmp_path / "plain", settings("Looking"), target, workers=0, num_envs=3)
    build(tmp_path / "groups", settings("Grouped"), target, workers=0, num_envs=5)
    plain, groups = open_dataset(tmp_path / "plain"), open_dataset(tmp_path / "groups")
    assert len(plain) == len(groups)
    for one, other in zip(plain, groups, strict=True):
        for name in ("frames", "actions", "rewards", "truncations"):
            np.testing.assert_array_equal(one[name], other[name])


def test_a_policy_with_groups_gives_one_digest_however_it_is_run(tmp_path):
    digests = {
        build(
            tmp_path / f"{workers}-{num_envs}-{engine}", settings("Grouped"), Target(frames=500),
            workers=workers, num_envs=num_envs, engine=engine,
        ).metadata.digest
        for workers, num_envs, engine in (
            (0, 1, "fast"), (0, 4, "crafter"), (2, 3, "fast"),
        )
    }  # fmt: skip
    assert len(digests) == 1


@pytest.mark.parametrize("groups", [0, -1, 2.0, "2", None, True])
def test_what_is_no_number_of_groups_is_refused(tmp_path, monkeypatch, groups):
    monkeypatch.setattr(policies_for_tests.Grouped, "lane_groups", groups)
    with pytest.raises(BuildError, match=r"Grouped: lane_groups: expected .*1 or more, found"):
        build(tmp_path / "d", settings("Grouped"), Target(episodes=2), workers=0)


def test_idle_groups_wait_for_episodes(tmp_path):
    """They neither turn in vain nor end while others may come."""
    metadata = settings("Grouped").metadata()
    numbers, asked, given = deque([0, 1, 2]), [], []

    def take(wait):
        asked.append(wait)
        return numbers.popleft() if numbers else None

    collector = make_collector(Job(metadata, 4), take, given.append)
    while collector.advance():
        pass
    assert sorted(each.episode for each in given) == [0, 1, 2]
    assert asked[-1]
    assert not collector.advance()
    numbers.append(3)
    while collector.advance():
        pass
    assert [each.episode for each in given][-1] == 3


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("GroupedRaising", r"raised RuntimeError: the network is on fire .* in episodes? [\d, ]+;"),
        ("GroupedOutOfRange", r"expected actions from 0 to 16, found 1\d\d in episode \d+;"),
        ("GroupedAllLanes", r"expected 2 integer actions, found shape \(4,\) of int64"),
    ],
)
@pytest.mark.parametrize("workers", [0, 1])
def test_a_groups_errors_name_its_own_episodes(tmp_path, name, message, workers):
    with pytest.raises(BuildError, match=message) as caught:
        build(tmp_path / "d", settings(name), Target(episodes=30), workers=workers, num_envs=4)
    named = str(caught.value).partition(" in episode")[2].partition(";")[0]
    assert 1 <= named.count(",") + 1 <= 2  # of the four that are played
