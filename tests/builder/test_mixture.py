"""Mixtures of policies: who plays an episode, and what says so."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import crafter_dataset
from crafter_dataset.builder.collectors.job import Job
from crafter_dataset.builder.errors import BuildError, SettingsError
from crafter_dataset.builder.policies import PolicyError, describe_policy
from crafter_dataset.builder.policies.source import policy_source
from crafter_dataset.builder.settings import BuildSettings, Target
from crafter_dataset.engine.seeding import policy_generator
from crafter_dataset.loader import open_dataset
from crafter_dataset.loader.container import open_container
from crafter_dataset.schemas import find_violations
from crafter_dataset.schemas.layout import BUILT_TABLE
from tests.building import build
from tests.conftest import SMALL_WORLD

PLAN, LOOKING = "tests.policies_for_tests:planner", "tests.policies_for_tests:Looking"
COMPILED = "tests.compiled_policies:sticky"
MEMBERS = {
    "heuristic": {"weight": 0.2, "sleep_probability": 0.5},
    PLAN: {"weight": 0.25, "blocks": "ending"},
    LOOKING: 0.3,
    COMPILED: 0.25,
}
"""Of every kind: two that plan, one that looks at frames, one that is compiled."""
SHARES = {COMPILED: 0.25, LOOKING: 0.3, PLAN: 0.25, "heuristic": 0.2}
ALONE = {"heuristic": {"sleep_probability": 0.5}, PLAN: {"blocks": "ending"}}
SETTINGS = BuildSettings(seed=6, policy="mix", policy_args=MEMBERS, chunk_frames=16, **SMALL_WORLD)
EPISODES = Target(episodes=16)


def predicted(seed: int, episode: int) -> str:
    """Say who plays, without the package: the first number of the Generator, against the sums."""
    drawn = np.random.default_rng(np.random.SeedSequence((seed, episode))).random()
    for name in sorted(SHARES):
        drawn -= SHARES[name]
        if drawn < 0:
            return name
    raise AssertionError


def assert_valid(path: Path) -> None:
    assert not list(find_violations(open_container(path), deep=True))


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mixed") / "data.zarr"
    build(path, SETTINGS, EPISODES, workers=0, num_envs=1)
    return path


def test_what_a_mixture_says_of_itself(mixed):
    assert_valid(mixed)
    dataset = open_dataset(mixed)
    meta = dataset.metadata
    assert (meta.version, meta.policy.name) == ("1.2", "mix")
    assert meta.episode_fields == (*BUILT_TABLE, "policies")
    assert [policy.name for policy in meta.policies] == sorted(MEMBERS)
    assert meta.policies[-1].parameters == {"blocks": "ending"}
    assert meta.policy.parameters["heuristic"] == {
        "weight": 0.2, "sleep_probability": 0.5, "move_repeats": [0, 6], "do_repeats": [1, 3],
    }  # fmt: skip
    assert dataset.episodes["policy"].tolist() == [predicted(6, e) for e in range(16)]
    assert set(dataset.episodes["policy"]) == set(MEMBERS)


@pytest.mark.parametrize("name", sorted(MEMBERS))
def test_an_episode_is_played_as_its_policy_alone_plays_it(mixed, tmp_path, monkeypatch, name):
    """With what follows the first number of its Generator."""

    def after_one(job: Job, episode: int) -> np.random.Generator:
        rng = policy_generator(job.metadata.seed, episode)
        rng.random()
        return rng

    monkeypatch.setattr(Job, "generator", after_one)
    settings = replace(SETTINGS, policy=name, policy_args=ALONE.get(name, {}))
    build(tmp_path / "alone", settings, EPISODES, workers=0, num_envs=2)
    mixture, alone = open_dataset(mixed), open_dataset(tmp_path / "alone")
    assert alone.metadata.version == "1.0"
    its_own = np.flatnonzero(mixture.episodes["policy"] == name)
    digests = [d.container.read("episodes/digests", 0, 16) for d in (mixture, alone)]
    assert len(its_own)
    np.testing.assert_array_equal(digests[0][its_own], digests[1][its_own])


@pytest.mark.parametrize(
    ("workers", "num_envs", "engine", "suffix"),
    [(0, 5, "fast", ".h5"), (1, 3, "fast", ".zarr"), (0, 2, "crafter", ".zarr")],
)  # fmt: skip
def test_one_digest_however_it_is_run(mixed, tmp_path, workers, num_envs, engine, suffix):
    path = tmp_path / f"d{suffix}"
    settings = replace(SETTINGS, codec=None, policy_args=dict(reversed(MEMBERS.items())))
    done = build(path, settings, EPISODES, workers=workers, num_envs=num_envs, engine=engine)
    assert done.metadata.digest == open_dataset(mixed).metadata.digest
    assert_valid(path)


def test_one_digest_whatever_the_hash_seed(mixed, command, tmp_path):
    arguments = [f"--policy-arg={name}={json.dumps(value)}" for name, value in MEMBERS.items()]
    root = Path(__file__).parents[2]
    folders = [str(root), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    done = command(
        "build-dataset", "--out", "d", "--episodes", 16, "--seed", 6, "--area", "24x20",
        "--length", 60, "--workers", 2, "--policy", "mix", *arguments,
        PYTHONHASHSEED="77", PYTHONPATH=os.pathsep.join(folders),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert open_dataset(tmp_path / "d").metadata.digest == open_dataset(mixed).metadata.digest
    assert "heuristic" in done.stdout


def test_a_cut_and_gone_on_with_mixture(mixed, tmp_path):
    path = tmp_path / "d.zarr"
    for frames in (70, 333):
        build(path, SETTINGS, Target(frames=frames), workers=0, num_envs=3, resume=True)
        assert_valid(path)
        cut = open_dataset(path)
        count = len(cut)
        assert cut.episodes["policy"].tolist() == [predicted(6, e) for e in range(count)]
    build(path, SETTINGS, EPISODES, workers=0, resume=True)
    assert open_dataset(path).metadata.digest == open_dataset(mixed).metadata.digest


WRONG = [
    ({}, "expected policies and their weights for a mix, such as heuristic=0.7, found none"),
    ({"random": 0.5}, r"expected weights that add up to 1 in a mix, found 0.5 \(random 0.5\)"),
    ({"random": 0.5, "noop": 0.50001}, "add up to 1 in a mix, found 1.00001 "),
    ({"random": 1.5, "noop": -0.5}, "positive number as the weight of noop in a mix, found -0.5"),
    ({"random": 1.0, "noop": 0}, "positive number as the weight of noop in a mix, found 0"),
    ({"random": "much"}, "positive number as the weight of random in a mix, found 'much'"),
    ({"random": True}, "positive number as the weight of random in a mix, found True"),
    ({"random": float("nan")}, "positive number as the weight of random in a mix, found nan"),
    ({"random": {}}, "expected a weight for random in a mix, found none in {}"),
    ({"randon": 1}, r"expected heuristic, random, .* found 'randon' \(in a mix\)"),
    ({len: 1}, "expected policies by their names in a mix, .*, found <built-in function len>"),
    ({"mix": 1}, "expected policies that are no mix in a mix, found mix"),
    ({"mix": {"weight": 1, "noop": 1}}, "expected policies that are no mix in a mix, found mix"),
    ({"heuristic": {"weight": 1, "nerve": 2}}, r"unexpected keyword argument 'nerve' \(in a mix\)"),
    ({"tests.policies_for_tests:np": 1}, r"found module \(in a mix\)"),
    ({"tests.policies_for_tests:weighing": 1}, "without a parameter 'weight' in a mix"),
]  # fmt: skip


@pytest.mark.parametrize(("members", "message"), WRONG)
def test_what_is_no_mixture(members, message):
    with pytest.raises(PolicyError, match=rf"^policy_args: .*{message}") as caught:
        describe_policy("mix", members)
    assert "\n" not in str(caught.value)


def test_weights_need_not_be_exact():
    thirds = {"random": 1 / 3, "noop": 1 / 3, "heuristic": 0.3333333}
    assert len(describe_policy("mix", thirds).members()) == 3
    assert describe_policy("mix", {"noop": 1}).parameters == {"noop": {"weight": 1.0}}


@pytest.mark.parametrize("workers", [0, 1])
def test_a_member_that_raises_is_named(tmp_path, workers):
    raising = "tests.policies_for_tests:Raising"
    settings = replace(SETTINGS, policy_args={raising: 0.99, "noop": 0.01})
    with pytest.raises(BuildError, match=f"policy '{raising}' raised RuntimeError.* episode 2;"):
        build(tmp_path / "d", settings, Target(episodes=9), workers=workers, num_envs=1)


def test_only_the_very_mixture_is_gone_on_with(tmp_path, monkeypatch):
    (tmp_path / "own.py").write_text(Path(__file__).parents[1].joinpath(
        "policies_for_tests.py").read_text())  # fmt: skip
    monkeypatch.syspath_prepend(tmp_path)
    members = {"own:Random": 0.5, "noop": {"weight": 0.5}}
    settings = BuildSettings(policy="mix", policy_args=members, **SMALL_WORLD)
    path = tmp_path / "d"
    build(path, settings, Target(frames=60), workers=0)

    def go_on(frames, **options):
        return build(path, target=Target(frames=frames), workers=0, resume=True, **options)

    with pytest.raises(SettingsError, match="policy_args: expected the mix with own:Random to be"):
        go_on(90)
    with pytest.raises(SettingsError, match=r'built with noop=\{"weight": 0.5\} own:Random='):
        go_on(90, settings=settings, given=["policy"])
    for other in ({"own:Random": 0.4, "noop": 0.6}, {"own:Random": 1},
                  {"own:Random": {"weight": 0.5, "highest": 5}, "noop": 0.5}):  # fmt: skip
        with pytest.raises(SettingsError, match=r"^policy_args: expected"):
            go_on(90, settings=replace(settings, policy_args=other))
    source = policy_source("mix", settings.metadata().policy.parameters)
    go_on(90, settings=settings)
    (tmp_path / "own.py").write_text((tmp_path / "own.py").read_text() + "\n")
    assert policy_source("mix", settings.metadata().policy.parameters) != source
    with pytest.raises(SettingsError, match="policy: expected its modules and the files"):
        go_on(120, settings=settings)
    go_on(120, settings=settings, allow_policy_change=True)
    assert policy_source("mix", describe_policy("mix", {"noop": 1}).parameters) is None


def test_a_mixture_of_built_in_policies_is_gone_on_with_by_its_name(command, tmp_path):
    made = "build-dataset", "--out", "d", "--area", 12, "--length", 30, "--workers", 0, "--quiet"
    weights = "--policy-arg", "noop=0.5", "--policy-arg", "random=0.5"
    assert not command(*made, "--frames", 60, "--policy", "mix", *weights).stderr
    assert not command(*made[:3], "--resume", "--frames", 90, "--policy", "mix", "--quiet").stderr
    assert open_dataset(tmp_path / "d").frames == 90


def replace_policies(path, policies):
    document = json.loads((path / "zarr.json").read_text())
    document["attributes"]["crafter_dataset"]["policies"] = policies
    (path / "zarr.json").write_text(json.dumps(document))


@pytest.mark.parametrize("policy", ["mix", "noop"])
def test_a_file_never_says_what_code_is_run(tmp_path, policy):
    """Not in its list of policies either, which the policy's own parameters say again."""
    (tmp_path / "boom.py").write_text("raise SystemExit('code of a file was run')")
    members = {"policy_args": {"noop": 0.5, "random": 0.5}} if policy == "mix" else {}
    settings = BuildSettings(policy=policy, **members, **SMALL_WORLD)
    path = tmp_path / "d.zarr"
    build(path, settings, Target(episodes=3), workers=0)
    own = open_dataset(path).metadata.to_json().get("policies", [])
    boom = {"name": "boom:make", "parameters": {}}
    for other in ([boom, *own[1:]], [*own[::-1], boom]):
        replace_policies(path, other)
        for given in ({}, {"settings": settings, "given": ["policy", "policy_args"]}):
            with pytest.raises(SettingsError, match=r"^resume: expected the policies of the mix, "):
                build(path, target=Target(episodes=5), workers=0, resume=True, **given)
        found = [str(v) for v in find_violations(open_container(path))]
        assert any(v.startswith("crafter_dataset.policies: expected those of the") for v in found)


def test_a_part_of_a_mixture_says_who_played_it(mixed, command, tmp_path):
    command("convert-dataset", mixed, "part.zarr", "--filter", "policy == 'heuristic'", "--quiet")
    shown = command("inspect-dataset", "part.zarr").stdout
    assert re.search(r"\nplayed by +episodes .*\n *heuristic .* \d+ ", shown)
    assert "policy heuristic" in open_dataset(tmp_path / "part.zarr").summary()._repr_html_()


def test_a_mixture_from_python_and_a_configuration_file(command, tmp_path):
    python = crafter_dataset.build(
        tmp_path / "a", episodes=6, length=30, area=24, policy="mix", workers=0,
        policy_args={"random": 0.5, "heuristic": {"weight": 0.5, "sleep_probability": 1}},
    )  # fmt: skip
    (tmp_path / "c.toml").write_text(
        'policy = "mix"\nepisodes = 6\nlength = 30\narea = 24\nworkers = 0\n[policy-arg]\n'
        "random = 0.5\nheuristic = {weight = 0.5, sleep_probability = 1}\n"
    )
    done = command("build-dataset", "--out", "b", "--config", "c.toml")
    assert done.returncode == 0, done.stderr
    assert open_dataset(tmp_path / "b").metadata.digest == python.metadata.digest
    done = command("build-dataset", "--out", "c", "--policy", "mix", "--policy-arg", "random=0.4")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "--policy-arg: expected weights that add up to 1 in a mix, found 0.4" in done.stderr
