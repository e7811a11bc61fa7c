"""Files that are not what they stand for, and files that systems leave in people's folders."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

import crafter_dataset
from crafter_dataset.builder.importing.foreign import ForeignError
from crafter_dataset.loader import open_dataset
from crafter_dataset.schemas.errors import CorruptDataError, NotADatasetError
from crafter_dataset.schemas.git_lfs import is_pointer

POINTER = (
    "version https://git-lfs.github.com/spec/v1\n"
    f"oid sha256:{'4d7a2146' * 8}\nsize 12345\n"
)  # fmt: skip
ADVICE = "found a Git LFS pointer to it; fetch the file with: git lfs pull"
STRAY = (".DS_Store", "._data", "Thumbs.db", "desktop.ini", ".nfs0000000001", ".directory")


@pytest.fixture
def copied(small_path, tmp_path):
    shutil.copytree(small_path, tmp_path / "d.zarr")
    return tmp_path / "d.zarr"


@pytest.mark.parametrize("name", ["d.h5", "d.zip", "d"])
def test_a_dataset_that_was_not_fetched(tmp_path, name):
    (tmp_path / name).write_text(POINTER)
    with pytest.raises(NotADatasetError, match=ADVICE):
        open_dataset(tmp_path / name)


def test_a_group_that_was_not_fetched(command, copied):
    (copied / "zarr.json").write_text(POINTER)
    with pytest.raises(NotADatasetError, match=f"expected a Crafter dataset, .*{ADVICE[6:]}"):
        open_dataset(copied)
    for words in (["validate-dataset"], ["inspect-dataset"], ["view-dataset"]):
        done = command(*words, copied)
        assert done.returncode == 1
        assert ADVICE[6:] in done.stderr


@pytest.mark.parametrize("field", ["frames", "rewards", "episodes/returns"])
def test_chunks_that_were_not_fetched(copied, field):
    next((copied / field).glob("c.*")).write_text(POINTER)
    report = crafter_dataset.validate(copied, deep=True)
    assert any(ADVICE in str(violation) for violation in report.violations)
    with pytest.raises(CorruptDataError, match=ADVICE):
        open_dataset(copied)[0].load()


def test_shallow_validation_sees_it_too(copied):
    next((copied / "frames").glob("c.*")).write_text(POINTER)
    assert ADVICE in str(crafter_dataset.validate(copied).violations)


@pytest.mark.parametrize(("names", "kind"), [
    (["0.pt"], "collector"), (["0.pt"], "iris"), (["a.npz"], "recorder"),
    (["a.npz"], None), (["0.pt"], None), (["data/metadata.json"], "minari"),
    (["info.pt", "0.pt"], "diamond"), (["data/metadata.json", "data/main_data.hdf5"], None),
])  # fmt: skip
def test_other_formats_that_were_not_fetched(tmp_path, names, kind):
    for name in names:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(POINTER)
    with pytest.raises(ForeignError, match=rf"expected the file itself, {ADVICE}"):
        crafter_dataset.convert(tmp_path / "in", tmp_path / "out.zarr", from_=kind)
    assert not (tmp_path / "out.zarr").exists()


def test_what_is_no_pointer(tmp_path):
    (tmp_path / "long").write_text(POINTER + "x" * 2000)
    (tmp_path / "other").write_text("version 1")
    (tmp_path / "empty").write_text("")
    for name in ("long", "other", "empty", ".", "none"):
        assert not is_pointer(tmp_path / name)


def litter(folder: Path) -> None:
    """Leave stray files wherever there is a folder."""
    for inner in [folder, *(path for path in folder.rglob("*") if path.is_dir())]:
        for name in STRAY:
            (inner / name).write_bytes(b"\0\0\0\1Bud1")


def test_stray_files_in_a_dataset_are_not_data(copied, tmp_path):
    plain = open_dataset(copied)
    digest, size = plain.metadata.digest, plain.summary().stored_bytes
    litter(copied)
    report = crafter_dataset.validate(copied, deep=True)
    assert report.violations == ()
    assert open_dataset(copied).summary().stored_bytes == size
    assert crafter_dataset.convert(copied, tmp_path / "e.zarr").metadata.digest == digest
    crafter_dataset.view(copied, screenshot=tmp_path / "a.png")
    crafter_dataset.build(copied, episodes=13, resume=True, workers=0)
    assert len(open_dataset(copied)) == 13
    crafter_dataset.convert(tmp_path / "e.zarr", copied, overwrite=True)
    assert open_dataset(copied).metadata.digest == digest


def recorded(dataset, folder):
    """Write episodes as crafter.Recorder does."""
    folder.mkdir()
    for episode in dataset:
        np.savez(
            folder / f"{episode.id}.npz",
            image=episode["frames"][:],
            action=np.append(0, episode["actions"][:-1]),
            reward=np.append(0, episode["rewards"][:-1]).astype("f4"),
        )


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", ["recorder", "minari", "diamond", "iris"])
def test_stray_files_in_other_formats_are_not_data(small_path, tmp_path, kind):
    if kind != "recorder":
        pytest.importorskip("minari" if kind == "minari" else "torch")
    folder = tmp_path / "in"
    if kind == "recorder":
        recorded(open_dataset(small_path)[:2], folder)
    else:
        crafter_dataset.convert(small_path, folder, to=kind, episodes="0:2")
    litter(folder)
    for name in ("._0.pt", "._0.npz", "._info.pt"):
        (folder / name).write_bytes(b"\0")
    assert len(crafter_dataset.convert(folder, tmp_path / "out.zarr")) == 2


def test_a_zip_that_a_mac_has_made(small_path, tmp_path):
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        for path in sorted(small_path.rglob("*")):
            if path.is_file():
                archive.write(path, f"d.zarr/{path.relative_to(small_path)}")
        for name in ("d.zarr/._zarr.json", "d.zarr/frames/._c.0.0.0.0", "._d.zarr"):
            archive.writestr(f"__MACOSX/{name}", b"\0")
        archive.writestr("d.zarr/.DS_Store", b"\0")
    assert crafter_dataset.validate(tmp_path / "d.zip", deep=True).violations == ()
