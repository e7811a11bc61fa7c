"""`build-dataset` as a user meets it: options, files, messages, exit codes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from crafter_dataset.builder.settings import DEFAULT_FRAMES, BuildSettings
from crafter_dataset.commands.build import command as build_command
from crafter_dataset.commands.options import Number
from crafter_dataset.loader import open_dataset
from crafter_dataset.schemas import codecs, hdf5_format

SMALL = ("--area", "24x20", "--length", "60", "--workers", "0")


def fails(done, code, *texts):
    """Check that a command failed with one clear line."""
    assert done.returncode == code, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert "error: " in lines[0]
    assert "Traceback" not in done.stderr
    for text in texts:
        assert text in lines[0]


def test_builds_and_sums_up(command, tmp_path):
    done = command("build-dataset", "--out", "data.zarr", "--frames", 300, "--seed", 3, *SMALL)
    assert done.returncode == 0, done.stderr
    dataset = open_dataset(tmp_path / "data.zarr")
    assert dataset.frames == 300
    assert dataset.metadata.digest in done.stdout
    for word in ("episodes", "frames", "returns", "ends", "rewards", "achievements", "score",
                 "size", "frames/s"):  # fmt: skip
        assert word in done.stdout
    run = dataset.provenance["runs"][0]
    assert "build-dataset" in run["command"]
    assert run["packages"]["crafter"] == "1.8.3"


def test_quiet_says_nothing(command):
    done = command("build-dataset", "--out", "d", "--frames", 20, "--quiet", *SMALL)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_help_shows_every_default():
    context = click.Context(build_command)
    help_text = " ".join(build_command.get_help(context).split())
    settings = BuildSettings()
    for option in build_command.params:
        if option.name in BuildSettings.__dataclass_fields__ and option.name != "policy_args":
            assert option.opts[0] in help_text
            if option.name == "codec":  # it depends on the container
                assert not option.required
                assert (
                    f"[default: {codecs.DEFAULT_CODEC}, {hdf5_format.DEFAULT_CODEC} in HDF5]"
                    in (help_text)
                )
                continue
            default = option.type.convert(option.default, option, context)
            assert default == getattr(settings, option.name), option.name
    assert str(DEFAULT_FRAMES) in help_text


def test_config_file_gives_defaults_and_the_command_line_wins(command, tmp_path):
    (tmp_path / "c.toml").write_text(
        'seed = 9\nframes = 50\nsize = [72, 63]\narea = "24x20"\nlength = 60\nworkers = 0\n'
        'fields = ["semantic", "daylight"]\nchunk-frames = 8\n'
        "[policy-arg]\nsleep_probability = 0.5\n"
    )
    done = command("build-dataset", "--out", "d", "--config", "c.toml", "--seed", 10)
    assert done.returncode == 0, done.stderr
    meta = open_dataset(tmp_path / "d").metadata
    assert (meta.seed, meta.env.size, meta.chunk_frames) == (10, (72, 63), 8)
    assert meta.policy.parameters["sleep_probability"] == 0.5
    assert "semantic" in meta.fields
    assert "inventory" not in meta.fields


def test_the_command_lines_target_wins_over_the_files(command, tmp_path):
    (tmp_path / "c.toml").write_text("frames = 50000\n")
    done = command("build-dataset", "--out", "d", "--config", "c.toml", "--episodes", 1, *SMALL)
    assert done.returncode == 0, done.stderr
    assert len(open_dataset(tmp_path / "d")) == 1


@pytest.mark.parametrize(("written", "number"), [
    ("1e3", 1000), ("1_000", 1000), ("1k", 1000), ("0.5k", 500), ("1.5E3", 1500), (" 20 ", 20),
    ("2M", 2_000_000), ("+7", 7),
])  # fmt: skip
def test_numbers_are_written_as_people_do(written, number):
    assert Number(1).convert(written, None, None) == number


@pytest.mark.parametrize("written", [
    "1.5", "1e-3", "0.0001k", "k", "1kk", "nan", "1e999", "0x10", "1e6k6", "\u0663", "", True, 1.5,
    None, "1m", "9" * 99,
], ids=repr)  # fmt: skip
def test_what_is_no_number_is_refused(written):
    with pytest.raises(click.BadParameter, match="expected a whole number such as 2000, 1e6 or"):
        Number(1).convert(written, None, None)


def test_numbers_in_commands_and_configurations(command, tmp_path):
    (tmp_path / "c.toml").write_text("frames = 2e1\nseed = 7\n")
    small = ["--area", "24", "--workers", "0", "--quiet"]
    assert command("build-dataset", "--out", "d", "--config", "c.toml", *small).returncode == 0
    dataset = open_dataset(tmp_path / "d")
    assert (dataset.frames, dataset.metadata.seed) == (20, 7)
    done = command("build-dataset", "--out", "e", "--frames", "0.03k", *small)
    assert (done.returncode, open_dataset(tmp_path / "e").frames) == (0, 30)


def test_fields_can_be_left_out(command, tmp_path):
    done = command("build-dataset", "--out", "d", "--frames", 20, *SMALL, "--no-semantic",
                   "--no-inventory")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert open_dataset(tmp_path / "d").fields == (
        "frames", "actions", "rewards", "terminations", "truncations", "positions",
        "achievements", "daylight", "episode_ids",
    )  # fmt: skip
    done = command("build-dataset", "--out", "d", "--frames", 30, "--resume", "--no-daylight")
    fails(done, 2, "fields: expected frames,", "as in d")


def test_resume_takes_the_datasets_own_settings(command, tmp_path):
    command("build-dataset", "--out", "d", "--frames", 100, "--seed", 6, "--policy", "random",
            "--size", "45x45", *SMALL)  # fmt: skip
    done = command("build-dataset", "--out", "d", "--frames", 200, "--resume", "--workers", 1)
    assert done.returncode == 0, done.stderr
    meta = open_dataset(tmp_path / "d").metadata
    assert (meta.seed, meta.policy.name, meta.env.size) == (6, "random", (45, 45))
    assert meta.counts.frames == 200
    done = command("build-dataset", "--out", "d", "--resume", "--size", 64)
    fails(done, 2, "size: expected 45x45 as in d, found 64x64")


def test_resume_without_a_dataset_starts_one(command, tmp_path):
    done = command("build-dataset", "--out", "d", "--frames", 20, "--resume", *SMALL)
    assert done.returncode == 0, done.stderr
    assert open_dataset(tmp_path / "d").frames == 20


def test_users_policy_from_the_current_folder(command, tmp_path):
    (tmp_path / "mine.py").write_text(
        "import numpy as np\n"
        "class Walker:\n"
        "    def __init__(self, num_envs, action): self.shape, self.action = num_envs, action\n"
        "    def reset(self, lane, rng): pass\n"
        "    def act(self, frames, infos): return np.full(self.shape, self.action)\n"
    )
    done = command("build-dataset", "--out", "d", "--frames", 20, "--policy", "mine:Walker",
                   "--policy-arg", "action=2", "--area", "24", "--workers", 1)  # fmt: skip
    assert done.returncode == 0, done.stderr
    dataset = open_dataset(tmp_path / "d")
    assert set(dataset[0]["actions"][:-1]) == {2}
    assert dataset.metadata.policy.parameters == {"action": 2}


@pytest.mark.parametrize(
    ("options", "code", "texts"),
    [
        ("--frames -5", 2, ["--frames", "-5"]),
        ("--episodes 0", 2, ["--episodes", "0"]),
        ("--frames 5 --episodes 5", 2, ["--frames, --episodes: expected at most one"]),
        ("--resume --overwrite", 2, ["--resume, --overwrite"]),
        ("--seed -1", 2, ["--seed"]),
        ("--workers -1", 2, ["--workers"]),
        ("--num-envs 0", 2, ["--num-envs"]),
        ("--chunk-frames 0", 2, ["--chunk-frames"]),
        ("--length 0", 2, ["--length"]),
        ("--size 64by64", 2, ["--size", "64by64"]),
        ("--size 10", 2, ["size: expected at least 2 pixels a cell"]),
        ("--area 0", 2, ["area: expected two integers from 1"]),
        ("--view 4x2", 2, ["view: expected at least 4 rows"]),
        ("--codec lz77", 2, ["--codec: expected zstd:1..22", "'lz77'"]),
        ("--codec zstd:99", 2, ["expected a level from 1 to 22, found '99'"]),
        ("--policy nope", 2, ["policy: expected heuristic", "'nope'"]),
        ("--policy no.such:f", 2, ["cannot import no.such"]),
        ("--policy-arg x", 2, ["expected NAME=VALUE, found 'x'"]),
        ("--policy-arg nerve=1", 2, ["unexpected keyword argument 'nerve'"]),
        ("--fields depth", 2, ["fields: expected names out of frames", "'depth'"]),
        ("--config none.toml", 2, ["none.toml: expected a TOML file"]),
        ("--nonsense", 2, ["--nonsense"]),
    ],
)
def test_bad_options(command, tmp_path, options, code, texts):
    done = command("build-dataset", "--out", "d", *options.split())
    fails(done, code, *texts)
    assert not (tmp_path / "d").exists()


def test_bad_config_entries_are_named(command, tmp_path):
    (tmp_path / "c.toml").write_text("sede = 3\n")
    fails(command("build-dataset", "--out", "d", "--config", "c.toml"), 2,
          "c.toml: expected options of build-dataset, found 'sede'")  # fmt: skip
    (tmp_path / "c.toml").write_text("seed = \n")
    fails(command("build-dataset", "--out", "d", "--config", "c.toml"), 2, "expected a TOML file")


def test_bad_paths(command, tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "x").write_text("x")
    fails(command("build-dataset", "--out", "file/d.zarr", *SMALL), 1, "file/d.zarr", "directory")
    fails(command("build-dataset", "--out", "file", *SMALL), 1, "file: expected a Crafter dataset")
    for option in ("--resume", "--overwrite", "--quiet"):
        done = command("build-dataset", "--out", "foreign", option, *SMALL)
        fails(done, 1, "foreign: expected a Crafter dataset or nothing, found something else")
    (tmp_path / "d.h5").mkdir()
    (tmp_path / "d.h5" / "x").write_text("x")
    fails(command("build-dataset", "--out", "d.h5", *SMALL), 1, "d.h5: expected a Crafter dataset")
    fails(command("build-dataset", "--out", "d", "--codec", "gzip", *SMALL), 2, "in a Zarr group")
    fails(command("build-dataset"), 2, "--out")
    assert (tmp_path / "foreign" / "x").read_text() == "x"


def test_an_existing_dataset_is_not_touched(command, tmp_path):
    command("build-dataset", "--out", "d", "--frames", 20, *SMALL)
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}
    fails(command("build-dataset", "--out", "d", "--frames", 20, *SMALL), 1,
          "d: exists already", "--resume", "--overwrite")  # fmt: skip
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")} == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written(command, tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    fails(command("build-dataset", "--out", "closed/d", *SMALL), 1, "closed/d", "Permission denied")


def test_a_dataset_of_a_newer_version_is_not_resumed(command, tmp_path):
    command("build-dataset", "--out", "d", "--frames", 20, *SMALL)
    document = json.loads((tmp_path / "d" / "zarr.json").read_text())
    document["attributes"]["crafter_dataset"]["version"] = "2.0"
    (tmp_path / "d" / "zarr.json").write_text(json.dumps(document))
    fails(command("build-dataset", "--out", "d", "--frames", 40, "--resume", *SMALL), 1,
          "expected format version 1.x, found 2.0, which is newer")  # fmt: skip


@pytest.mark.parametrize("keep", [0, 100])
def test_a_damaged_dataset_is_not_resumed(command, tmp_path, keep):
    command("build-dataset", "--out", "d", "--frames", 100, *SMALL)
    file = tmp_path / "d" / "frames" / "c.0.0.0.0"
    file.write_bytes(file.read_bytes()[:keep])
    done = command("build-dataset", "--out", "d", "--frames", 200, "--resume", *SMALL)
    fails(done, 1, "frames: a shard", "episode", "(d)")


def test_a_policy_that_raises(command, tmp_path):
    shutil.copy(Path(__file__).parent.parent / "policies_for_tests.py", tmp_path / "bad.py")
    done = command("build-dataset", "--out", "d", "--episodes", 9, "--policy", "bad:Raising",
                   "--num-envs", 1, *SMALL)  # fmt: skip
    error, *frames = done.stderr.strip().splitlines()[-3:]
    for text in ("policy 'bad:Raising' raised RuntimeError: the network is on fire", "bad.py:",
                 "in episode 2", "go on with --resume"):  # fmt: skip
        assert text in error
    assert frames[0].startswith('  File "')
    assert "bad.py" in frames[0]
    assert "raise RuntimeError(" in frames[1]
    done = command("build-dataset", "--out", "d2", "--episodes", 9, "--policy", "bad:Raising",
                   "--num-envs", 1, *SMALL, CRAFTER_DATASET_DEBUG="1")  # fmt: skip
    assert "Traceback" in done.stderr


USERS_POLICY = """
import numpy as np
def deep(value):
    return np.reshape(value, (7, 9))
class Broken:
    def __init__(self, num_envs): pass
    def reset(self, lane, rng): pass
    def act(self, frames, infos):
        return deep(np.zeros(5))
def unmade(num_envs):
    return deep(0)
"""


@pytest.mark.parametrize(("policy", "workers", "lines"), [
    ("users:Broken", 0, ["return deep(np.zeros(5))", "return np.reshape(value, (7, 9))"]),
    ("users:Broken", 1, ["return deep(np.zeros(5))", "return np.reshape(value, (7, 9))"]),
    ("users:unmade", 0, ["return deep(0)", "return np.reshape(value, (7, 9))"]),
    ("wrong:Policy", 0, ["class Policy(:", "^"]),
    ("lacking:Policy", 0, ["import a_package_that_is_not_there"]),
    ("users:none", 0, []),
])  # fmt: skip
def test_where_in_the_users_code_it_went_wrong(command, tmp_path, policy, workers, lines):
    """Under the one line, and none of the lines that the user has no part in."""
    (tmp_path / "users.py").write_text(USERS_POLICY)
    (tmp_path / "wrong.py").write_text("class Policy(:\n    pass\n")
    (tmp_path / "lacking.py").write_text("import a_package_that_is_not_there\n")
    done = command("build-dataset", "--out", "d", "--episodes", 2, "--policy", policy, "--quiet",
                   *SMALL[:-1], workers)  # fmt: skip
    error, *frames = done.stderr.splitlines()
    assert error.startswith("build-dataset: error: ")
    assert [line in "\n".join(frames) for line in lines] == [True] * len(lines)
    assert bool(frames) == bool(lines)
    assert "Traceback" not in done.stderr
    assert not any("crafter_dataset" in frame or "importlib" in frame for frame in frames)


@pytest.fixture
def small_disk(tmp_path):
    """Mount a file system of 3 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if (
        os.geteuid()
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], capture_output=True
        ).returncode
    ):
        pytest.skip("a file system cannot be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(command, small_disk):
    options = ("--out", "disk/d", "--area", "24x20", "--length", "60", "--workers", "1",
               "--commit-seconds", "0", "--quiet")  # fmt: skip
    fails(command("build-dataset", "--frames", 100_000, *options), 1,
          "disk/d/", "No space left on device", "are safe in disk/d; go on with --resume",
    )  # fmt: skip
    held = open_dataset(small_disk / "d")
    assert held.metadata.status == "building"
    assert len(held) > 0
    for episode in held:
        episode.load()
    assert command("validate-dataset", "disk/d", "--deep").returncode == 0
    # With room again, it goes on from there.
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    frames = held.frames + 500
    assert command("build-dataset", "--frames", frames, "--resume", *options).returncode == 0
    assert command("validate-dataset", "disk/d", "--deep").returncode == 0


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ("quiet = 1", "quiet: expected true or false, found '1'"),
        ("no_daylight = [1]", "no_daylight: expected true or false"),
        ("no_daylight = {}", "no_daylight: expected true or false"),
        ("frames = [1]", "frames"),
        ("policy_arg = 1", "policy"),
        ("seed = {a = 1}", "--seed': expected a whole number"),
        ("seed = 1979-05-27", "seed"),
        ("chunk_frames = nan", "chunk"),
    ],
)
def test_wrong_types_in_a_configuration_are_named(tmp_path, entry, text):
    (tmp_path / "c.toml").write_text(entry)
    options = ["--out", str(tmp_path / "d.zarr"), "--config", str(tmp_path / "c.toml")]
    with pytest.raises(click.ClickException) as caught:
        build_command.make_context("build-dataset", options)
    assert text in caught.value.format_message()
