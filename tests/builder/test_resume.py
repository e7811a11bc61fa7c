"""Stopping, killing, resuming and extending."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crafter_dataset.builder.errors import BuildError, SettingsError
from crafter_dataset.builder.pool import InlinePool
from crafter_dataset.builder.settings import BuildSettings, Target
from crafter_dataset.builder.storage import files
from crafter_dataset.loader import open_dataset
from crafter_dataset.loader.container import open_container
from crafter_dataset.schemas import find_violations
from tests.building import build, has_played
from tests.conftest import SMALL_WORLD

SETTINGS = BuildSettings(seed=4, chunk_frames=16, **SMALL_WORLD)


def is_valid(path) -> bool:
    return not list(find_violations(open_container(path), deep=True))


def stop_after(calls: int):
    """Make a `should_stop` that says yes from the given call on."""
    counter = iter(range(10**9))
    return lambda: next(counter) >= calls


def test_stopped_build_is_readable_and_resumes_to_the_same_digest(tmp_path):
    whole = build(tmp_path / "whole", SETTINGS, Target(frames=900), workers=0)
    path = tmp_path / "d"
    part = build(
        path, SETTINGS, Target(frames=900), workers=0, num_envs=1, should_stop=stop_after(8)
    )
    assert not part.complete
    assert open_dataset(path).metadata.status == "building"
    assert 0 < open_dataset(path).frames < 900
    assert is_valid(path)
    done = build(path, resume=True, workers=0)
    assert done.complete
    assert done.metadata.digest == whole.metadata.digest
    assert len(open_dataset(path).provenance["runs"]) == 2


@pytest.mark.parametrize("first", [Target(frames=333), Target(frames=1), Target(episodes=5)])
@pytest.mark.parametrize("second", [Target(frames=1100), Target(episodes=19)])
def test_extending_equals_building_at_once(tmp_path, first, second):
    whole = build(tmp_path / "whole", SETTINGS, second, workers=0)
    build(tmp_path / "d", SETTINGS, first, workers=0)
    assert is_valid(tmp_path / "d")
    done = build(tmp_path / "d", SETTINGS, second, workers=0, resume=True)
    assert done.metadata.digest == whole.metadata.digest
    assert is_valid(tmp_path / "d")
    for file in (tmp_path / "whole").rglob("c.*"):
        other = tmp_path / "d" / file.relative_to(tmp_path / "whole")
        assert other.read_bytes() == file.read_bytes(), file


@pytest.fixture
def small_files(monkeypatch):
    """Let files be full after a few chunks, so that a small dataset has many of them."""
    monkeypatch.setattr("crafter_dataset.schemas.layout.FILE_ROWS", 48)
    monkeypatch.setattr("crafter_dataset.schemas.layout.TABLE_FILE_ROWS", 4)


@pytest.mark.parametrize("first", [47, 48, 49, 333])
def test_extending_across_files(tmp_path, small_files, first):
    whole = build(tmp_path / "whole", SETTINGS, Target(frames=1100), workers=0)
    build(tmp_path / "d", SETTINGS, Target(frames=first), workers=0, commit_seconds=0)
    assert is_valid(tmp_path / "d")
    for target, stop in ((600, 3), (600, 10**9), (1100, 4), (1100, 10**9)):
        build(
            tmp_path / "d", SETTINGS, Target(frames=target), workers=0, resume=True,
            should_stop=stop_after(stop), commit_seconds=0.2,
        )  # fmt: skip
        assert is_valid(tmp_path / "d")
    assert open_dataset(tmp_path / "d").metadata.digest == whole.metadata.digest
    files = sorted((tmp_path / "whole").rglob("c.*"))
    assert len(files) > 11 * 20
    assert len(sorted((tmp_path / "d").rglob("c.*"))) == len(files)
    for file in files:
        other = tmp_path / "d" / file.relative_to(tmp_path / "whole")
        assert other.read_bytes() == file.read_bytes(), file


def test_leftovers_of_a_killed_build_are_removed(tmp_path, small_files):
    """Files written after the last commit, and those half written, do not outlive a resume."""
    path = tmp_path / "d"
    build(path, SETTINGS, Target(frames=300), workers=0)
    shutil.copy(path / "frames" / "c.0.0.0.0", path / "frames" / "c.70.0.0.0")
    (path / "actions" / files.partial_name("c.3")).write_bytes(b"half")
    (path / files.partial_name("zarr.json")).write_bytes(b"{")
    build(path, SETTINGS, Target(frames=400), workers=0, resume=True)
    assert not list(path.rglob("*partial"))
    assert not (path / "frames" / "c.70.0.0.0").exists()
    assert is_valid(path)


@pytest.mark.parametrize("name", [files.partial_name("zarr.json"), "zarr.json.partial"])
def test_a_folder_that_was_killed_before_its_first_file_counts_as_empty(tmp_path, name):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / name).write_bytes(b"{")
    build(tmp_path / "d", SETTINGS, Target(frames=9), workers=0, resume=True)
    assert is_valid(tmp_path / "d")


def test_a_dataset_alone_does_not_say_what_code_is_run(tmp_path):
    settings = replace(
        SETTINGS, policy="tests.policies_for_tests:Random", policy_args={"highest": 4}
    )
    build(tmp_path / "d", settings, Target(frames=50), workers=0)
    with pytest.raises(
        SettingsError,
        match=r"policy: expected tests\.policies_for_tests:Random to be given.*with policy='tests",
    ):
        build(tmp_path / "d", None, Target(frames=90), workers=0, resume=True)
    # Named again, it takes its arguments from the dataset.
    done = build(
        tmp_path / "d", settings, Target(frames=90), workers=0, resume=True, given=["policy"]
    )
    assert done.metadata.policy.parameters == {"highest": 4}
    with pytest.raises(SettingsError, match=r"policy_args: expected \{'highest': 4\}"):
        build(
            tmp_path / "d", replace(settings, policy_args={"highest": 5}), Target(frames=99),
            workers=0, resume=True, given=["policy", "policy_args"],
        )  # fmt: skip


def test_every_length_of_a_small_dataset(tmp_path):
    """Whatever the number of frames, there are exactly so many, a prefix of the larger dataset."""
    build(tmp_path / "whole", SETTINGS, Target(frames=140), workers=0)
    whole = open_dataset(tmp_path / "whole")
    frames = np.concatenate([episode["frames"][:] for episode in whole])
    for count in range(1, 140, 11):
        path = tmp_path / str(count)
        build(path, SETTINGS, Target(frames=count), workers=0)
        part = open_dataset(path)
        assert part.frames == count
        assert is_valid(path)
        np.testing.assert_array_equal(
            np.concatenate([episode["frames"][:] for episode in part]), frames[:count]
        )


def test_extension_stopped_before_its_first_episode_leaves_the_dataset_alone(tmp_path):
    path = tmp_path / "d"
    build(path, SETTINGS, Target(frames=333), workers=0)
    before = open_dataset(path)
    result = build(
        path, SETTINGS, Target(frames=999), workers=0, resume=True, should_stop=lambda: True
    )
    assert not result.complete
    assert open_dataset(path).metadata == before.metadata
    assert open_dataset(path).provenance["target"] == {"frames": 999}
    assert is_valid(path)


def test_resume_of_a_complete_dataset_does_nothing(tmp_path):
    path = tmp_path / "d"
    build(path, SETTINGS, Target(episodes=3), workers=0)
    before = {p: p.read_bytes() for p in path.rglob("*") if p.is_file()}
    assert build(path, SETTINGS, Target(episodes=3), workers=0, resume=True).new_frames == 0
    assert {p: p.read_bytes() for p in path.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 5}, "seed: expected 4"),
        ({"length": 61}, "length: expected 60"),
        ({"area": (24, 24)}, "area: expected 24x20"),
        ({"view": (9, 7)}, "view: expected 9x9"),
        ({"size": (63, 63)}, "size: expected 64x64"),
        ({"policy": "noop"}, "policy: expected heuristic"),
        ({"policy_args": {"sleep_probability": 0.5}}, "policy_args: expected"),
        ({"trajectories_per_world": 2}, "trajectories_per_world: expected 1"),
        ({"codec": "zstd:3"}, "codec: expected zstd:1"),
        ({"chunk_frames": 32}, "chunk_frames: expected 16"),
        ({"fields": ("semantic",)}, "fields: expected frames,"),
    ],
)
def test_resume_with_other_settings_is_refused(tmp_path, change, message):
    path = tmp_path / "d"
    build(path, SETTINGS, Target(frames=50), workers=0)
    with pytest.raises(SettingsError, match=message):
        build(path, replace(SETTINGS, **change), Target(frames=99), workers=0, resume=True)
    assert is_valid(path)


def test_resume_to_less_is_refused(tmp_path):
    build(tmp_path / "d", SETTINGS, Target(frames=50), workers=0)
    with pytest.raises(SettingsError, match="at least the 50 frames"):
        build(tmp_path / "d", SETTINGS, Target(frames=49), workers=0, resume=True)


def test_resume_with_another_crafter_is_refused(tmp_path, monkeypatch):
    build(tmp_path / "d", SETTINGS, Target(frames=50), workers=0)
    monkeypatch.setattr("crafter_dataset.engine.spec.version", lambda package: "9.9")
    with pytest.raises(SettingsError, match=r"environment's version 1.8.3 .* found 9.9"):
        build(tmp_path / "d", SETTINGS, Target(frames=99), workers=0, resume=True)


def test_existing_paths_are_not_touched(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "todo.txt").write_text("keep")
    for options in ({}, {"resume": True}, {"overwrite": True}):
        with pytest.raises(BuildError, match="found something else"):
            build(tmp_path / "notes", SETTINGS, Target(frames=9), workers=0, **options)
    assert (tmp_path / "notes" / "todo.txt").read_text() == "keep"
    build(tmp_path / "d", SETTINGS, Target(frames=9), workers=0)
    with pytest.raises(BuildError, match="exists already"):
        build(tmp_path / "d", SETTINGS, Target(frames=9), workers=0)


def test_overwrite_replaces_a_dataset(tmp_path):
    build(tmp_path / "d", SETTINGS, Target(frames=400), workers=0)
    other = replace(SETTINGS, seed=9, fields=())
    build(tmp_path / "d", other, Target(frames=30), workers=0, overwrite=True)
    assert open_dataset(tmp_path / "d").metadata.seed == 9
    assert not (tmp_path / "d" / "semantic").exists()
    assert is_valid(tmp_path / "d")


def test_two_builders_on_one_path(tmp_path):
    path = tmp_path / "d"
    second = []

    def meanwhile():
        if not second:
            with pytest.raises(BuildError, match="another build") as caught:
                build(path, SETTINGS, Target(frames=9), workers=0, resume=True)
            second.append(caught)
        return False

    build(path, SETTINGS, Target(frames=100), workers=0, should_stop=meanwhile)
    assert second


def test_commit_order(tmp_path, monkeypatch):
    """A reader at any moment of a build sees whole, valid episodes only."""
    path = tmp_path / "d"
    seen = []
    receive = InlinePool.receive

    def look(pool, timeout):
        assert is_valid(path)
        seen.append(len(open_dataset(path)))
        return receive(pool, 0.05)

    monkeypatch.setattr(InlinePool, "receive", look)
    build(path, SETTINGS, Target(episodes=6), workers=0, num_envs=1, commit_seconds=0.0)
    assert seen == sorted(seen)
    assert len(set(seen)) > 3


COMMAND = [
    Path(sys.executable).with_name("build-dataset"), "--out", "d", "--frames", "1000000",
    "--seed", "4", "--area", "24x20", "--length", "60", "--chunk-frames", "16", "--workers", "2",
    "--commit-seconds", "0.3",
]  # fmt: skip


KILLED = 77


def die_at(monkeypatch, call: int) -> None:
    """Let the process die in the given call that would replace a file, half of it written."""
    counter = iter(range(10**9))
    for module in (
        "crafter_dataset.builder.storage.background",
        "crafter_dataset.builder.storage.zarr_writer",
    ):

        def replace_or_die(path, parts, replace_file=files.replace_file):
            if next(counter) == call:
                data = b"".join(parts)
                path.with_name(files.partial_name(path.name)).write_bytes(data[: len(data) // 2])
                os._exit(KILLED)
            return replace_file(path, parts)

        monkeypatch.setattr(f"{module}.replace_file", replace_or_die)


def run_and_die(monkeypatch, call: int, path: Path, *arguments, **options) -> bool:
    """Build until it dies; False if it came to its end before."""
    child = os.fork()
    if not child:
        try:
            die_at(monkeypatch, call)
            build(path, *arguments, workers=0, num_envs=1, commit_seconds=0.0, **options)
            os._exit(0)
        finally:
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, KILLED)
    return code == KILLED


QUICK = replace(SETTINGS, area=(10, 10), size=(18, 18), length=20)


@pytest.mark.parametrize("stride", [29, pytest.param(1, marks=pytest.mark.slow)])
def test_death_at_any_write_of_a_build(tmp_path, monkeypatch, small_files, stride):
    whole = build(tmp_path / "whole", QUICK, Target(episodes=5), workers=0)
    seen = []
    for call in range(0, 10**9, stride):
        path = tmp_path / str(call)
        if not run_and_die(monkeypatch, call, path, QUICK, Target(episodes=5)):
            break
        if (path / "zarr.json").exists():
            assert is_valid(path)
            seen.append(len(open_dataset(path)))
        done = build(path, QUICK, Target(episodes=5), workers=0, resume=True)
        assert done.metadata.digest == whole.metadata.digest
        assert is_valid(path)
    assert seen == sorted(seen)
    assert set(seen) >= set(range(5 if stride == 1 else 2))


@pytest.mark.parametrize("stride", [29, pytest.param(1, marks=pytest.mark.slow)])
def test_death_at_any_write_of_an_extension(tmp_path, monkeypatch, small_files, stride):
    whole = build(tmp_path / "whole", QUICK, Target(episodes=5), workers=0)
    build(tmp_path / "first", QUICK, Target(frames=30), workers=0)
    first = open_dataset(tmp_path / "first")
    assert first[-1].end_reason == "cut"
    for call in range(0, 10**9, stride):
        path = tmp_path / str(call)
        shutil.copytree(tmp_path / "first", path)
        if not run_and_die(monkeypatch, call, path, QUICK, Target(episodes=5), resume=True):
            break
        assert is_valid(path)
        # Only the cut episode may be missing, and only from the moment its file is replaced.
        assert len(open_dataset(path)) >= len(first) - 1
        if call == 0:
            assert len(open_dataset(path)) == len(first)
        else:  # The new target is the dataset's own by now.
            done = build(path, workers=0, resume=True)
            assert done.metadata.digest == whole.metadata.digest
        assert is_valid(path)


@pytest.mark.parametrize("stride", [29, pytest.param(1, marks=pytest.mark.slow)])
def test_death_at_any_write_of_an_overwrite(tmp_path, monkeypatch, small_files, stride):
    whole = build(tmp_path / "whole", QUICK, Target(episodes=3), workers=0)
    other = replace(QUICK, seed=99, size=(27, 27))
    old = build(tmp_path / "old", other, Target(episodes=6), workers=0).metadata.digest
    for call in range(0, 10**9, stride):
        path = tmp_path / str(call)
        shutil.copytree(tmp_path / "old", path)
        if not run_and_die(monkeypatch, call, path, QUICK, Target(episodes=3), overwrite=True):
            break
        assert is_valid(path)
        if call == 0:
            assert open_dataset(path).metadata.digest == old
            continue
        done = build(path, QUICK, Target(episodes=3), workers=0, resume=True)
        assert done.metadata.digest == whole.metadata.digest
        assert is_valid(path)


def test_data_is_durable_before_the_root_says_so(tmp_path, monkeypatch, small_files):
    """Between two replacements of the root, all other files and folders are synced."""
    synced, pending = set(), []
    fsync, replace_path = os.fsync, os.replace

    def record_fsync(descriptor):
        synced.add(os.readlink(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    def record_replace(source, target):
        assert str(source) in synced, f"{target} was moved into place before it was durable"
        if Path(target) == tmp_path / "d" / "zarr.json":
            for folder in pending:
                assert folder in synced, f"{folder} was not durable before the root"
            pending.clear()
        else:
            pending.append(str(Path(target).parent))
            synced.discard(str(Path(target).parent))
        replace_path(source, target)
        synced.discard(str(source))

    monkeypatch.setattr(os, "fsync", record_fsync)
    monkeypatch.setattr(os, "replace", record_replace)
    build(tmp_path / "d", QUICK, Target(episodes=5), workers=0, commit_seconds=0.0)
    build(tmp_path / "d", QUICK, Target(frames=150), workers=0, commit_seconds=0.0, resume=True)


def test_ctrl_c_commits_what_is_whole(tmp_path):
    process = subprocess.Popen(
        COMMAND, cwd=tmp_path, start_new_session=True, text=True, stderr=subprocess.PIPE
    )
    has_played(process)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert "go on with: build-dataset --out d --resume" in errors
    assert len(open_dataset(tmp_path / "d")) > 0
    assert is_valid(tmp_path / "d")
    document = json.loads((tmp_path / "d" / "zarr.json").read_text())
    assert document["attributes"]["provenance"]["target"] == {"frames": 1_000_000}
