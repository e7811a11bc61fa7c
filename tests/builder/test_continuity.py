"""A dataset that is gone on with stays one: same policy, same pictures."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from crafter_dataset.builder.errors import SettingsError
from crafter_dataset.builder.policies.source import policy_source
from crafter_dataset.builder.settings import BuildSettings, Target
from crafter_dataset.engine.fingerprint import pixel_fingerprint
from crafter_dataset.loader import open_dataset
from tests.building import build
from tests.conftest import SMALL_WORLD

POLICY = """
import numpy as np
A = 1
class P:
    def __init__(self, num_envs, checkpoint=None): self.n = num_envs
    def reset(self, lane, rng): pass
    def act(self, frames, infos): return np.full(self.n, A)
"""


def command(folder: Path, *options: object) -> subprocess.CompletedProcess[str]:
    arguments = ["--out", "d.zarr", "--policy", "pol:P", "--length", 60, "--workers", 0]
    return subprocess.run(
        ["build-dataset", *map(str, [*arguments, "--area", "16x16", "--quiet", *options])],
        cwd=folder,
        capture_output=True,
        text=True,
    )


def test_a_policy_that_was_edited(tmp_path):
    (tmp_path / "pol.py").write_text(POLICY)
    assert command(tmp_path, "--frames", 100).returncode == 0
    assert command(tmp_path, "--frames", 150, "--resume").returncode == 0
    before = (tmp_path / "d.zarr" / "zarr.json").read_bytes()
    (tmp_path / "pol.py").write_text(POLICY.replace("A = 1", "A = 2"))
    done = command(tmp_path, "--frames", 200, "--resume")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "--policy: expected its modules and the files" in done.stderr
    assert "--allow-policy-change" in done.stderr
    assert (tmp_path / "d.zarr" / "zarr.json").read_bytes() == before
    assert command(tmp_path, "--frames", 200, "--resume", "--allow-policy-change").returncode == 0
    runs = open_dataset(tmp_path / "d.zarr").provenance["runs"]
    assert runs[0]["policy_source"] == runs[1]["policy_source"] != runs[2]["policy_source"]
    assert [run.get("policy_change_allowed") for run in runs] == [None, None, True]
    assert command(tmp_path, "--frames", 250, "--resume").returncode == 0


def test_a_checkpoint_that_was_trained_on(tmp_path):
    (tmp_path / "pol.py").write_text(POLICY)
    (tmp_path / "agent.bin").write_bytes(b"1")
    given = ("--policy-arg", "checkpoint=agent.bin")
    assert command(tmp_path, "--frames", 100, *given).returncode == 0
    (tmp_path / "agent.bin").write_bytes(b"2")
    done = command(tmp_path, "--frames", 200, "--resume", *given)
    assert done.returncode == 2
    assert "files that its arguments name" in done.stderr


def test_what_a_source_is(tmp_path, monkeypatch):
    (tmp_path / "one.py").write_text("from two import make\n")
    (tmp_path / "two.py").write_text("import three\ndef make(num_envs, **more): pass\n")
    (tmp_path / "three.py").write_text("import numpy\nfrom four import layers\n")
    (tmp_path / "four.py").write_text("def layers(): pass\n")
    (tmp_path / "unused.py").write_text("")
    (tmp_path / "weights").write_text("1")
    (tmp_path / "checkpoint" / "deep").mkdir(parents=True)
    (tmp_path / "checkpoint" / "deep" / "part").write_text("1")
    monkeypatch.syspath_prepend(tmp_path)
    files = [{"a": str(tmp_path / "weights")}, str(tmp_path / "checkpoint")]
    parameters = {"size": 3, "nested": files, "name": "x\0y" * 9}
    first = policy_source("one:make", parameters)
    assert first == policy_source("one:make", dict(reversed(parameters.items())))
    assert policy_source("heuristic", {}) is None
    for file in ("one.py", "two.py", "three.py", "four.py", "weights", "checkpoint/deep/part"):
        content = (tmp_path / file).read_text()
        (tmp_path / file).write_text(content + " ")
        assert policy_source("one:make", parameters) != first, file
        (tmp_path / file).write_text(content)
    (tmp_path / "unused.py").write_text("1\n")
    assert policy_source("one:make", parameters) == first


def test_of_a_folder_that_is_too_large_to_be_a_checkpoint_no_file_counts(tmp_path, monkeypatch):
    """Which ones are found first depends on the file system."""
    (tmp_path / "six.py").write_text("def make(num_envs, **more): pass\n")
    (tmp_path / "many").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("crafter_dataset.builder.policies.source._MOST_FILES", 2)
    found = []
    for number in range(4):
        (tmp_path / "many" / str(number)).write_text("")
        found.append(policy_source("six:make", {"folder": str(tmp_path / "many")}))
    assert len(set(found)) == 3
    assert found[2] == found[3] == policy_source("six:make", {})


def test_another_machine_that_makes_other_pictures(tmp_path, monkeypatch):
    settings = BuildSettings(seed=4, **SMALL_WORLD)
    path = tmp_path / "d.zarr"
    build(path, settings, Target(frames=50), workers=0)
    before = (path / "zarr.json").read_bytes()
    monkeypatch.setattr("crafter_dataset.builder.continuity.pixel_fingerprint", lambda *_: "0" * 32)
    monkeypatch.setattr(
        "crafter_dataset.builder.provenance.version",
        lambda package: "99" if package == "pillow" else "1",
    )
    with pytest.raises(SettingsError, match=r"makes others \(.*pillow .*, now 99"):
        build(path, settings, Target(frames=99), workers=0, resume=True)
    assert (path / "zarr.json").read_bytes() == before


def test_datasets_that_do_not_say_are_gone_on_with(tmp_path):
    path = tmp_path / "d.zarr"
    build(path, BuildSettings(seed=4, **SMALL_WORLD), Target(frames=50), workers=0)
    document = json.loads((path / "zarr.json").read_text())
    for run in document["attributes"]["provenance"]["runs"]:
        del run["pixels"]
    (path / "zarr.json").write_text(json.dumps(document))
    assert build(path, None, Target(frames=60), workers=0, resume=True).complete
    document = json.loads((path / "zarr.json").read_text())
    document["attributes"]["provenance"]["runs"] = "none of your business"
    (path / "zarr.json").write_text(json.dumps(document))
    assert build(path, None, Target(frames=70), workers=0, resume=True).complete
    assert len(open_dataset(path).provenance["runs"]) == 1


def test_the_fingerprint():
    settings = BuildSettings(**SMALL_WORLD)
    geometry = (settings.area, settings.view, settings.size)
    fast = pixel_fingerprint("fast", *geometry)
    assert fast == pixel_fingerprint("fast", *geometry) == pixel_fingerprint("crafter", *geometry)
    larger = replace(settings, size=(27, 27))
    assert pixel_fingerprint("fast", larger.area, larger.view, larger.size) != fast
