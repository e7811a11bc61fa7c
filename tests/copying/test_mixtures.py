"""What is done with mixtures keeps who played which episode."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import crafter_dataset
from crafter_dataset.builder.settings import BuildSettings, Target
from crafter_dataset.loader import CorruptDataError, open_dataset
from crafter_dataset.loader.container import open_container
from crafter_dataset.loader.report import html, summary_html, summary_json, table_html
from crafter_dataset.schemas import find_violations
from tests.building import build
from tests.containers.test_contract import assert_same

SETTINGS = BuildSettings(
    seed=9, area=(12, 12), length=30, chunk_frames=8, size=(18, 18), policy="mix",
    policy_args={"heuristic": 0.4, "random": 0.3, "noop": 0.3},
)  # fmt: skip


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mixed") / "data.zarr"
    build(path, SETTINGS, Target(episodes=20), workers=0)
    return path


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plain") / "data.zarr"
    settings = replace(SETTINGS, seed=3, policy="heuristic", policy_args={"sleep_probability": 0.5})
    build(path, settings, Target(episodes=3), workers=0)
    return path


def players(dataset) -> list[str]:
    return dataset.episodes["policy"].tolist()


def assert_valid(dataset) -> None:
    assert not list(find_violations(open_container(dataset.path), deep=True))


def test_filters_and_columns(mixed, plain):
    dataset = open_dataset(mixed)
    names = np.array(players(dataset))
    own = dataset.filter("policy == 'random'")
    assert set(players(own)) == {"random"}
    assert own.episodes["id"].tolist() == np.flatnonzero(names == "random").tolist()
    others = dataset.filter("policy != 'random' and length > 1 or 'noop' == policy")
    assert others.episodes["id"].tolist() == np.flatnonzero(names != "random").tolist()
    assert players(dataset[[5, 2]]) == [names[5], names[2]]
    with pytest.raises(ValueError, match="policy to be one of heuristic, noop, random, found 'ex"):
        dataset.filter("policy == 'expert'")
    one = open_dataset(plain)
    assert players(one) == ["heuristic"] * 3
    assert len(one.filter("policy == 'heuristic'")) == 3
    assert one.metadata.version == "1.0"
    frame = dataset.to_pandas()
    assert frame["policy"].tolist() == names.tolist()


@pytest.mark.parametrize("suffix", [".zarr", ".h5"])
def test_copies_keep_who_played(mixed, tmp_path, suffix):
    dataset = open_dataset(mixed)
    whole = crafter_dataset.convert(mixed, tmp_path / f"whole{suffix}")
    assert whole.metadata.digest == dataset.metadata.digest
    assert_valid(whole)
    some = crafter_dataset.convert(
        mixed, tmp_path / f"some{suffix}", filter="policy == 'noop'", to=None
    )
    assert players(some) == ["noop"] * len(some)
    assert (some.metadata.version, len(some.metadata.policies)) == ("1.2", 3)
    assert_valid(some)
    parts = crafter_dataset.split(
        mixed, [tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"], fractions=[0.5]
    )
    for part in parts:
        assert_valid(part)
        numbers = [part.origin(index)[1] for index in range(len(part))]
        assert players(part) == [players(dataset)[number] for number in numbers]


def test_parts_of_a_mixture_merge_into_what_was_built(mixed, tmp_path):
    first = crafter_dataset.convert(mixed, tmp_path / "a.zarr", episodes="0:7")
    second = crafter_dataset.convert(mixed, tmp_path / "b.h5", episodes="7:")
    merged = crafter_dataset.merge([first, second], tmp_path / "m.zarr", codec="zstd:1")
    assert_same(merged.path, mixed)
    assert merged.metadata.header() == open_dataset(mixed).metadata.header()
    # The first ones alone are those of a smaller build.
    build(tmp_path / "small.zarr", SETTINGS, Target(episodes=7), workers=0)
    assert_same(first.path, tmp_path / "small.zarr")


@pytest.mark.parametrize("suffix", [".zarr", ".h5"])
def test_mixtures_and_others_merge(mixed, plain, tmp_path, suffix):
    third = tmp_path / "third.zarr"
    settings = replace(SETTINGS, seed=5, policy_args={"random": 0.5, "noop": 0.5})
    build(third, settings, Target(episodes=4), workers=0)
    all_of = [open_dataset(path) for path in (mixed, plain, third)]
    merged = crafter_dataset.merge(all_of, tmp_path / f"m{suffix}")
    assert_valid(merged)
    assert players(merged) == [name for dataset in all_of for name in players(dataset)]
    names = [policy.name for policy in merged.metadata.policies]
    assert names == ["heuristic", "noop", "random", "heuristic"]
    assert merged.metadata.policies[3].parameters["sleep_probability"] == 0.5
    assert [merged.origin(i)[0].seed for i in (0, 20, 23)] == [9, 3, 5]
    # One of them alone is again what it was.
    back = crafter_dataset.convert(merged, tmp_path / f"p{suffix}", episodes="20:23")
    assert back.metadata.digest == open_dataset(plain).metadata.digest
    back = crafter_dataset.convert(merged, tmp_path / f"t{suffix}", episodes="23:")
    assert back.metadata.digest == open_dataset(third).metadata.digest
    appended = crafter_dataset.convert(merged[:20], tmp_path / f"x{suffix}")
    assert appended.metadata.digest == open_dataset(mixed).metadata.digest


def test_what_merged_datasets_say(mixed, plain, tmp_path):
    merged = crafter_dataset.merge([mixed, plain], tmp_path / "m.zarr")
    said = repr(merged)
    assert "mixed policies, 2 sources" in said
    assert "seed 9" not in said
    found = summary_json(merged)
    assert found["metadata"]["policy"] is None
    assert found["metadata"]["seed"] is None
    assert "mixed, see below" in html(merged)
    summary = merged.summary()
    labels = set(summary.policies)
    assert labels >= {"noop", "random", "heuristic (sleep_probability=0.5)"}
    assert json.loads(json.dumps(found["summary"]["policies"])) == summary.policies
    assert sum(each["episodes"] for each in summary.policies.values()) == 23
    # Without a mixture, what merging has always written, and still who played.
    other = tmp_path / "other.zarr"
    build(other, replace(SETTINGS, policy="noop", policy_args={}), Target(episodes=2), workers=0)
    merged = crafter_dataset.merge([plain, other], tmp_path / "n.zarr")
    assert merged.metadata.version == "1.1"
    assert "policies" not in merged.metadata.episode_fields
    assert players(merged) == ["heuristic"] * 3 + ["noop"] * 2
    assert len(merged.filter("policy == 'noop'")) == 2


def test_summaries_by_policy(mixed, plain):
    dataset = open_dataset(mixed)
    for label, found in dataset.summary().policies.items():
        alone = dataset.filter(f"policy == {label!r}").summary()
        assert found == {
            "episodes": alone.episodes, "frames": alone.frames, "lengths": alone.lengths,
            "returns": alone.returns, "score": alone.score,
        }  # fmt: skip
    assert list(dataset.summary().policies) == ["heuristic", "noop", "random"]
    assert "policy noop" in summary_html(dataset.summary())
    assert "<th>policy</th>" in table_html(dataset.episodes)
    one = open_dataset(plain)
    assert list(one.summary().policies) == ["heuristic"]
    assert "<th>policy</th>" not in table_html(one.episodes)
    without = dataset[:0].summary()
    assert without.policies == {}


def test_inspect_prints_a_table_of_policies(mixed, plain, command):
    done = command("inspect-dataset", mixed)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    heading = next(i for i, line in enumerate(lines) if line.startswith("played by "))
    assert [line.split()[0] for line in lines[heading + 1 : heading + 4]] == [
        "heuristic", "noop", "random",
    ]  # fmt: skip
    found = json.loads(command("inspect-dataset", mixed, "--json").stdout)
    assert set(found["summary"]["policies"]) == {"heuristic", "noop", "random"}
    assert found["arrays"]["episodes/policies"]["dtype"] == "uint16"
    done = command("convert-dataset", mixed, "n.zarr", "--filter", "policy == 'noop'")
    assert done.returncode == 0, done.stderr
    assert "played by" not in command("inspect-dataset", plain).stdout


def test_a_policy_that_is_not_listed_is_found(mixed, tmp_path):
    copied = tmp_path / "bad.zarr"
    crafter_dataset.convert(mixed, copied)
    document = json.loads((copied / "zarr.json").read_text())
    entries = document["attributes"]["crafter_dataset"]
    entries["policies"] = entries["policies"][:1]
    (copied / "zarr.json").write_text(json.dumps(document))
    found = [str(each) for each in find_violations(open_container(copied), deep=True)]
    assert any(text.startswith("episodes/policies[") and "0 to 0" in text for text in found)
    with pytest.raises(CorruptDataError, match="episodes/policies: expected 0 to 0, found 2"):
        open_dataset(copied).filter("policy == 'heuristic'")
    with pytest.raises(CorruptDataError, match="episodes/policies: expected 0 to 0, found 2"):
        crafter_dataset.merge([copied], tmp_path / "m.zarr")


def test_other_formats_take_mixtures(mixed, tmp_path):
    crafter_dataset.convert(mixed, tmp_path / "npz", to="npz")
    pytest.importorskip("minari")
    out = tmp_path / "minari"
    crafter_dataset.convert(mixed, out, to="minari")
    again = crafter_dataset.convert(out, tmp_path / "again.zarr")
    assert_valid(again)
    assert again.metadata.policy == open_dataset(mixed).metadata.policy
    assert again.metadata.policies == ()
