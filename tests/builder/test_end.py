"""The end of a build: no more is played than is most likely needed."""

from __future__ import annotations

import pytest

from crafter_dataset.builder.lengths import Lengths
from crafter_dataset.builder.pool import InlinePool
from crafter_dataset.builder.settings import BuildSettings, Target
from tests.building import build
from tests.conftest import SMALL_WORLD


def test_few_episodes_are_begun_that_are_not_needed(tmp_path, monkeypatch):
    begun = []
    submit = InlinePool.submit
    monkeypatch.setattr(
        InlinePool, "submit", lambda self, number: (begun.append(number), submit(self, number))
    )
    for policy in ("noop", "random"):
        begun.clear()
        settings = BuildSettings(policy=policy, **SMALL_WORLD)
        result = build(
            tmp_path / policy, settings, Target(frames=4000), workers=0, num_envs=64,
            engine="fast",
        )  # fmt: skip
        needed = result.metadata.counts.episodes
        assert result.metadata.counts.frames == 4000
        assert begun == list(range(len(begun)))
        assert len(begun) <= needed + 16


@pytest.mark.parametrize("frames", [1, 60, 61, 62, 700])
def test_the_end_does_not_depend_on_how_many_are_begun(tmp_path, frames):
    settings = BuildSettings(seed=4, policy="tests.policies_for_tests:Looking", **SMALL_WORLD)
    digests = {
        build(
            tmp_path / str(num_envs), settings, Target(frames=frames), workers=0, num_envs=num_envs
        ).metadata.digest
        for num_envs in (1, 40)
    }
    assert len(digests) == 1


def test_lengths_follow_what_is_seen():
    lengths = Lengths(None)
    assert not lengths.suffice(0, 1)
    assert lengths.suffice(0, 0)
    assert lengths.suffice(120, 50_000)  # long ones, before anything is known
    for _ in range(1000):
        lengths.add(100)
    assert not lengths.suffice(120, 50_000)
    assert lengths.suffice(560, 50_000)


def test_lengths_are_within_the_time_limit():
    assert not Lengths(60).suffice(10, 611)
    assert Lengths(60).suffice(20, 611)
