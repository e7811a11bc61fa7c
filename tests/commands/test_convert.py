"""`convert-dataset`, `merge-dataset` and `split-dataset`, as users run them."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import zarr

from crafter_dataset.builder.convert import OURS
from crafter_dataset.builder.importing.detect import KINDS
from crafter_dataset.builder.settings import BuildSettings, Target
from crafter_dataset.commands.convert import KINDS as COMMAND_KINDS
from crafter_dataset.commands.convert import TARGETS
from crafter_dataset.commands.convert import main as convert_main
from crafter_dataset.loader import open_dataset
from crafter_dataset.loader.container import open_container
from crafter_dataset.loader.export.formats import FORMATS
from crafter_dataset.schemas import find_violations
from tests.commands.test_build import fails
from tests.containers.test_contract import assert_same
from tests.synthetic import write_dataset


@pytest.fixture
def data(tmp_path, small_path) -> Path:
    path = tmp_path / "data.zarr"
    shutil.copytree(small_path, path)
    return path


def test_between_the_containers(command, data, tmp_path):
    done = command("convert-dataset", "data.zarr", "data.h5")
    assert done.returncode == 0, done.stderr
    assert "data.h5: 12 episodes" in done.stdout
    assert "100%" in done.stderr
    assert open_dataset(tmp_path / "data.h5").metadata.codec == "gzip:3"
    for name in ("back.zarr", "fast.h5"):
        arguments = ["--codec", "zstd:1"] if name == "fast.h5" else []
        done = command("convert-dataset", "data.h5", name, *arguments, "--quiet")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert open_dataset(tmp_path / name).metadata.codec == "zstd:1"
        assert_same(tmp_path / name, data)
    assert command("validate-dataset", "fast.h5", "--deep", "--replay", 2).returncode == 0
    assert command("convert-dataset", "fast.h5", "part.h5", "--episodes", "0:2").returncode == 0
    assert open_dataset(tmp_path / "part.h5").metadata.codec == "zstd:1"


def test_some_episodes(command, data, tmp_path):
    whole = open_dataset(data)
    lengths = whole.episodes["lengths"]
    limit = int(np.sort(lengths)[6])
    arguments = ["--episodes", "2:11", "--filter", f"length >= {limit} and not id == 3"]
    assert command("convert-dataset", "data.zarr", "some.zarr", *arguments).returncode == 0
    wanted = [e for e in range(2, 11) if lengths[e] >= limit and e != 3]
    some = open_dataset(tmp_path / "some.zarr")
    assert [some.origin(index)[1] for index in range(len(some))] == wanted
    for episode, number in zip(some, wanted, strict=True):
        np.testing.assert_array_equal(episode["frames"], whole[number]["frames"])
    done = command("validate-dataset", "some.zarr", "--deep", "--replay", 3)
    assert done.returncode == 0, done.stdout
    done = command("build-dataset", "--out", "some.zarr", "--resume", "--episodes", 20)
    fails(done, 2, "cannot be built further")


def test_split_and_merge_and_append(command, data, tmp_path):
    names = ["train.zarr", "test.h5"]
    done = command("split-dataset", "data.zarr", *names, "--fractions", "0.7", "--by-world")
    assert done.returncode == 0, done.stderr
    train, test = open_dataset(data).split(0.7, by_world=True)
    for name, part in zip(names, (train, test), strict=True):
        stored = open_dataset(tmp_path / name)
        numbers = [stored.origin(index)[1] for index in range(len(stored))]
        assert numbers == part.episodes["episode_ids"].tolist()
        assert not list(find_violations(open_container(tmp_path / name), deep=True))
    done = command("merge-dataset", *names, "both.zarr")
    assert done.returncode == 0, done.stderr
    assert len(open_dataset(tmp_path / "both.zarr")) == 12
    for part in ("0:5", "5:12"):
        append = ["--append"] if part == "5:12" else []
        done = command("convert-dataset", "data.zarr", "grown.h5", "--episodes", part, *append)
        assert done.returncode == 0, done.stderr
    assert_same(tmp_path / "grown.h5", data)
    append = ["convert-dataset", "data.zarr", "grown.h5", "--append"]
    fails(command(*append), 1, "expected each episode once")
    assert command(*append, "--resume").returncode == 0
    assert_same(tmp_path / "grown.h5", data)
    fails(command("merge-dataset", "train.zarr", "data.zarr", "x.zarr"), 1, "expected each episode")
    fails(
        command("split-dataset", "data.zarr", "a.zarr", "b.zarr", "--fractions", "1"), 2, "shares"
    )
    fails(command("split-dataset", "data.zarr", "a.zarr", "--fractions", "x"), 2, "'x'")
    assert not (tmp_path / "a.zarr").exists()


@pytest.mark.parametrize("target", ["iris", "replay-buffer", "gif"])
def test_other_formats(command, data, tmp_path, target):
    if target == "iris":
        pytest.importorskip("torch")
    arguments = ["--to", target, "--episodes", "2:4"]
    done = command("convert-dataset", "data.zarr", f"out-{target}", *arguments)
    assert done.returncode == 0, done.stderr
    assert "2 episodes" in done.stdout
    assert any((tmp_path / f"out-{target}").rglob("*"))
    assert not list(tmp_path.glob(".*"))
    fails(command("convert-dataset", "data.zarr", f"out-{target}", *arguments), 2, "where nothing")
    if target == "replay-buffer":
        root = zarr.open_group(tmp_path / "out-replay-buffer", mode="r")
        assert root["meta/episode_ends"][-1] == open_dataset(data)[2:4].frames - 2
    if target == "iris":
        done = command("convert-dataset", "out-iris", "back.h5")
        assert done.returncode == 0, done.stderr
        back = open_dataset(tmp_path / "back.h5")
        assert not list(find_violations(open_container(tmp_path / "back.h5"), deep=True))
        assert not back[0].has_final_frame
        frames = open_dataset(data)[2]["frames"]
        np.testing.assert_array_equal(back[0]["frames"][:-1], frames[:-1])
        done = command("inspect-dataset", "back.h5")
        assert "unknown" in done.stdout
        done = command("validate-dataset", "back.h5", "--replay", 1)
        fails(done, 2, "--replay: expected terrain and world_seeds, to play episodes again")


def test_a_film_of_one_episode(command, data, tmp_path):
    done = command("convert-dataset", "data.zarr", "one.gif", "--episodes", 2)
    assert done.returncode == 0, done.stderr
    before = (tmp_path / "one.gif").read_bytes()
    assert before[:4] == b"GIF8"
    fails(command("convert-dataset", "data.zarr", "one.gif", "--episodes", 3), 2, "where nothing")
    arguments = ["--episodes", 3, "--overwrite"]
    assert command("convert-dataset", "data.zarr", "one.gif", *arguments).returncode == 0
    assert (tmp_path / "one.gif").read_bytes() != before


@pytest.mark.parametrize(
    ("arguments", "code", "texts"),
    [
        ("none.zarr out.h5", 1, ["none.zarr: expected a Crafter dataset, found nothing"]),
        ("data.zarr out", 2, ["DST: expected an ending out of .zarr"]),
        ("data.zarr out --to cheese", 2, ["cheese"]),
        ("data.zarr data.zarr/part.zarr", 2, ["expected a path outside data.zarr"]),
        ("data.zarr data.zarr", 2, ["expected another path than the source's"]),
        ("data.zarr out.zarr --to hdf5", 2, ["an ending out of .h5, .hdf5"]),
        ("data.zarr out.h5 --to zarr", 2, ["no such ending"]),
        ("data.zarr out.zarr --codec gzip", 2, ["in a Zarr group"]),
        ("data.zarr out.h5 --codec none", 2, ["gzip:0 does not compress"]),
        ("data.zarr out.zarr --codec lz", 2, ["codec: expected zstd:1..22", "'lz'"]),
        ("data.zarr out.zarr --episodes 99", 2, ["--episodes: expected some of the episodes 0 to"]),
        ("data.zarr out.zarr --filter end=='foo'", 2, ["one of unknown, terminated", "'foo'"]),
        ("data.zarr out.zarr --filter length", 2, ["--filter: expected comparisons", "'length'"]),
        ("data.zarr out.zarr --append --overwrite", 2, ["--overwrite, --append: expected"]),
        ("data.zarr out.zarr --append", 1, ["out.zarr: expected a Crafter dataset, found nothing"]),
        ("data.zarr out --to npz --codec zstd", 2, ["--codec: expected a dataset of ours"]),
        ("data.zarr out --to minari --resume", 2, ["--resume: expected a dataset of ours"]),
        ("folder out.zarr", 1, ["folder: expected", "numbered .pt episodes"]),
        ("folder out.zarr --from iris", 1, ["folder"]),
        ("folder out --to diamond", 2, ["import it first"]),
        ("file out.zarr", 1, ["file: expected a Crafter dataset"]),
    ],
)
def test_wrong_arguments(data, tmp_path, monkeypatch, capsys, arguments, code, texts):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("x")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["convert-dataset", *arguments.split(" ")])
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with pytest.raises(SystemExit) as ended:
        convert_main()
    for number, handler in handlers.items():
        signal.signal(number, handler)
    fails(
        subprocess.CompletedProcess([], ended.value.code, "", capsys.readouterr().err), code, *texts
    )
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob("out.*"))


def test_links_that_lead_to_themselves(command, data, tmp_path):
    for arguments in (
        ["convert-dataset", "data.zarr", "loop.h5"],
        ["split-dataset", "data.zarr", "loop.h5", "other.h5"],
        ["build-dataset", "--out", "loop.h5", "--frames", 9],
    ):
        (tmp_path / "loop.h5").unlink(missing_ok=True)
        (tmp_path / "loop.h5").symlink_to("loop.h5")
        done = command(*arguments, "--quiet")
        assert done.returncode == 0 or len(done.stderr.splitlines()) == 1, done.stderr


def test_a_folder_that_is_no_dataset_is_not_replaced(command, data, tmp_path):
    (tmp_path / "mine.zarr").mkdir()
    (tmp_path / "mine.zarr" / "notes").write_text("x")
    for option in ("--overwrite", "--resume"):
        done = command("convert-dataset", "data.zarr", "mine.zarr", option)
        fails(done, 1, "expected a Crafter dataset or nothing, found something else")
    assert (tmp_path / "mine.zarr" / "notes").read_text() == "x"


@pytest.mark.parametrize("target", ["out.h5", "npz"])
def test_ctrl_c(tmp_path, target):
    write_dataset(tmp_path / "data.zarr", [40] * 1500, codec="zstd:1")
    arguments = ["npz-out", "--to", "npz"] if target == "npz" else [target, "--codec", "zstd:9"]
    process = subprocess.Popen(
        [Path(sys.executable).with_name("convert-dataset"), "data.zarr", *arguments],
        cwd=tmp_path, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while process.poll() is None and not any(tmp_path.glob("out.*")) | any(tmp_path.glob(".*")):
        time.sleep(0.01)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    error = process.communicate(timeout=60)[1]
    assert process.returncode == 130, error
    assert "Traceback" not in error
    if target == "npz":
        assert "stopped: nothing was written" in error
        assert [p.name for p in tmp_path.iterdir()] == ["data.zarr"]
        return
    assert "are safe" in error
    stopped = open_dataset(tmp_path / target)
    assert 0 < len(stopped) < 1500
    done = subprocess.run(
        [Path(sys.executable).with_name("convert-dataset"), "data.zarr", *arguments, "--resume"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert_tables_alike(tmp_path / target, tmp_path / "data.zarr")


def assert_tables_alike(one: Path, other: Path) -> None:
    first, second = open_dataset(one), open_dataset(other)
    assert first.metadata.digest == second.metadata.digest
    np.testing.assert_array_equal(first.episodes["lengths"], second.episodes["lengths"])


def test_the_formats_that_help_names_are_those_there_are():
    assert COMMAND_KINDS == KINDS
    assert (*OURS, *FORMATS) == TARGETS


def test_an_exported_dataset_of_the_default_size_comes_back_through_minari(command, tmp_path):
    """Everything that Minari has a place for survives the way there and back."""
    pytest.importorskip("minari")
    from tests.building import build

    settings = BuildSettings(area=(16, 16), length=30, seed=2)
    build(tmp_path / "data.zarr", settings, Target(episodes=3), workers=0)
    for arguments in (["data.zarr", "there", "--to", "minari"], ["there", "back.zarr"]):
        done = command("convert-dataset", *arguments)
        assert done.returncode == 0, done.stderr
    first, second = (open_dataset(tmp_path / name) for name in ("data.zarr", "back.zarr"))
    for episode, original in zip(second, first, strict=True):
        assert set(episode) == set(original)
        for name in episode:
            np.testing.assert_array_equal(episode[name], original[name])
        assert episode.world_seed == original.world_seed
