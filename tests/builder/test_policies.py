"""Built-in policies, the user's own, and what happens when they misbehave."""

from __future__ import annotations

import dataclasses
import importlib
import itertools
import re
import sys
from collections import Counter

import numpy as np
import pytest

from crafter_dataset.builder.errors import BuildError
from crafter_dataset.builder.policies import PolicyError, describe_policy, load_factory
from crafter_dataset.builder.policies.load import name_policy
from crafter_dataset.builder.policies.source import policy_source
from crafter_dataset.builder.settings import BuildSettings, Target
from crafter_dataset.engine.seeding import policy_generator, world_seed
from crafter_dataset.engine.spec import ACTIONS
from crafter_dataset.loader import open_dataset
from crafter_dataset.loader.container import open_container
from crafter_dataset.schemas import find_violations
from tests.building import build
from tests.conftest import SMALL_WORLD

MODULE = "tests.policies_for_tests"


def actions_of(name: str, count: int, seed: int = 0, **arguments) -> list[int]:
    plan = load_factory(name)(1, **arguments).plan(np.random.default_rng(seed))
    blocks = itertools.chain.from_iterable(block.tolist() for block in plan)
    return list(itertools.islice(blocks, count))


def runs(actions):
    return [(action, len(list(group))) for action, group in itertools.groupby(actions)]


def test_random_is_uniform_and_noop_is_idle():
    counts = Counter(actions_of("random", 170_000))
    assert set(counts) == set(range(17))
    assert all(abs(count - 10_000) < 500 for count in counts.values())
    assert set(actions_of("noop", 1000)) == {0}


def test_heuristic_sticks_to_moves_and_do():
    # With the first draws known, the run lengths are known: draw again as the policy does.
    rng = np.random.default_rng(3)
    drawn = rng.integers(17, size=256)
    kept = (drawn != 6) | (rng.random(256) < 0.1)
    moves = rng.integers(0, 6, 256, endpoint=True)
    dos = rng.integers(1, 3, 256, endpoint=True)
    expected = []
    for action, keep, move, do in zip(drawn, kept, moves, dos, strict=True):
        if keep:
            more = move if ACTIONS[action].startswith("move_") else do if action == 5 else 0
            expected += [int(action)] * (1 + int(more))
    assert actions_of("heuristic", len(expected), seed=3) == expected


def test_heuristic_frequencies():
    """Of its decisions, sleep is a tenth as frequent as the others, which are all alike."""
    actions = actions_of("heuristic", 400_000)
    weights = {
        a: 4.0 if ACTIONS[a].startswith("move_") else 3.0 if a == 5 else 1.0 for a in range(17)
    }
    weights[6] = 0.1
    total = sum(weights.values())
    counts = Counter(actions)
    for action, weight in weights.items():
        assert counts[action] / len(actions) == pytest.approx(weight / total, rel=0.1), action


def test_heuristic_repeats_are_within_their_bounds():
    lengths = {a: set() for a in range(17)}
    for action, length in runs(actions_of("heuristic", 50_000)):
        lengths[action].add(length)
    assert min(lengths[5]) == 2
    assert set(range(1, 8)) <= lengths[1]


def test_heuristic_takes_arguments():
    assert 6 not in actions_of("heuristic", 10_000, sleep_probability=0.0)
    spec = describe_policy("heuristic", {"sleep_probability": 1})
    assert spec.parameters == {
        "sleep_probability": 1, "move_repeats": [0, 6], "do_repeats": [1, 3],
    }  # fmt: skip


def test_seeding():
    """Worlds are those of `crafter.Env(seed)`; known values guard against a silent change."""
    assert world_seed(0, 0) == hash((0, 1)) % (2**31 - 1)
    assert world_seed(7, 3) == hash((7, 4)) % (2**31 - 1)
    first = policy_generator(0, 0).integers(1000, size=3).tolist()
    assert (
        first
        == np.random.default_rng(np.random.SeedSequence((0, 0))).integers(1000, size=3).tolist()
    )
    assert first != policy_generator(0, 1).integers(1000, size=3).tolist()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nope", "expected heuristic, .*, mix or package.module:factory, found 'nope'"),
        ("no.such.module:f", "cannot import no.such.module"),
        (f"{MODULE}:missing", "expected a function 'missing'"),
        (f"{MODULE}:np", "found module"),
        (":f", "expected heuristic"),
    ],
)
def test_unknown_policies(name, message):
    with pytest.raises(PolicyError, match=message):
        load_factory(name)


def test_what_was_passed_once_does_not_hide_what_its_module_has_become(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    file = tmp_path / "edited_policy.py"
    text = "class Mine:\n    def __init__(self, num_envs): self.action = 1\n"
    file.write_text(text)
    name = name_policy(importlib.import_module("edited_policy").Mine)
    assert load_factory(name)(1).action == 1
    file.write_text(text.replace("1\n", "2\n"))
    monkeypatch.delitem(sys.modules, "edited_policy")
    assert load_factory(name)(1).action == 2
    assert policy_source(name, {})


def test_arguments_that_do_not_fit():
    with pytest.raises(PolicyError, match="unexpected keyword argument 'nerve'"):
        describe_policy("heuristic", {"nerve": 1})
    with pytest.raises(PolicyError, match="fit into JSON"):
        describe_policy("heuristic", {"sleep_probability": float("nan")})


@pytest.mark.parametrize("name", ["Random", "Looking"])
def test_users_policy_gives_one_digest_however_it_is_run(tmp_path, name):
    settings = BuildSettings(seed=2, policy=f"{MODULE}:{name}", **SMALL_WORLD)
    digests = {
        build(
            tmp_path / f"{workers}-{num_envs}", settings, Target(frames=500),
            workers=workers, num_envs=num_envs,
        ).metadata.digest
        for workers, num_envs in ((0, 1), (0, 3), (2, 2), (1, 8))
    }  # fmt: skip
    assert len(digests) == 1
    dataset = open_dataset(tmp_path / "2-2")
    assert dataset.metadata.policy.name == f"{MODULE}:{name}"
    assert dataset.metadata.policy.parameters == {"highest": 16}


@pytest.mark.parametrize("workers", [0, 2])
def test_a_policy_that_raises_ends_the_build_and_keeps_the_dataset(tmp_path, workers):
    settings = BuildSettings(policy=f"{MODULE}:Raising", **SMALL_WORLD)
    with pytest.raises(BuildError) as caught:
        build(tmp_path / "d", settings, Target(episodes=9), workers=workers, num_envs=1)
    text = str(caught.value)
    assert "raised RuntimeError: the network is on fire" in text
    assert "policies_for_tests.py:" in text
    assert "in episode 2;" in text
    assert "\n" not in text
    assert "Traceback" in caught.value.details
    if not (tmp_path / "d").exists():
        assert "nothing was written" in text
        return
    assert "go on with resume=True" in text
    assert not list(find_violations(open_container(tmp_path / "d"), deep=True))
    assert 1 <= len(open_dataset(tmp_path / "d")) <= 2


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("out_of_range", r"expected actions from 0 to 16, found \d+ in episode \d"),
        ("WrongShape", r"expected 2 integer actions, found shape \(3,\) of int64"),
        ("Floats", r"expected 2 integer actions, found shape \(2,\) of float64"),
        ("broken_factory", "raised OSError: no checkpoint here .* before the first episode"),
    ],
)
@pytest.mark.parametrize("workers", [0, 1])
def test_policies_that_break_the_protocol(tmp_path, name, message, workers):
    settings = BuildSettings(policy=f"{MODULE}:{name}", **SMALL_WORLD)
    with pytest.raises(BuildError, match=message):
        build(tmp_path / "d", settings, Target(episodes=3), workers=workers, num_envs=2)


@pytest.mark.parametrize(
    ("blocks", "chunk_frames"),
    [
        ("short", 7),
        ("short", 32),
        ("ending", 7),
        ("long", 32),
        ("read-only", 7),
        ("one array", 7),
        ("empty floats", 7),
        ("to the end", 7),
        ("to the end", 32),
        ("wrong after the end", 7),
    ],
)
def test_a_plan_is_played_alike_with_and_without_a_look_at_each_step(
    tmp_path, blocks, chunk_frames
):
    settings = BuildSettings(
        seed=3, policy=f"{MODULE}:planner", policy_args={"blocks": blocks},
        chunk_frames=chunk_frames, **SMALL_WORLD,
    )  # fmt: skip
    if "the end" in blocks:
        settings = dataclasses.replace(settings, length=28)
    for target in (Target(frames=150), Target(episodes=4), Target(frames=1)):
        digests = {
            build(
                tmp_path / f"{engine}-{target}",
                settings,
                target,
                workers=0,
                num_envs=2,
                engine=engine,
            ).metadata.digest
            for engine in ("fast", "crafter")
        }
        assert len(digests) == 1


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        (
            "raising",
            r"raised RuntimeError: the plan is lost .*policies_for_tests.* in episode 0",
        ),
        ("wrong", r"expected actions from 0 to 16, found 300 in episode 0"),
    ],
)
@pytest.mark.parametrize("engine", ["fast", "crafter"])
def test_plans_that_go_wrong(tmp_path, blocks, message, engine):
    settings = BuildSettings(
        policy=f"{MODULE}:planner", policy_args={"blocks": blocks}, **SMALL_WORLD
    )
    with pytest.raises(BuildError, match=message):
        build(tmp_path / "d", settings, Target(episodes=3), workers=0, num_envs=1, engine=engine)


def test_episodes_before_one_whose_plan_goes_wrong_are_kept(tmp_path):
    """Though its plan was begun together with theirs."""
    settings = BuildSettings(
        policy=f"{MODULE}:planner", policy_args={"blocks": "wrong at once in some"}, **SMALL_WORLD
    )
    with pytest.raises(BuildError, match="the plan is lost") as caught:
        build(tmp_path / "d", settings, Target(episodes=20), workers=0, commit_seconds=0)
    number = int(re.search(r"in episode (\d+)", str(caught.value))[1])
    assert number > 0
    assert len(open_dataset(tmp_path / "d")) == number


@pytest.mark.parametrize("engine", ["fast", "crafter"])
def test_a_plan_without_actions_does_not_hang(tmp_path, engine):
    settings = BuildSettings(
        policy=f"{MODULE}:planner", policy_args={"blocks": "nothing"}, **SMALL_WORLD
    )
    with pytest.raises(BuildError, match="expected actions, found 1000 empty blocks"):
        build(tmp_path / "d", settings, Target(episodes=3), workers=0, engine=engine)


def test_a_plan_of_no_integers(tmp_path):
    settings = BuildSettings(
        policy=f"{MODULE}:planner", policy_args={"blocks": "floats"}, **SMALL_WORLD
    )
    with pytest.raises(BuildError, match=r"found shape \(5,\) of float64 in episode 0"):
        build(tmp_path / "d", settings, Target(episodes=3), workers=0)


def test_a_policy_whose_act_was_replaced_is_asked(tmp_path):
    settings = BuildSettings(policy=f"{MODULE}:changed_planner", **SMALL_WORLD)
    digests = {
        build(
            tmp_path / engine, settings, Target(episodes=2), workers=0, engine=engine
        ).metadata.digest
        for engine in ("fast", "crafter")
    }
    assert len(digests) == 1


def test_a_policy_that_overrides_how_its_plan_is_played_is_asked(tmp_path):
    settings = BuildSettings(policy=f"{MODULE}:LooksAtItsPlan", **SMALL_WORLD)
    build(tmp_path / "d", settings, Target(episodes=3), workers=0)
    for episode in open_dataset(tmp_path / "d"):
        rested = episode["daylight"][:-1] >= 0.9
        assert rested.any()
        assert not episode["actions"][:-1][rested].any()
        assert episode["actions"][:-1][~rested].any()
