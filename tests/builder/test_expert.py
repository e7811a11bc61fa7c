"""The policies that see the whole world: what they achieve, and what they leave alone."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from crafter_dataset.builder.errors import SettingsError
from crafter_dataset.builder.policies import PolicyError, describe_policy, load_factory
from crafter_dataset.builder.policies.source import policy_source
from crafter_dataset.builder.settings import BuildSettings, Target
from crafter_dataset.engine.fast.fast_lanes import FastLanes
from crafter_dataset.engine.seeding import policy_generator
from crafter_dataset.engine.spec import ACHIEVEMENTS
from crafter_dataset.loader import open_dataset
from crafter_dataset.schemas.errors import ArgumentError
from tests.building import build
from tests.reliability.containers import QUICK, seen_by_reader, start_build

LEVELS = ("novice", "medium", "expert")


def built(tmp_path, policy, target, **options):
    """Build with the settings among the options, in this process unless they say otherwise."""
    path = tmp_path / f"{len(list(tmp_path.iterdir()))}.zarr"
    names = BuildSettings.__dataclass_fields__
    settings = {name: options.pop(name) for name in [*options] if name in names}
    build(path, BuildSettings(policy=policy, **settings), target, **({"workers": 0} | options))
    return open_dataset(path)


def achieved(dataset):
    return np.array([np.count_nonzero(episode["achievements"][-1]) for episode in dataset])


def test_the_better_the_more_is_achieved(tmp_path):
    means = [
        achieved(built(tmp_path, level, Target(episodes=8), seed=5, length=1500)).mean()
        for level in LEVELS
    ]
    assert means == sorted(means)
    assert means[0] > 1
    assert means[-1] > 15


def test_episodes_of_one_world_differ(tmp_path):
    dataset = built(
        tmp_path, "expert", Target(episodes=12), seed=5, length=400, trajectories_per_world=12
    )
    actions = [episode["actions"][:-1] for episode in dataset]
    for one, other in itertools.combinations(actions, 2):
        most = min(len(one), len(other), 50)
        assert (one[:most] != other[:most]).any()


@pytest.mark.parametrize("policy", ["expert", "mix"])
def test_one_digest_whatever_plays_it(tmp_path, policy):
    changes = {"area": (32, 32), "length": 250, "seed": 2}
    if policy == "mix":
        changes["policy_args"] = {"expert": 0.5, "heuristic": 0.5}
    ways = [("fast", 0), ("fast", 2), ("crafter", 0)]
    found = {
        built(
            tmp_path, policy, Target(frames=900), engine=engine, workers=workers, **changes
        ).metadata.digest
        for engine, workers in ways
    }
    assert len(found) == 1


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("area", "view"), [((8, 8), (9, 9)), ((1, 5), (9, 9)), ((16, 11), (5, 5))])
def test_plays_in_any_world(tmp_path, area, view, level):
    settings = {"area": area, "view": view, "size": (36, 36), "length": 600}
    dataset = built(tmp_path, level, Target(episodes=2), **settings)
    assert len(dataset) == 2


def test_goes_for_its_goals_alone(tmp_path):
    goals = {"goals": ["collect_drink", "eat_cow"]}
    dataset = built(tmp_path, "expert", Target(episodes=3), length=300, seed=5, policy_args=goals)
    names = dataset.metadata.achievements
    found = {
        name
        for episode in dataset
        for name, times in zip(names, episode["achievements"][-1], strict=True)
        if times
    }
    assert {"collect_drink", "eat_cow"} <= found
    assert not {"make_iron_pickaxe", "make_wood_sword", "collect_diamond"} & found


def test_leads_to_its_goals(tmp_path):
    """Whatever is asked for alone is reached, by all that it takes."""
    for goal in ACHIEVEMENTS:
        arguments = {"policy_args": {"goals": [goal]}}
        dataset = built(tmp_path, "expert", Target(episodes=4), seed=7, length=3000, **arguments)
        assert dataset.summary().success_rates[goal] >= 0.25, goal


@pytest.mark.parametrize("noise", [0.1, 0.5, 0.9])
def test_noise_is_the_share_of_the_steps(tmp_path, noise):
    dataset = built(tmp_path, "tests.compiled_policies:noisy", Target(frames=20_000), area=(12, 12),
                    size=(18, 18), policy_args={"noise": noise})  # fmt: skip
    taken = np.concatenate([episode["actions"][:-1] for episode in dataset])
    assert abs((taken != 0).mean() - noise) < 0.02


def test_leaves_the_world_alone():
    lanes = FastLanes(1, (64, 64))
    lanes.start(0, 3)
    chooser = load_factory("expert")(1).chooser(lanes.worlds)
    chooser.start(policy_generator(5, 2))
    before = lanes.worlds.tobytes()
    for _ in range(50):
        assert chooser(lanes.worlds, 0) in range(17)
    assert lanes.worlds.tobytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"noise": 1.5}, "policy_args: expected noise to be a number from 0 to 1, found 1.5"),
        ({"noise": True}, "policy_args: expected noise to be a number from 0 to 1, found True"),
        ({"noise": "much"}, "policy_args: expected noise to be a number .* found 'much'"),
        (
            {"goals": ["collect_gold"]},
            "expected goals among collect_coal, .*, found 'collect_gold'",
        ),
        ({"goals": "collect_wood"}, "expected goals to be a list .*, found 'collect_wood'"),
    ],
)
@pytest.mark.parametrize("level", LEVELS)
def test_arguments_that_are_wrong(level, arguments, message):
    with pytest.raises(PolicyError, match=message):
        load_factory(level)(1, **arguments)


@pytest.mark.parametrize("policy", ["expert", "mix"])
def test_a_killed_build_ends_as_an_undisturbed_one(tmp_path, policy):
    weights = ("expert=0.4", "heuristic=0.6") if policy == "mix" else ()
    more = [word for weight in weights for word in ("--policy-arg", weight)]
    options = {"policy": policy, "area": "32x32", "length": 500, "episodes": 150}
    path = tmp_path / "d.zarr"
    for kills in range(3):
        process = start_build(path, *more, "--commit-seconds", "0.1", "--resume", **options)
        while process.poll() is None and len(seen_by_reader(path)) <= 12 * kills:
            time.sleep(0.01)
        assert process.poll() is None, process.communicate()[1]
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    process = start_build(path, *more, "--resume", **options)
    _, said = process.communicate()
    assert process.returncode == 0, said
    arguments = {name: float(share) for name, share in (each.split("=") for each in weights)}
    whole = built(
        tmp_path, policy, Target(episodes=150), seed=QUICK.seed, area=(32, 32), size=(18, 18),
        length=500, chunk_frames=8, policy_args=arguments,
    )  # fmt: skip
    assert open_dataset(path).metadata.digest == whole.metadata.digest


@pytest.mark.parametrize(
    ("entry", "value", "message"),
    [
        (("policy", "parameters", "foo"), 1, r"policy_args: expected arguments that expert takes"),
        (("policy", "parameters", "noise"), "x", r"policy_args: expected noise to be a number"),
        (("env", "view"), [32767, 32767], r"size: expected at least 2 pixels a cell"),
    ],
)
def test_a_file_that_was_tampered_with_is_not_gone_on_with(tmp_path, entry, value, message):
    path = Path(built(tmp_path, "expert", Target(episodes=1), length=30, area=(12, 12)).path)
    document = json.loads((path / "zarr.json").read_text())
    inner = document["attributes"]["crafter_dataset"]
    for name in entry[:-1]:
        inner = inner[name]
    inner[entry[-1]] = value
    (path / "zarr.json").write_text(json.dumps(document))
    with pytest.raises((SettingsError, PolicyError, ArgumentError), match=message) as caught:
        build(path, target=Target(episodes=2), workers=0, resume=True)
    assert "\n" not in str(caught.value)


def test_its_sources_count_on_a_resume():
    assert len({policy_source(level, {}) for level in LEVELS}) == 1
    assert policy_source("expert", {}) is not None
    assert describe_policy("expert", {}).parameters == {"goals": None, "noise": 0.0}


def test_naming_it_needs_no_numba():
    code = "import sys, crafter_dataset.builder.policies; assert 'numba' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
