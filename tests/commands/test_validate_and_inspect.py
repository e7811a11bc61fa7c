"""`validate-dataset` and `inspect-dataset` as a user meets them."""

from __future__ import annotations

import json
import shutil

import pytest
import zarr

from crafter_dataset import validate
from crafter_dataset.builder.settings import BuildSettings, Target
from crafter_dataset.loader import open_dataset
from tests.building import build
from tests.commands.test_build import fails
from tests.conftest import SMALL_WORLD


@pytest.fixture
def broken(small_path, tmp_path):
    path = tmp_path / "d"
    shutil.copytree(small_path, path)
    return path


def test_valid(command, dataset_path):
    done = command("validate-dataset", dataset_path, "--deep", "--replay", 2)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip().endswith("every chunk read, 2 replayed bit by bit")
    assert done.stderr == ""


def test_it_says_what_was_not_looked_at(command, tmp_path):
    build(tmp_path / "d", BuildSettings(**SMALL_WORLD), Target(episodes=2), workers=0)
    ends = {
        (): "d: valid, 2 episodes; structure only, contents not read (--deep reads them)\n",
        ("--deep",): "d: valid, 2 episodes, every chunk read\n",
        ("--replay", 1): "d: valid, 2 episodes, 1 replayed bit by bit; other contents not read "
        "(--deep reads them)\n",
    }
    for options, said in ends.items():
        assert command("validate-dataset", "d", *options).stdout == said


@pytest.mark.parametrize("target", [{"frames": 5000}, {"episodes": 90}])
def test_a_part_of_a_build_is_said_to_be_one(command, tmp_path, target):
    asked = []
    build(tmp_path / "d", BuildSettings(**SMALL_WORLD), Target(**target), workers=0,
          should_stop=lambda: asked.append(0) or len(asked) > 2)  # fmt: skip
    dataset = open_dataset(tmp_path / "d")
    (unit, wanted), counts = target.popitem(), dataset.metadata.counts
    missing = f"{getattr(counts, unit)} of {wanted:,} {unit}"
    done = command("validate-dataset", "d", "--deep")
    assert done.stdout.endswith(f"every chunk read; incomplete: {missing}\n")
    assert done.returncode == 0
    assert json.loads(command("validate-dataset", "d", "--json").stdout)["missing"] == missing


def test_valid_as_json(command, small_path):
    done = command("validate-dataset", small_path, "--replay", 3, "--json")
    assert done.returncode == 0
    result = json.loads(done.stdout)
    assert result["valid"] is True
    assert result["violations"] == []
    assert result["replayed"] == [0, 5, 11]


def test_invalid(command, broken):
    zarr.open_group(broken, mode="r+")["actions"][3] = 99
    done = command("validate-dataset", "d", "--deep")
    assert done.returncode == 1
    assert "actions[3] (episode 0): expected 0 to 16, found 99\n" in done.stdout
    assert done.stdout.strip().splitlines()[-1] == "d: invalid, 2 violations"
    result = json.loads(command("validate-dataset", "d", "--deep", "--json").stdout)
    assert result["valid"] is False
    assert result["violations"][0] == {
        "path": "actions[3] (episode 0)", "expected": "0 to 16", "found": "99",
    }  # fmt: skip


def test_a_flipped_byte(command, broken):
    file = broken / "frames" / "c.0.0.0.0"
    data = bytearray(file.read_bytes())
    data[5000] ^= 1
    file.write_bytes(bytes(data))
    done = command("validate-dataset", "d", "--deep", "--replay", 12)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "frames[" in done.stdout
    assert "(episode 0)" in done.stdout


@pytest.mark.parametrize(
    ("name", "row", "value", "expected"),
    [
        ("frames", 5, 1, "frames[5 of the episode] (episode 0, replayed)"),
        ("semantic", 4, 3, "semantic[4 of the episode]"),
        ("inventory", 4, 3, "inventory[4 of the episode]"),
        ("daylight", 4, 0.123, "daylight[4 of the episode]"),
        ("episodes/world_seeds", 0, 7, "episodes/world_seeds[0]: expected"),
        ("episodes/terrain", 0, 3, "episodes/terrain[0]: expected the world of its seed"),
        ("episodes/end_reasons", 0, 3, "episodes/end_reasons[0]: expected"),
        ("episodes/end_reasons", 0, 9, "episodes/end_reasons[0]: expected"),
        ("episodes/world_seeds", 0, -5, "episode 0, replayed: expected an episode that can be"),
        ("actions", 4, 99, "episode 0, replayed: expected an episode that can be played"),
    ],
)
def test_replay_finds_what_is_not_crafters(broken, name, row, value, expected):
    zarr.open_group(broken, mode="r+")[name][row] = value
    report = validate(broken, deep=True, replay=1)
    assert not report
    assert any(expected in str(violation) for violation in report.violations)


def test_what_is_no_dataset(command, tmp_path):
    (tmp_path / "x").mkdir()
    for name in ("validate-dataset", "inspect-dataset"):
        fails(command(name, "none"), 1, "none: expected a Crafter dataset, found nothing")
        fails(command(name, "x"), 1, "x: expected a Crafter dataset, found no Zarr v3 group")
        fails(command(name), 2, "PATH")


def test_a_newer_version(command, broken):
    document = json.loads((broken / "zarr.json").read_text())
    document["attributes"]["crafter_dataset"]["version"] = "3.0"
    (broken / "zarr.json").write_text(json.dumps(document))
    for name in ("validate-dataset", "inspect-dataset"):
        fails(command(name, "d"), 1, "found 3.0, which is newer; upgrade crafter-dataset")


def test_inspect(command, dataset_path):
    done = command("inspect-dataset", dataset_path)
    assert done.returncode == 0, done.stderr
    digest = open_dataset(dataset_path).metadata.digest
    for word in (digest, "700", "heuristic", "frames", "time limit", "collect_wood"):
        assert word in done.stdout
    assert "episodes/terrain" in command("inspect-dataset", dataset_path, "--arrays").stdout
    result = json.loads(command("inspect-dataset", dataset_path, "--json").stdout)
    assert result["metadata"]["digest"] == digest
    assert result["summary"]["frames"] == 700
    assert result["arrays"]["frames"]["shape"][1:] == [64, 64, 3]


def test_the_summary_is_seen_at_once(command, dataset_path):
    """On a terminal of 24 lines, the prompt below it included."""
    shown = command("inspect-dataset", dataset_path).stdout.splitlines()
    assert sum(1 + (len(line) - 1) // 80 for line in shown[1:]) < 24  # the first has the path
    built = command("build-dataset", "--out", "b", "--frames", 300, "--area", 24).stdout
    assert len(built.splitlines()) < 24
    assert max(map(len, built.splitlines()[1:])) <= 80


def test_inspect_of_a_damaged_dataset(command, broken):
    (broken / "rewards" / "c.0").unlink()
    fails(command("inspect-dataset", "d"), 1, "rewards: expected a file c.0, found none")
