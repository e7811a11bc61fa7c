"""What is no local folder is read through zarr-python, and says the same."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import fsspec
import numpy as np
import pytest

import crafter_dataset
from crafter_dataset.builder.settings import Target
from crafter_dataset.loader import CorruptDataError, NotADatasetError, Windows, open_dataset
from tests.building import build
from tests.containers.test_contract import FRAMES, SETTINGS, assert_same


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("local") / "data.zarr"
    build(path, SETTINGS, Target(frames=FRAMES), workers=0)
    return path


def zipped(folder: Path, out: Path) -> str:
    """As `cd data.zarr && zip -r ../out.zip .`."""
    return shutil.make_archive(str(out / "inside"), "zip", folder)


def zipped_with_its_folder(folder: Path, out: Path) -> str:
    """As `zip -r out.zip data.zarr`."""
    return shutil.make_archive(str(out / "around"), "zip", folder.parent, folder.name)


def zipped_from_far_above(folder: Path, out: Path) -> str:
    """As `zip -r out.ZIP experiments/of/mine`, among other files."""
    above = out / "experiments"
    shutil.copytree(folder, above / "of" / "mine")
    (above / "of" / "notes.txt").write_text("mine")
    made = shutil.make_archive(str(out / "above"), "zip", out, "experiments")
    return str(Path(made).rename(out / "above.ZIP"))


def as_address(folder: Path, out: Path) -> str:
    return f"file://{folder}"


def as_another_address(folder: Path, out: Path) -> str:
    return f"local://{folder}"


def in_memory(folder: Path, out: Path) -> str:
    address = f"memory://{out}/data.zarr"
    files, _ = fsspec.core.url_to_fs(address)
    files.put(str(folder), str(out / "data.zarr"), recursive=True)
    return address


PLACES = [
    zipped,
    zipped_with_its_folder,
    zipped_from_far_above,
    as_address,
    as_another_address,
    in_memory,
]


@pytest.fixture(params=PLACES, ids=lambda place: place.__name__)
def where(request, folder, tmp_path) -> str:
    return request.param(folder, tmp_path)


def test_it_holds_what_the_folder_holds(where, folder):
    assert_same(where, folder)


def test_it_is_valid(where):
    report = crafter_dataset.validate(where, deep=True)
    assert report.violations == ()
    assert report.episodes == len(open_dataset(where))


def test_it_is_summed_up_alike(where, folder):
    assert crafter_dataset.summarize(where) == crafter_dataset.summarize(folder)


def test_windows_are_the_same(where, folder):
    one, other = (Windows(open_dataset(path), 5)[[0, 7, 3]] for path in (where, folder))
    for name, values in one.items():
        np.testing.assert_array_equal(values, other[name])


def test_it_is_converted(where, folder, tmp_path):
    copy = crafter_dataset.convert(where, tmp_path / "copy.zarr")
    assert copy.metadata.digest == open_dataset(folder).metadata.digest


def test_its_episodes_are_merged(where, folder, tmp_path):
    crafter_dataset.convert(where, tmp_path / "first.zarr", episodes="0:1")
    crafter_dataset.convert(folder, tmp_path / "rest.zarr", episodes="1:")
    with_it = crafter_dataset.merge(
        [tmp_path / "first.zarr", tmp_path / "rest.zarr"], tmp_path / "m"
    )
    assert_same(tmp_path / "m", folder)
    with pytest.raises(crafter_dataset.CrafterDatasetError, match="expected each episode once"):
        crafter_dataset.merge([where, tmp_path / "rest.zarr"], tmp_path / "twice")
    merged = crafter_dataset.merge([where], tmp_path / "whole.h5")
    assert merged.metadata.digest == with_it.metadata.digest


def test_it_is_shown(where, tmp_path):
    crafter_dataset.view(where, screenshot=tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_commands_take_it(where, command):
    if where.startswith("memory://"):
        pytest.skip("another process has another memory")
    for words in (["inspect-dataset"], ["validate-dataset", "--deep"]):
        done = command(*words, where)
        assert done.returncode == 0, done.stderr


def test_what_is_missing_is_named(folder, tmp_path):
    copy = tmp_path / "data.zarr"
    shutil.copytree(folder, copy)
    next(copy.glob("frames/c.*")).unlink()
    path = zipped(copy, tmp_path)
    report = crafter_dataset.validate(path)
    assert [violation.path for violation in report.violations] == ["frames"]
    with pytest.raises(CorruptDataError, match=r"frames\[0:1\]: expected a file c\S+, found none"):
        open_dataset(path)[0]["frames"][0]


def test_what_takes_its_place_is_not_taken_for_it(folder, tmp_path):
    other = tmp_path / "other.zarr"
    build(
        other,
        dataclasses.replace(SETTINGS, seed=SETTINGS.seed + 1),
        Target(frames=FRAMES),
        workers=0,
    )
    address = in_memory(folder, tmp_path)
    dataset = open_dataset(address)
    first = dataset[0]["frames"][:3]
    np.testing.assert_array_equal(first, open_dataset(folder)[0]["frames"][:3])
    files, root = fsspec.core.url_to_fs(address)
    files.rm(root, recursive=True)
    for what in ("none", "another"):
        if what == "another":
            in_memory(other, tmp_path)
            assert files.exists(f"{root}/zarr.json")
        with pytest.raises(CorruptDataError, match=r"^episode 0, frames\[0:3\]: "):
            dataset[0]["frames"][:3]
        with pytest.raises(CorruptDataError):
            Windows(dataset, 4)[[1, 2]]
    files.rm(root, recursive=True)


def test_one_that_grows_is_read_on(tmp_path):
    """What was committed when it was opened stays what it was."""
    growing = tmp_path / "growing.zarr"
    build(growing, SETTINGS, Target(frames=FRAMES), workers=0)
    document = json.loads((growing / "zarr.json").read_text())
    document["attributes"]["crafter_dataset"].update(status="building", digest=None)
    (growing / "zarr.json").write_text(json.dumps(document))
    dataset = open_dataset(f"local://{growing}")
    document["attributes"]["crafter_dataset"]["counts"]["episodes"] += 1
    (growing / "zarr.json").write_text(json.dumps(document))
    assert len(dataset[0]["frames"][:3]) == 3


def test_a_zip_of_something_else_is_none(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "notes.txt").write_text("mine")
    path = zipped_with_its_folder(tmp_path / "a", tmp_path)
    with pytest.raises(NotADatasetError, match=r"expected zarr\.json at its top .*, found none"):
        open_dataset(path)


@pytest.mark.parametrize(("names", "found"), [
    (["a/zarr.json", "a/frames/zarr.json", "b.c/zarr.json"], r"found 'a', 'b\.c'$"),
    (["a/data.h5"], r"or an HDF5 file unzipped, found 'a/data\.h5'$"),
])  # fmt: skip
def test_a_zip_of_several_or_of_hdf5_says_how_to_zip_one(tmp_path, names, found):
    for name in names:
        (tmp_path / "z" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "z" / name).write_text("{}")
    with pytest.raises(NotADatasetError, match=found) as caught:
        open_dataset(zipped(tmp_path / "z", tmp_path))
    assert "zip -r0 ../data.zip ." in str(caught.value)


ADDRESS = "memory://there/x"


@pytest.mark.parametrize(("call", "argument"), [
    ("build(ADDRESS, frames=9)", "path"), ("convert(data, ADDRESS, to='zarr')", "out"),
    ("merge([data], ADDRESS)", "out"), ("split(data, ['a', ADDRESS])", "outs"),
    ("plot(data, ADDRESS)", "out"), ("view(data, screenshot=ADDRESS + '.png')", "screenshot"),
])  # fmt: skip
def test_nothing_is_written_to_an_address(folder, tmp_path, monkeypatch, call, argument):
    monkeypatch.chdir(tmp_path)
    names = {name: getattr(crafter_dataset, name) for name in crafter_dataset.__all__}
    text = f"{argument}: expected a path of a disk, since only reading takes addresses, found mem"
    with pytest.raises(ValueError, match=text):
        eval(call, {"data": folder, "ADDRESS": ADDRESS, **names})
    assert list(tmp_path.iterdir()) == []


def test_commands_write_to_no_address_either(command, folder, tmp_path):
    for words in (["build-dataset", "--frames", 9, "--out"], ["convert-dataset", folder]):
        done = command(*words, "s3://bucket/x.zarr")
        assert done.returncode == 2
        assert "expected a path of a disk" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_tilde_is_the_home_wherever_it_stands(command, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "c.toml").write_text('out = "~/configured.zarr"\nframes = 20\narea = 24\n')
    words = ["--frames", 20, "--area", 24, "--workers", 0, "--quiet"]
    # Not in that home: else the engine would be compiled anew for it.
    environment = {"HOME": str(home), "XDG_CACHE_HOME": str(Path.home() / ".cache")}
    for options in (["--out=~/given.zarr", *words], ["--config", "c.toml", "--quiet"]):
        done = command("build-dataset", *options, **environment)
        assert done.returncode == 0, done.stderr
    assert {path.name for path in home.glob("*.zarr")} == {"configured.zarr", "given.zarr"}
    assert command("inspect-dataset", "~/given.zarr", **environment).returncode == 0
